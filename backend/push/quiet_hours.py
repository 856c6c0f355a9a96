"""Quiet hours: the hours in which a phone shall not ring, as its owner set them, in minutes of the
day in California."""

from datetime import datetime, time, timedelta

from backend.web.clock import CALIFORNIA

DAY = 24 * 60


def until(start: int | None, end: int | None, now: datetime) -> datetime | None:
    """When the quiet that holds now ends; None when it may ring."""
    if start is None or end is None or start == end:
        return None
    local = now.astimezone(CALIFORNIA)
    minute = local.hour * 60 + local.minute
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return None
    # Quiet that began before midnight ends tomorrow. By the wall clock: in two nights of the year
    # an hour is missing or comes twice.
    day = local.date() + timedelta(days=1 if minute >= end else 0)
    ends = datetime.combine(day, time(end // 60 % 24, end % 60), CALIFORNIA)
    # Of an hour that comes twice, the second: the first may be over.
    return ends if ends > now else ends.replace(fold=1)
