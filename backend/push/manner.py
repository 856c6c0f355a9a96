"""How the ringing is done: the numbers that somebody may want to turn."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Manner:
    """`page` subscriptions are looked up at once, `batch` ids are kept in one row. One process runs
    `lanes` for one push service, whoever else is free runs more of the `asked_for`; a lane has
    `window` messages under way, and `unnoted` ones at most that are answered and not yet noted. A
    lane that was not heard of for `lease` has died. `seconds` is how long an answer may take.

    So many refusals in a row stop a service, so many silences too. What a service has no time for
    is tried again after `first_wait`, twice that and so on up to `longest_wait`; a phone that is
    refused so often (`refused_tries`) is left alone. A lane takes no more after
    `shift`: a worker that is told to end shall not be waited for."""

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
    refused_tries: int = 3
    shift: timedelta = timedelta(seconds=4)


# Looked up each time it is needed: tests put another in its place.
current = Manner()
