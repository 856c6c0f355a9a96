"""Opening hours as people write them: "Mon-Fri 8:00-17:00". What we are not sure of stays
unknown: whoever comes to a closed door may not come again."""

import re
from typing import Final

from backend.enrollment.places import DAYS, Json

NAMES: Final = {
    "mon": 0, "monday": 0, "tue": 1, "tues": 1, "tuesday": 1, "wed": 2, "wednesday": 2, "thu": 3,
    "thur": 3, "thurs": 3, "thursday": 3, "fri": 4, "friday": 4, "sat": 5, "saturday": 5,
    "sun": 6, "sunday": 6,
}  # fmt: skip
STRETCH = re.compile(
    r"(?P<days>[a-z]+(?:\s*(?:-|–|to|through|,|and|&)\s*[a-z]+)*)\s+"
    r"(?P<opens>\d{1,2}(?::\d\d)?\s*(?:[ap]\.?m\.?)?)\s*(?:-|–|to)\s*"
    r"(?P<closes>\d{1,2}(?::\d\d)?\s*(?:[ap]\.?m\.?)?)",
)


def read_hours(text: str) -> list[Json]:
    """The schedules the words say; none when any of them is not understood."""
    rest = re.sub(r"\((?:phone|office)\)|[;.]\s*$", "", text.casefold()).strip()
    found = []
    while rest:
        match = STRETCH.match(rest)
        read = _stretch(match) if match else None
        if match is None or read is None:
            return []
        found.append(read)
        rest = rest[match.end() :].lstrip(" ;,")
    return found


def read_typed(text: str) -> list[Json] | None:
    """What an editor typed, one stretch a line; None when a line is not understood."""
    found = []
    for line in filter(None, (each.strip() for each in text.splitlines())):
        read = read_hours(line)
        if not read:
            return None
        found += read
    return found


def write_hours(schedules: list[Json]) -> str:
    """The same for the editor's box: "Mon-Fri 8:00-17:00", one stretch a line."""
    names = dict(zip(DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
    return "\n".join(
        f"{_span([names[day] for day in each['byday'].split(',') if day in names])} "
        f"{each['opens_at']}-{each['closes_at']}"
        for each in schedules
    )


def _span(names: list[str]) -> str:
    order = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    numbers = [order.index(name) for name in names]
    if len(names) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"{names[0]}-{names[-1]}"
    return ", ".join(names)


def _stretch(match: "re.Match[str]") -> Json | None:
    days = _days(match["days"])
    opens, closes = _clock(match["opens"]), _clock(match["closes"])
    if not days or opens is None or closes is None:
        return None
    # "8 - 5" without a.m. and p.m. can only mean the afternoon.
    if closes <= opens and not re.search("[ap]", match["closes"]) and closes < "12:00":
        closes = f"{int(closes[:2]) + 12:02d}{closes[2:]}"
    if closes <= opens:
        return None
    return {"byday": ",".join(days), "opens_at": opens, "closes_at": closes}


def _days(text: str) -> list[str]:
    numbers: list[int] = []
    for part in re.split(r"\s*(?:,|and|&)\s*", text):
        ends = [NAMES.get(name.strip()) for name in re.split(r"-|–|to|through", part)]
        if None in ends or len(ends) > 2:
            return []
        first, last = ends[0], ends[-1]
        assert first is not None
        assert last is not None
        if last < first:
            return []
        numbers += range(first, last + 1)
    return [DAYS[number] for number in sorted(set(numbers))]


def _clock(text: str) -> str | None:
    match = re.fullmatch(r"(\d{1,2})(?::(\d\d))?\s*([ap])?\.?m?\.?", text.strip())
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3] == "p" else 0)
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else None
