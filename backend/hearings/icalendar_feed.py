"""Calendar feeds (RFC 5545), in whatever encoding they come.

Events are read one by one, so that a broken one does not take the others along. Of one that comes
again and again, the days from 45 days ago to a year ahead are read.
"""

import asyncio
import datetime
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from backend.hearings import times
from backend.hearings.entry import Vote
from backend.hearings.fetching import CannotRead, Fetcher, decoded
from backend.hearings.kinds import Status
from backend.hearings.meetings import (
    Item,
    Meeting,
    link,
    places,
    status_in,
    text,
    version_of,
)
from backend.hearings.proposals import Doubt
from backend.hearings.times import When
from backend.web.clock import CALIFORNIA, today
from backend.web.language import later

BACK, AHEAD = datetime.timedelta(days=45), datetime.timedelta(days=366)
MOST_TIMES = 120
MOST_EVENTS = 20_000
# Of one event.
MOST_LETTERS = 100_000
# Seconds for all events of a feed.
PATIENCE = 60
STATUSES = {"CANCELLED": Status.CANCELLED}


class CalendarFeed:
    has_agendas = False

    def __init__(
        self, fetcher: Fetcher, url: str, county: str, publisher: str, etag: str, modified: str
    ) -> None:
        self.fetcher, self.url = fetcher, url
        self.county, self.publisher = county, publisher
        self.etag, self.modified = etag, modified
        self.broken = 0
        self.tells_all = True

    async def pages(self) -> AsyncIterator[list[Meeting]]:
        got = await self.fetcher.get(self.url, etag=self.etag, modified=self.modified)
        if got.body is None:
            self.tells_all = False
            return
        # Thousands of events take seconds, in which others' jobs go on.
        meetings = await asyncio.to_thread(self._all, got.body, got.charset)
        # One that cannot be read has not vanished.
        self.tells_all = not self.broken
        yield meetings
        self.etag, self.modified = got.etag, got.modified

    def _all(self, body: bytes, charset: str) -> list[Meeting]:
        return list(self.read(decoded(body, charset)))

    async def agenda(self, meeting: Meeting) -> list[Item]:
        return []

    async def votes(self, item: Item) -> list[Vote]:
        return []

    async def again(self, key: str) -> Meeting | None:
        return None

    def read(self, feed: str) -> Iterator[Meeting]:
        """Raises CannotRead for what is no calendar at all, or is cut off."""
        lines = feed.replace("\r\n", "\n").replace("\r", "\n")
        whole = lines.strip().upper()
        if not whole.startswith("BEGIN:VCALENDAR"):
            raise CannotRead(later("What it sent is no calendar."))
        if not whole.endswith("END:VCALENDAR"):
            raise CannotRead(later("What it sent breaks off in the middle of the calendar."))
        events = []
        for number, block in enumerate(_blocks(lines)):
            if number == MOST_EVENTS:
                raise CannotRead(later("It sends more events than any county has."))
            event = _event(block)
            if event is None:
                self.broken += 1
            else:
                events.append(event)
        # What an event that repeats says of single days of its own comes as events too.
        apart = {
            (str(event.get("UID")), _local(event.decoded("RECURRENCE-ID")))
            for event in events
            if event.get("RECURRENCE-ID")
        }
        began = time.monotonic()
        for event in events:
            # A rule for a day that never comes is looked for until the year 9999.
            if time.monotonic() - began > PATIENCE:
                raise CannotRead(later("Reading all of it took too long."))
            try:
                yield from self._meetings(event, apart)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                self.broken += 1

    def _meetings(self, event: Any, apart: set[tuple[str, str]]) -> Iterator[Meeting]:
        uid = text(str(event.get("UID", "")), 150) or version_of(str(event.get("SUMMARY")))[:40]
        start = event.decoded("DTSTART", None)
        if event.get("RRULE") and start is not None and not event.get("RECURRENCE-ID"):
            for day in _days(event, start):
                if (str(event.get("UID")), _local(day)) not in apart:
                    yield self._meeting(event, f"{uid} {_local(day)}", day, repeats=True)
            return
        if moment := event.get("RECURRENCE-ID"):
            uid = f"{uid} {_local(moment.dt)}"
        yield self._meeting(event, uid, start)

    def _meeting(self, event: Any, key: str, start: Any, repeats: bool = False) -> Meeting:
        title = text(str(event.get("SUMMARY", "")), 4000)
        description = text(str(event.get("DESCRIPTION", "")), 8000)
        place, remote, how = places(str(event.get("LOCATION", "")))
        status = text(str(event.get("STATUS", ""))).upper()
        page = link(str(event.get("URL", "")))
        doubts: list[Doubt] = [("repeats", {})] if repeats else []
        if status == "TENTATIVE":
            doubts.append(("unsure", {}))
        when = _when(start, None if repeats else event.decoded("DTEND", None))
        return Meeting(
            key=key,
            version=version_of([title, description, place, status, page, str(start)]),
            title=title,
            when=when,
            status=STATUSES.get(status) or status_in(title),
            place=place,
            remote_url=remote,
            remote_how=how,
            page_url=page,
            description=description,
            doubts=doubts,
        )


def _blocks(lines: str) -> Iterator[str]:
    """The lines of each event, also of one that does not end."""
    held: list[str] = []
    for line in lines.split("\n"):
        word = line.rstrip().upper() if len(line) < 40 else ""
        if word == "BEGIN:VEVENT" and held:
            yield "\n".join(held)
            held = []
        if held or word == "BEGIN:VEVENT":
            held.append(line)
        if word == "END:VEVENT" and held:
            yield "\n".join(held)
            held = []
    if held:
        yield "\n".join(held)


def _event(block: str) -> Any:
    """None for what cannot be read."""
    from icalendar import Event

    if len(block) > MOST_LETTERS:
        return None
    try:
        event = Event.from_ical(block)
        begins = event.decoded("DTSTART", None)
        return event if isinstance(begins, datetime.date) else None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _when(start: Any, end: Any) -> When | None:
    if isinstance(start, datetime.datetime):
        if not 2000 <= start.year <= 2100:
            return None
        # Without a zone it means where it is read: here.
        local = start.astimezone(CALIFORNIA) if start.tzinfo else None
        when = When(local, True) if local else times.exactly(start.date(), start.time())
        ends_at = _moment(end)
        if when.time_known and ends_at and ends_at > when.starts_at:
            return When(when.starts_at, True, when.time_text, ends_at, when.doubts)
        return when
    if isinstance(start, datetime.date) and 2000 <= start.year <= 2100:
        return times.on(start, None)
    return None


def _moment(end: Any) -> datetime.datetime | None:
    if not isinstance(end, datetime.datetime) or not 2000 <= end.year <= 2100:
        return None
    return end if end.tzinfo else end.replace(tzinfo=CALIFORNIA)


def _local(moment: Any) -> str:
    if isinstance(moment, datetime.datetime):
        local = moment.astimezone(CALIFORNIA) if moment.tzinfo else moment
        return f"{local:%Y%m%dT%H%M}"
    return f"{moment:%Y%m%d}" if isinstance(moment, datetime.date) else ""


def _days(event: Any, start: Any) -> Iterator[Any]:
    """When an event that repeats does so, by the clock on the wall: over the change of clocks it
    stays at nine."""
    from dateutil.rrule import rrulestr

    is_day = not isinstance(start, datetime.datetime)
    zone = None if is_day else start.tzinfo
    first = (
        datetime.datetime.combine(start, datetime.time()) if is_day else start.replace(tzinfo=None)
    )
    rule = event["RRULE"].to_ical().decode()
    # `UNTIL` is in UTC; compared with the clock on the wall a day more is close enough.
    rule = re.sub(r"UNTIL=(\d{8})(?:T\d{6}Z?)?", r"UNTIL=\1T235959", rule)
    if re.search(r"FREQ=(?:SECONDLY|MINUTELY|HOURLY)", rule):
        raise ValueError("no board meets every hour")
    left_out = {_local(each.dt) for dates in _as_list(event.get("EXDATE")) for each in dates.dts}
    begins = datetime.datetime.combine(today() - BACK, datetime.time())
    number = 0
    for moment in rrulestr(rule, dtstart=first).xafter(begins, inc=True):
        if moment > begins + BACK + AHEAD or number == MOST_TIMES:
            return
        day: Any = moment.date() if is_day else moment.replace(tzinfo=zone)
        if _local(day) not in left_out:
            number += 1
            yield day


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
