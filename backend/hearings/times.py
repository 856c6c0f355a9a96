"""When a meeting begins: counties write a day, and of the time whatever they like."""

import datetime
import re
from dataclasses import dataclass, field

from backend.hearings.relevance import clean
from backend.web.clock import CALIFORNIA

NOON = datetime.time(12)
CLOCK = re.compile(
    r"(?<![\d:.])(?:(?P<hour>[01]?\d|2[0-3])(?:\s?[:.]\s?(?P<minute>[0-5]\d))?(?::[0-5]\d)?"
    r"\s*(?P<half>[ap])\s*\.?\s*m\b\.?|(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)(?!\d)"
    r"|\b(?:12\s+)?(?P<noon>noon)\b)",
    re.IGNORECASE,
)
# "Immediately following the 9:00 AM meeting": that is another one's time.
AFTERWARDS = re.compile(
    r"\b(?:follow|after|upon|conclusion|adjourn|recess|end of|close of)", re.IGNORECASE
)
UNTIL = re.compile(r"^\s*(?:-|–|—|to|until|till|through)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class When:
    """As `entry.Entry` has it. `doubts` are names of `proposing.DOUBTS` with their details."""

    starts_at: datetime.datetime
    time_known: bool
    time_text: str = ""
    ends_at: datetime.datetime | None = None
    doubts: tuple[tuple[str, dict[str, str]], ...] = field(default=())


def on(day: datetime.date, text: str | None) -> When:
    """The day in California, and what a county wrote of the time."""
    said = clean(text, 300)
    found = [(met, time_of(met)) for met in CLOCK.finditer(said)]
    times = [(met, time) for met, time in found if time is not None]
    if not times or AFTERWARDS.search(said[: times[0][0].start()]):
        return When(at(day, NOON), False, said, doubts=_doubt("time_unclear", said))
    first, time = times[0]
    alone = not re.sub(r"[\W_]", "", said[: first.start()] + said[first.end() :])
    exact = exactly(day, time, "" if alone else said)
    others = [(met, other) for met, other in times[1:] if other != time]
    if not others or not exact.time_known:
        return exact
    second, other = others[0]
    ends_at = at(day, other)
    is_end = UNTIL.match(said[first.end() : second.start()]) and ends_at > exact.starts_at
    if is_end:
        return When(exact.starts_at, True, "" if _is_all(said, times) else said, ends_at)
    doubts = exact.doubts + _doubt("two_times", said)
    return When(exact.starts_at, True, said, doubts=doubts)


def exactly(day: datetime.date, time: datetime.time, said: str = "") -> When:
    """That time of that day. In spring an hour does not exist, in autumn one comes twice: then an
    editor must look."""
    moment = at(day, time)
    back = moment.astimezone(datetime.UTC).astimezone(CALIFORNIA)
    written = f"{time:%H:%M}"
    if back.time() != time:
        doubts = (("no_such_time", {"time": written}),)
        return When(at(day, NOON), False, said or written, doubts=doubts)
    later = moment.replace(fold=1)
    if later.utcoffset() != moment.utcoffset():
        return When(moment, True, said, doubts=(("time_comes_twice", {"time": written}),))
    return When(moment, True, said)


def at(day: datetime.date, time: datetime.time) -> datetime.datetime:
    return datetime.datetime.combine(day, time, CALIFORNIA)


def _doubt(name: str, said: str) -> tuple[tuple[str, dict[str, str]], ...]:
    return ((name, {"said": said}),) if said else ()


def time_of(met: re.Match[str]) -> datetime.time | None:
    """None for what no clock shows, like 13:30 AM."""
    if met["noon"]:
        return NOON
    if met["hour24"]:
        return datetime.time(int(met["hour24"]), int(met["minute24"]))
    hour, minute = int(met["hour"]), int(met["minute"] or 0)
    if not 1 <= hour <= 12:
        return None
    return datetime.time(hour % 12 + (12 if met["half"] in "pP" else 0), minute)


def _is_all(said: str, times: list[tuple[re.Match[str], datetime.time]]) -> bool:
    rest = said[: times[0][0].start()] + said[times[1][0].end() :]
    return len(times) == 2 and not re.sub(r"[\W_]", "", rest)
