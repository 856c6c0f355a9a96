"""Tuning: how the ringing is done, in numbers that somebody may want to turn."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Manner:
    """`page` subscriptions are looked up at once, `batch` ids are kept in one row. One process runs
    `lanes` for one push service, whoever else is free runs more of the `asked_for`; a lane has
    `window` messages under way, and `unnoted` ones at most that are answered and not yet noted. A
    lane that was not heard of for `lease` has died. `seconds` is how long an answer may take.

    So many refusals stop a service, so many silences too, if they are of phones that had proved
    themselves, at their first try, and the service took nothing `lately`. Other batches are never a
    reason to stop: until one of theirs is taken, only `refusals` messages are under way at once,
    and after so many refusals one goes every `walk` seconds. A phone that is refused so often as
    `aside`, while its service took others' messages of this very process (for so long as `witness`
    that counts), is set aside and rung once by each alert; at `struck` refusals it is deleted.
    While a service stands still, one message is sent each `probe` to see whether it is well, if
    something is urgent.

    What a service has no time for is tried again after `first_wait`, twice that and so on up to
    `longest_wait`. A lane takes no more after `shift`: a worker that is told to end shall not be
    waited for."""

    page: int = 5000
    batch: int = 500
    lanes: int = 2
    asked_for: int = 6
    window: int = 64
    unnoted: int = 120
    lease: timedelta = timedelta(seconds=30)
    seconds: float = 10.0
    refusals: int = 5
    silences: int = 20
    first_wait: timedelta = timedelta(seconds=5)
    longest_wait: timedelta = timedelta(minutes=15)
    lately: timedelta = timedelta(seconds=10)
    witness: timedelta = timedelta(minutes=1)
    walk: float = 0.1
    aside: int = 3
    struck: int = 6
    probe: timedelta = timedelta(seconds=15)
    shift: timedelta = timedelta(seconds=4)


# Looked up each time it is needed: tests put another in its place.
current = Manner()
