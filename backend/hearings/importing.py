"""Scraper: one reading of one source; what it says is kept, compared, and proposed where it
matters.

Pieces of fifty meetings are kept each in a transaction of its own, after the other side has
answered: a reading that breaks off keeps what it has, and no connection of the database waits for
a county's server. What is ahead and no longer told is judged only after a whole reading.
"""

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from backend import settings
from backend.database import DB
from backend.hearings import csv_file, meetings, proposals, sources
from backend.hearings import entry as entries
from backend.hearings.entry import Entry, Vote
from backend.hearings.fetching import CannotRead, TooLarge, decoded, fetching
from backend.hearings.icalendar_feed import CalendarFeed
from backend.hearings.kinds import AHEAD, Status
from backend.hearings.legistar import HIDDEN, Legistar
from backend.hearings.meetings import Importer, Item, Meeting
from backend.hearings.openstates import OpenStates
from backend.hearings.primegov import PrimeGov
from backend.hearings.proposals import Doubt
from backend.hearings.relevance import Match, find
from backend.hearings.tables import HearingSource, Proposal, SourceEvent
from backend.staff import audit
from backend.staff.tables import Account, Alarm, now
from backend.web.language import later
from backend.web.logs import told

log = structlog.get_logger()

PIECE = 50
AT_ONCE = 4
# Agendas are read again when their meeting changed, every hour around it, and every day in between;
# who edits late need not leave a mark.
AROUND = datetime.timedelta(hours=72)
DAILY = datetime.timedelta(hours=20)
# Less than what a job may take: then it is the source that failed, and backs off.
LONGEST = datetime.timedelta(minutes=14)
# This many agendas in a row that cannot be read are no accident.
IN_A_ROW = 8
# A source asks too much of itself, or of us, more often than that. In hours: Open States counts.
REST = {"openstates": datetime.timedelta(hours=12)}
FIRST_WAIT, LONGEST_WAIT = datetime.timedelta(minutes=50), datetime.timedelta(hours=12)
ALARM_AFTER = datetime.timedelta(hours=24)
FORGET = datetime.timedelta(days=120)
DIVIDES = "/"


@dataclass
class Report:
    """`events` are meetings told, `relevant` those our words found, `proposals` those newly made,
    `accepted` those of them that a rule accepted. `agendas` were read, `hidden` were not to be had,
    `unreadable` could not be read, `undated` have no day. `whole`: it was read to the end."""

    pages: int = 0
    events: int = 0
    relevant: int = 0
    proposals: int = 0
    accepted: int = 0
    agendas: int = 0
    hidden: int = 0
    unreadable: int = 0
    undated: int = 0
    vanished: int = 0
    seconds: float = 0.0
    whole: bool = False
    at: str = ""
    told: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.events} meetings, {self.relevant} of them relevant: "
            f"{self.proposals} proposals, {self.accepted} of them accepted by a rule."
        )


async def import_hearings(data: dict[str, Any]) -> None:
    """The job: `{source: id}`."""
    await run(int(data["source"]))


async def run(id: int) -> Report | None:
    """Read a source; None while somebody else does. A failure is kept with the source and raises
    nothing: it shall wait its time, and no other source be disturbed."""
    source = await sources.one(id)
    if source is None or not source.place or not await _begin(source):
        return None
    report, began = Report(at=now().isoformat()), time.monotonic()
    error: CannotRead | None = None
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            await _read(source, report)
    except CannotRead as failure:
        error = failure
    except TimeoutError:
        error = CannotRead(later("Reading all of it took too long."))
    except Exception as failure:
        log.error("hearings could not be read", source=source.name, **told(failure))
        error = CannotRead(later("Something is wrong with our own reading. It is in the log."))
    finally:
        report.seconds = round(time.monotonic() - began, 2)
        await HearingSource.update({HearingSource.began_at: None}).where(HearingSource.id == id)
    await (_failed(source, report, error) if error else _went_well(source, report))
    return report


async def from_csv(data: bytes, by: Account | None, *, dry: bool = False) -> Report:
    """A table that somebody hands in: each line is proposed. `dry` only counts. Raises
    csv_file.Mistakes."""
    told_there = csv_file.read(data)
    report = Report(at=now().isoformat(), whole=True)
    async with DB.transaction() as transaction:
        here = await transaction.savepoint()
        await sources.load()
        [found] = await HearingSource.objects(HearingSource.county).where(
            HearingSource.name == sources.BY_HAND
        )
        for piece in _pieces(told_there):
            await _keep(found, None, [_Seen(meeting) for meeting in piece], report)
        if dry:
            await here.rollback_to()  # type: ignore[no-untyped-call]
            return report
        await audit.write(
            by.name if by else audit.HOUSE,
            "hearings_imported",
            f"source {found.name}",
            lines=report.events,
            proposals=report.proposals,
        )
    return report


def _pieces(meetings: list[Meeting]) -> Iterator[list[Meeting]]:
    for first in range(0, len(meetings), PIECE):
        yield meetings[first : first + PIECE]


@dataclass
class _Seen:
    """A meeting with what was found out about its agenda: None when it was not read this time."""

    meeting: Meeting
    items: list[Item] | None = None
    votes: dict[str, list[Vote]] = field(default_factory=dict)
    read_at: datetime.datetime | None = None


async def _begin(source: HearingSource) -> bool:
    """Only one reads a source at a time, on whatever machine. A reader that died is forgotten
    after a while."""
    mine = await HearingSource.raw(
        "UPDATE hearing_source SET began_at = {} WHERE id = {}"
        " AND (began_at IS NULL OR began_at < {}) RETURNING id",
        now(),
        source.id,
        now() - sources.LEASE,
    )
    return bool(mine)


@contextlib.asynccontextmanager
async def _importer(source: HearingSource) -> AsyncIterator[Importer]:
    county: Any = source.county
    slug = county.slug if county.id else ""
    publisher = f"{county.name} County" if county.id else "State of California"
    key = settings.openstates_key()
    headers = {"X-API-KEY": key} if source.kind == "openstates" else {}
    words: Any = source.words
    async with fetching(sources.hosts_of(source.kind, source.place), headers=headers) as fetcher:
        if source.kind == "legistar":
            yield Legistar(fetcher, source.place, slug, publisher)
        elif source.kind == "primegov":
            yield PrimeGov(fetcher, source.place, slug, publisher)
        elif source.kind == "icalendar":
            yield CalendarFeed(fetcher, source.place, slug, publisher, source.etag, source.modified)
        elif source.kind == "openstates":
            if not key:
                raise CannotRead(later("It needs a key (OPENSTATES_KEY), and we have none."))
            yield OpenStates(fetcher, source.place, publisher, list(words))
        else:
            yield _Table(fetcher, source.place, slug, publisher)


class _Table:
    """A table at an address."""

    tells_all = False
    has_agendas = False

    def __init__(self, fetcher: Any, url: str, county: str, publisher: str) -> None:
        self.fetcher, self.url = fetcher, url
        self.county, self.publisher = county, publisher

    async def pages(self) -> AsyncIterator[list[Meeting]]:
        got = await self.fetcher.get(self.url)
        try:
            yield csv_file.read(decoded(got.body, got.charset).encode())
        except csv_file.Mistakes as error:
            words = later("The table has mistakes, so nothing was taken. The first: %(first)s")
            raise CannotRead(words, first=error.mistakes[0][:150]) from None

    async def agenda(self, meeting: Meeting) -> list[Item]:
        return []

    async def votes(self, item: Item) -> list[Vote]:
        return []

    async def again(self, key: str) -> Meeting | None:
        return None


async def _read(source: HearingSource, report: Report) -> None:
    """Raises CannotRead; what was read before is kept."""
    began = now()
    async with _importer(source) as importer:
        asker = _Asker(source, importer, report)
        async for page in importer.pages():
            report.pages += 1
            for piece in _pieces(page):
                seen = await asker.ask(piece)
                await _keep(source, importer, seen, report)
                if asker.trouble:
                    raise asker.trouble
            await _progress(source, report)
        report.whole = True
        if importer.tells_all and report.events:
            await _look_for_vanished(source, importer, began, report)
        if isinstance(importer, CalendarFeed):
            source.etag, source.modified = importer.etag, importer.modified
            report.unreadable += importer.broken
            report.whole = not importer.broken


@dataclass
class _Asker:
    """Reads the agendas that are due, a few at a time."""

    source: HearingSource
    importer: Importer
    report: Report
    in_a_row: int = 0
    trouble: CannotRead | None = None

    async def ask(self, piece: list[Meeting]) -> list[_Seen]:
        """Those that were not reached, because the other side is in trouble, are left out."""
        if not self.importer.has_agendas:
            return [_Seen(meeting) for meeting in piece]
        known = await _known(self.source, [meeting.key for meeting in piece])
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(meeting: Meeting) -> _Seen | None:
            async with gate:
                if not _is_due(meeting, known.get(meeting.key)):
                    return _Seen(meeting)
                return None if self.trouble else await self._one(meeting)

        return [seen for seen in await asyncio.gather(*map(one, piece)) if seen]

    async def _one(self, meeting: Meeting) -> _Seen:
        try:
            items = await self.importer.agenda(meeting)
            seen = _Seen(meeting, self._relevant(items), read_at=now())
            for item in seen.items or []:
                begun = meeting.when is not None and meeting.when.starts_at < now()
                if item.voted and begun:
                    seen.votes[item.key] = await self.importer.votes(item)
        except TooLarge:
            self.report.unreadable += 1
        except CannotRead as error:
            self._note(error)
        else:
            self.report.agendas += 1
            self.in_a_row = 0
            return seen
        return _Seen(meeting)

    def _relevant(self, items: list[Item]) -> list[Item]:
        """The others are forgotten at once. The first by number keeps the meeting's own key."""
        words: Any = self.source.words
        found = [item for item in items if find(item.texts(), words)]
        return sorted(found, key=lambda item: (len(item.key), item.key))

    def _note(self, error: CannotRead) -> None:
        if error.status in HIDDEN:
            self.report.hidden += 1
        else:
            self.report.unreadable += 1
        # 410 and 404 are about one meeting; anything else may be about all.
        if error.status not in (404, 410):
            self.in_a_row += 1
        if self.in_a_row >= IN_A_ROW:
            self.trouble = error


def _is_due(meeting: Meeting, row: SourceEvent | None) -> bool:
    if row is None or row.agenda_at is None or row.hash != meeting.version:
        return True
    at = now()
    changed = meeting.modified is not None and meeting.modified > at - AROUND
    near = meeting.when is not None and abs(meeting.when.starts_at - at) < AROUND
    return changed or near or row.agenda_at < at - DAILY


async def _known(source: HearingSource, keys: list[str]) -> dict[str, SourceEvent]:
    rows = await SourceEvent.objects().where(
        SourceEvent.source == source.id, SourceEvent.key.is_in(keys)
    )
    return {row.key: row for row in rows}


async def _keep(
    source: HearingSource, importer: Importer | None, piece: list[_Seen], report: Report
) -> None:
    """Write down what was said, and propose what is relevant. All or nothing."""
    piece = list({seen.meeting.key: seen for seen in piece}.values())
    if not piece:
        return
    events: list[int] = []
    async with DB.transaction():
        known = await _known(source, [seen.meeting.key for seen in piece])
        await _touch(source, piece)
        for seen in piece:
            report.events += 1
            report.undated += seen.meeting.when is None
            for said in _said(source, importer, seen, known.get(seen.meeting.key)):
                events.append(await _offer(source, seen, said, report))
        if importer is not None and importer.has_agendas and known:
            events += await _further_items(source, piece, report)
    report.accepted += await proposals.accept_by_rule(source, events)


async def _touch(source: HearingSource, piece: list[_Seen]) -> None:
    """Everything that was told, in one statement."""
    await SourceEvent.raw(
        "INSERT INTO source_event"
        " (source, key, hash, starts_at, agenda_at, matched, first_seen_at, seen_at)"
        " SELECT {}::int, told.*, ARRAY[]::varchar[], {}::timestamptz, {}::timestamptz FROM unnest("
        "{}::text[], {}::text[], {}::timestamptz[], {}::timestamptz[]) AS told"
        " ON CONFLICT (source, key) DO UPDATE SET hash = excluded.hash,"
        " starts_at = excluded.starts_at, seen_at = excluded.seen_at, vanished_at = NULL,"
        " agenda_at = CASE WHEN excluded.agenda_at IS NOT NULL THEN excluded.agenda_at"
        " WHEN source_event.hash = excluded.hash THEN source_event.agenda_at END",
        source.id,
        now(),
        now(),
        [seen.meeting.key for seen in piece],
        [seen.meeting.version for seen in piece],
        [seen.meeting.when and seen.meeting.when.starts_at for seen in piece],
        [seen.read_at for seen in piece],
    )


@dataclass
class _Said:
    """One hearing that a meeting would be."""

    key: str
    entry: Entry
    matched: list[Match]
    doubts: list[Doubt]


def _said(
    source: HearingSource, importer: Importer | None, seen: _Seen, row: SourceEvent | None
) -> Iterator[_Said]:
    """The hearings that this meeting would be: one for each relevant item of its agenda, or itself.
    The first has the meeting's own key, so that it stays the same one when the agenda comes out."""
    words: Any = source.words
    meeting = seen.meeting
    title = find(meeting.texts(), words)
    if meeting.whole is not None and not words:
        title = [Match(meeting.key, "file", meeting.title)]
    county = importer.county if importer else ""
    publisher = importer.publisher if importer else ""
    before = entries.read(_json(row.said)) if row is not None and row.said else None
    matched_before = list(row.matched) if row is not None else []
    if meeting.when is None and meeting.whole is None:
        if before is not None and before.starts_at > now() and before.status in AHEAD:
            yield _off(meeting.key, before, matched_before, "no_day", Status.POSTPONED)
        return
    for number, item in enumerate(seen.items or []):
        matched = [*title, *find(item.texts(), words)]
        entry = meetings.entry_of(
            meeting,
            item,
            seen.votes.get(item.key, []),
            county,
            publisher,
            [match.word for match in matched],
        )
        key = f"{meeting.key}{DIVIDES}{item.key}" if number else meeting.key
        yield _Said(key, entry, matched, meetings.doubts_of(meeting, item))
    if seen.items:
        return
    if before is not None and seen.items is None and importer is not None and importer.has_agendas:
        # Its agenda was not read this time: what it said of it still holds.
        matched = title or [Match(str(word), "item", "") for word in matched_before]
        entry = meetings.refreshed(before, meeting)
        yield _Said(meeting.key, entry, matched, meetings.doubts_of(meeting))
    elif title:
        entry = meetings.entry_of(
            meeting,
            None,
            meeting.votes,
            county,
            publisher,
            [match.word for match in title],
        )
        yield _Said(meeting.key, entry, title, meetings.doubts_of(meeting))
    elif before is not None and meeting.when is not None and meeting.when.starts_at > now():
        yield _off(
            meeting.key, meetings.refreshed(before, meeting), matched_before, "not_on_agenda"
        )


def _off(
    key: str, before: Entry, words: list[str], why: str, status: Status = Status.CANCELLED
) -> _Said:
    """It was relevant, and is told no more, or not as something that takes place."""
    plain = {**entries.plain(before), "status": status}
    matched = [Match(str(word), "item", "") for word in words]
    return _Said(key, entries.read(plain), matched, [(why, {})])


async def _offer(source: HearingSource, seen: _Seen | None, said: _Said, report: Report) -> int:
    """The event's id."""
    event = await _locked(source, said.key)
    if event is None and seen is not None:
        await _touch(source, [_Seen(_named(seen.meeting, said.key), read_at=seen.read_at)])
        event = await _locked(source, said.key)
    assert event is not None
    report.relevant += 1
    made = await proposals.offer(source, event, said.entry, said.matched, said.doubts)
    report.proposals += bool(made)
    return int(event.id)


def _named(meeting: Meeting, key: str) -> Meeting:
    return Meeting(key, meeting.version, meeting.title, meeting.when)


async def _locked(source: HearingSource, key: str) -> SourceEvent | None:
    found: SourceEvent | None = await (
        SourceEvent.objects()
        .where(SourceEvent.source == source.id, SourceEvent.key == key)
        .lock_rows("UPDATE")
        .first()
    )
    return found


async def _further_items(source: HearingSource, piece: list[_Seen], report: Report) -> list[int]:
    """Those proposed earlier beside the first of their meeting: still told, or off its agenda. The
    events that were offered."""
    events: list[int] = []
    rows = await SourceEvent.raw(
        "SELECT key FROM source_event WHERE source = {} AND said IS NOT NULL"
        " AND split_part(key, {}, 1) = ANY({}) AND strpos(key, {}) > 0 ORDER BY key",
        source.id,
        DIVIDES,
        [seen.meeting.key for seen in piece],
        DIVIDES,
    )
    seen_by_key = {seen.meeting.key: seen for seen in piece}
    for key in (row["key"] for row in rows):
        seen = seen_by_key[key.partition(DIVIDES)[0]]
        there = {f"{seen.meeting.key}{DIVIDES}{item.key}" for item in (seen.items or [])[1:]}
        event = await _locked(source, key)
        if event is None or key in there or seen.meeting.when is None:
            continue
        await _touch(source, [_Seen(_named(seen.meeting, key))])
        before = meetings.refreshed(entries.read(_json(event.said)), seen.meeting)
        words = list(event.matched)
        if seen.items is None:
            matched = [Match(str(word), "item", "") for word in words]
            said = _Said(key, before, matched, meetings.doubts_of(seen.meeting))
        elif before.starts_at > now():
            said = _off(key, before, words, "not_on_agenda")
        else:
            continue
        events.append(await _offer(source, seen, said, report))
    return events


async def _look_for_vanished(
    source: HearingSource, importer: Importer, began: datetime.datetime, report: Report
) -> None:
    """What is ahead and was not told this time. Of what matters to us, the source is asked once
    more: a list that moves while it is read may skip one."""
    ahead = (
        (SourceEvent.source == source.id)
        & (SourceEvent.starts_at > now())
        & (SourceEvent.seen_at < began)
        & SourceEvent.vanished_at.is_null()
    )
    of_no_interest = await (
        SourceEvent.update({SourceEvent.vanished_at: now()})
        .where(ahead & SourceEvent.said.is_null())
        .returning(SourceEvent.id)
    )
    report.vanished += len(of_no_interest)
    for event in await SourceEvent.objects().where(ahead).order_by(SourceEvent.key):
        # Items of a meeting go with it.
        further = importer.has_agendas and DIVIDES in event.key
        found = None if further else await importer.again(event.key)
        if found is not None:
            await _keep(source, importer, [_Seen(found)], report)
            continue
        async with DB.transaction():
            gone = await (
                SourceEvent.update({SourceEvent.vanished_at: now()})
                .where(SourceEvent.id == event.id, SourceEvent.seen_at < began)
                .returning(SourceEvent.id)
            )
            if not gone:
                continue  # it came back with its meeting
            report.vanished += 1
            before = entries.read(_json(event.said))
            said = _off(event.key, before, list(event.matched), "vanished")
            await _offer(source, None, said, report)


async def _progress(source: HearingSource, report: Report) -> None:
    await HearingSource.update({HearingSource.last: asdict(report)}).where(
        HearingSource.id == source.id
    )


async def _went_well(source: HearingSource, report: Report) -> None:
    rest = REST.get(source.kind)
    await HearingSource.update(
        {
            HearingSource.good_at: now(),
            HearingSource.failing_since: None,
            HearingSource.failures: 0,
            HearingSource.next_at: now() + rest if rest else None,
            HearingSource.alarmed_at: None,
            HearingSource.error: "",
            HearingSource.etag: source.etag,
            HearingSource.modified: source.modified,
            HearingSource.last: asdict(report),
        }
    ).where(HearingSource.id == source.id)
    await _forget(source)


async def _failed(source: HearingSource, report: Report, error: CannotRead) -> None:
    """Ask less and less often, and after a day tell somebody, once."""
    report.told = error.told
    failures = source.failures + 1
    since = source.failing_since or now()
    wait = min(FIRST_WAIT * 2 ** min(failures - 1, 8), LONGEST_WAIT)
    wait = max(wait, datetime.timedelta(seconds=error.wait))
    alarms = source.alarmed_at is None and now() - since >= ALARM_AFTER
    async with DB.transaction():
        await HearingSource.update(
            {
                HearingSource.failing_since: since,
                HearingSource.failures: failures,
                HearingSource.next_at: now() + wait,
                HearingSource.alarmed_at: now() if alarms else source.alarmed_at,
                HearingSource.error: error.words[:300],
                HearingSource.last: asdict(report),
            }
        ).where(HearingSource.id == source.id)
        if alarms:
            await Alarm.raise_(
                f"hearings {source.id}",
                later("For a day, no hearings could be read from %(source)s."),
                later("Under Sources of hearings, look at what went wrong, or switch it off."),
                source=source.name,
            )
    log.warning("a source of hearings failed", source=source.name, status=error.status)


async def _forget(source: HearingSource) -> None:
    """What was of no interest and is long past."""
    old = (
        (SourceEvent.source == source.id)
        & (SourceEvent.seen_at < now() - FORGET)
        & SourceEvent.hearing.is_null()
        & SourceEvent.id.not_in(Proposal.select(Proposal.event))
    )
    await SourceEvent.delete().where(old)


def _json(loaded: Any) -> dict[str, Any]:
    """Piccolo calls a loaded JSONB column a string."""
    plain: dict[str, Any] = loaded
    return plain
