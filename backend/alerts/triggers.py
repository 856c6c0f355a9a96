"""Trigger: what rings by itself; every minute somebody looks for news in the rooms below, and tells
each once. Changes that come within a few minutes are told as one, because an editor who mends a
mistake at once shall not ring a county twice."""

import datetime
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from backend import database
from backend.alerts import news, publishing, wording
from backend.alerts.kinds import REMINDER, News
from backend.alerts.publishing import LEAD, NEWS_FOR, begins_at, morning
from backend.alerts.tables import AlertNews, HeardChange
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.database import DB
from backend.enrollment import guide
from backend.hearings import past
from backend.hearings.kinds import Status, Topic
from backend.hearings.queries import midnight
from backend.hearings.tables import Hearing, HearingChange
from backend.policies.tables import Change, ChangedFact
from backend.push.audience import Audience
from backend.staff.retention import remove
from backend.staff.tables import now
from backend.web.logs import told

log = structlog.get_logger()

Name = TypeVar("Name", int, str)  # a hearing's number, or a file of the record

# So long after its last change somebody may still be at work on it; but nobody waits longer.
SETTLED = datetime.timedelta(minutes=3)
NO_LONGER = datetime.timedelta(minutes=10)
# Older changes are history: whoever was down for so long rings nobody about them.
LOOKED_BACK = datetime.timedelta(days=3)
DAY, HOURS = datetime.timedelta(days=1), datetime.timedelta(hours=2)
# A reminder that comes later than this before the event is none.
DAY_AT_LEAST, HOURS_AT_LEAST = datetime.timedelta(hours=3), datetime.timedelta(minutes=20)
# Whoever has just heard of it needs no reminder that it is tomorrow, or soon.
JUST_TOLD = {"day": datetime.timedelta(hours=6), "hours": datetime.timedelta(hours=1)}
ENDS_BEFORE = datetime.timedelta(days=7)

# What the record's reports and questions are about, in the hearings' words.
TOPICS = {
    "contract": Topic.DETENTION,
    "forum": Topic.FORUMS,
    "stance": Topic.HOLDS,
    "hold": Topic.HOLDS,
    "notification": Topic.HOLDS,
    "transfer": Topic.HOLDS,
    "handoff": Topic.HOLDS,
    "interview": Topic.HOLDS,
    "release_dates": Topic.HOLDS,
    "rule_maker": Topic.HOLDS,
}


async def look_for_news(_data: dict[str, Any]) -> None:
    """The job: look at everything, and tell what is new."""
    await look(now())


async def look(at: datetime.datetime) -> None:
    """As if it were that moment. What fails keeps nothing else from being told."""
    failed: Exception | None = None
    for part in (hearings, reminders, record, enrollment):
        try:
            await part(at)
        except Exception as error:
            log.error("news could not be told", part=part.__name__, **told(error))
            failed = error
    if failed is not None:
        raise failed


async def hearings(at: datetime.datetime) -> None:
    """Announced, moved, put off, cancelled, back on, decided."""
    rows = await HearingChange.raw(
        UNHEARD, at - LOOKED_BACK, past.FILE.name, at - SETTLED, at - NO_LONGER
    )
    await _each([row["hearing"] for row in rows], lambda id: _hearing(id, at))


async def reminders(at: datetime.datetime) -> None:
    """The day before, and two hours before."""
    soon = await Hearing.objects(Hearing.county).where(
        Hearing.taken_out_at.is_null(),
        Hearing.status.is_in([Status.SCHEDULED, Status.MOVED]),
        Hearing.starts_at > at,
        Hearing.starts_at <= at + DAY,
    )  # fmt: skip
    for hearing in soon:
        begins = begins_at(hearing)
        what = f"{hearing.id} {hearing.starts_at.astimezone(datetime.UTC):%Y-%m-%d %H:%M}"
        left = begins - at
        if left >= DAY_AT_LEAST and not await _just_told(hearing, "day", at):
            await _remind(hearing, "day", f"reminder day {what}", begins)
        in_hours = hearing.time_known and HOURS_AT_LEAST <= left <= HOURS
        if in_hours and not await _just_told(hearing, "hours", at):
            await _remind(hearing, "hours", f"reminder hours {what}", begins)


async def record(at: datetime.datetime) -> None:
    """Changes of the record that an editor approved, by county."""
    rows = await Change.raw(UNHEARD_RECORD, at - LOOKED_BACK, at - SETTLED)
    await _each(sorted({row["file"] for row in rows}), lambda file: _record(file, at))


async def enrollment(at: datetime.datetime) -> None:
    """The first day of open enrollment, and its last week."""
    for weeks in guide.guide().weeks:
        last = midnight(weeks.last + datetime.timedelta(days=1))
        for what, day, words in (
            ("opens", weeks.first, wording.enrollment_opens),
            ("ends", weeks.last - ENDS_BEFORE, wording.enrollment_ends),
        ):
            begins = morning(day)
            if not begins <= at < min(begins + NEWS_FOR, last):
                continue
            await publishing.tell(
                f"enrollment {what} {weeks.first}",
                News.ENROLLMENT,
                wording.everywhere(lambda words=words, weeks=weeks: words(weeks.last)),  # type: ignore[misc]
                "/enrollment/guide",
                f"enrollment {weeks.first}",
                Audience(topics=(Topic.HEALTH,), kinds=(News.ENROLLMENT,)),
                min(begins + NEWS_FOR, last),
            )


async def remove_heard(before: datetime.datetime) -> int:
    """Retention: which changes were looked at. They are too old to be looked at again."""
    return await remove(HeardChange, HeardChange.heard_at < before)


async def remove_news(before: datetime.datetime) -> int:
    """Retention: what was told."""
    return await remove(AlertNews, AlertNews.made_at < before)


async def _hearing(id: int, at: datetime.datetime) -> None:
    async with DB.transaction():
        await HearingChange.raw("SELECT pg_advisory_xact_lock(hashtext('alerts hearing'), {})", id)
        lines = await _unheard(id)
        await _mark("hearing", [line.id for line in lines])
        hearing = await Hearing.objects(Hearing.county).where(Hearing.id == id).first()
        if not lines or hearing is None:
            return
        found = news.between(hearing, lines[0].before, lines[-1].after, at)
        if found is None or found.worth_until <= at:
            return
        # Who sleeps, or whose service stands still, shall not be rung later with what was before.
        overtaken = await publishing.call_off(id)
        kinds: tuple[News, ...] = (found.kind,)
        if found.kind == News.MOVED and News.ANNOUNCED in overtaken:
            kinds = (News.ANNOUNCED, News.MOVED)  # some have not even heard that there is one
        await publishing.tell(
            f"{found.kind} {id} {lines[-1].id}",
            found.kind,
            wording.everywhere(found.full, again=await _was_changed(id)),
            found.navigate,
            _subject(id),
            _audience(hearing, kinds),
            found.worth_until,
            urgent=found.soon,
            hearing=id,
        )


async def _remind(hearing: Hearing, reminder: str, what: str, begins: datetime.datetime) -> None:
    if await AlertNews.exists().where(AlertNews.what == what):
        return
    await publishing.tell(
        what,
        REMINDER,
        wording.everywhere(lambda: wording.reminder(hearing), reminder=True),
        f"/hearings/{hearing.id}",
        _subject(hearing.id),
        _audience(hearing, (), reminder),
        begins - LEAD,
        hearing=hearing.id,
    )


async def _record(file: str, at: datetime.datetime) -> None:
    async with DB.transaction():
        await Change.raw("SELECT pg_advisory_xact_lock(hashtext('alerts record'), 0)")
        rows = await Change.raw(UNHEARD_RECORD, at - LOOKED_BACK, at - SETTLED)
        of_it = [row for row in rows if row["file"] == file]
        if not of_it:
            return
        await _mark("fact", [row["fact"] for row in of_it])
        facts = await ChangedFact.select(ChangedFact.before, ChangedFact.after).where(
            ChangedFact.id.is_in([row["fact"] for row in of_it])
        )
        why = await (
            Change.select(Change.why)
            .where(Change.id.is_in([row["id"] for row in of_it]))
            .order_by(Change.id)
        )
        said = [row["why"] for row in why if row["why"]]
        county = gazetteer.county(file)
        counties = (await _county_id(file),) if county else None
        await publishing.tell(
            f"record {file} {of_it[-1]['fact']}",
            News.RECORD,
            wording.everywhere(lambda: wording.record_changed(county.name if county else "", said)),
            f"/counties/{file}" if county else "/changes",
            f"record {file}",
            Audience(counties, topics=_topics(facts), kinds=(News.RECORD,)),
            at + NEWS_FOR,
        )


def _topics(facts: list[dict[str, Any]]) -> tuple[str, ...]:
    """What they are about; nothing, which is anything, when one of them is about something else."""
    found: set[str] = set()
    for fact in facts:
        said = fact["after"] or fact["before"] or {}
        of_it = [said.get("topic"), *(said.get("answers") or {})]
        known = {TOPICS.get(each, each) for each in of_it if each}
        if not known or not known <= set(Topic):
            return ()
        found |= known
    return tuple(sorted(found))


async def _county_id(slug: str) -> int:
    [row] = await County.select(County.id).where(County.slug == slug)
    return int(row["id"])


async def _unheard(hearing: int) -> list[HearingChange]:
    rows = await HearingChange.raw(UNHEARD_OF, hearing, past.FILE.name)
    found: list[HearingChange] = await (
        HearingChange.objects()
        .where(HearingChange.id.is_in([row["id"] for row in rows] or [0]))
        .order_by(HearingChange.id)
    )
    return found


async def _mark(of: str, ids: list[int]) -> None:
    async with database.connection() as connection:
        await connection.execute(MARK, of, ids)


async def _was_changed(hearing: int) -> bool:
    """Whether phones may still show something that does not hold any more."""
    return bool(
        await AlertNews.exists().where(
            AlertNews.hearing == hearing,
            AlertNews.kind.is_in([News.MOVED, News.CANCELLED, News.OUTCOME]),
        )
    )


async def _just_told(hearing: Hearing, reminder: str, at: datetime.datetime) -> bool:
    return bool(
        await AlertNews.exists().where(
            AlertNews.hearing == hearing.id,
            AlertNews.kind != REMINDER,
            AlertNews.made_at > at - JUST_TOLD[reminder],
        )
    )


async def _each(names: list[Name], do: Callable[[Name], Awaitable[None]]) -> None:
    """One that fails is tried again with the next look, and stands in nobody's way."""
    failed: Exception | None = None
    for name in names:
        try:
            await do(name)
        except Exception as error:
            log.error("this news could not be told", of=name, **told(error))
            failed = error
    if failed is not None:
        raise failed


def _audience(hearing: Hearing, kinds: tuple[str, ...], reminder: str | None = None) -> Audience:
    county: Any = hearing.county
    id = getattr(county, "id", county)
    return Audience(
        (id,) if id else None, topics=tuple(hearing.topics), kinds=kinds, reminder=reminder
    )


def _subject(hearing: int) -> str:
    return f"hearing {hearing}"


UNHEARD = """
SELECT hearing FROM hearing_change line
WHERE made_at > {} AND source <> {} AND NOT EXISTS (
    SELECT 1 FROM heard_change heard WHERE heard.of = 'hearing' AND heard.change = line.id)
GROUP BY hearing HAVING max(made_at) < {} OR min(made_at) < {} ORDER BY hearing
"""

UNHEARD_OF = """
SELECT id FROM hearing_change line
WHERE hearing = {} AND source <> {} AND NOT EXISTS (
    SELECT 1 FROM heard_change heard WHERE heard.of = 'hearing' AND heard.change = line.id)
AND made_at > now() - interval '10 days'
"""

UNHEARD_RECORD = """
SELECT change.id, fact.id AS fact, fact.file
FROM change JOIN changed_fact fact ON fact.change = change.id
WHERE change.state = 'approved' AND change.public AND change.action <> 'check'
AND change.decided_at > {} AND change.decided_at < {} AND NOT EXISTS (
    SELECT 1 FROM heard_change heard WHERE heard.of = 'fact' AND heard.change = fact.id)
ORDER BY fact.file, fact.id
"""

MARK = """
INSERT INTO heard_change (of, change, heard_at)
SELECT $1, unnest($2::bigint[]), clock_timestamp() ON CONFLICT DO NOTHING
"""
