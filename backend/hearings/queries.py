"""Hearings as everyone sees them."""

import datetime
from functools import reduce
from operator import or_
from typing import Any

from backend.counties import gazetteer
from backend.hearings import entry as entries
from backend.hearings.entry import Entry
from backend.hearings.kinds import AHEAD, Kind, Status, Topic
from backend.hearings.tables import Hearing, HearingChange, MemberVote
from backend.staff.tables import LARGEST_ID, now
from backend.web.clock import CALIFORNIA, today

MOST = 500
# A calendar keeps what was held, and is told of what was taken out, for so long.
TOLD_AFTER = datetime.timedelta(days=60)


async def one(id: int) -> Hearing | None:
    """Also one that was cancelled or held; not one that was taken out."""
    if not 0 < id <= LARGEST_ID:
        return None
    found: Hearing | None = await (
        Hearing.objects(Hearing.county)
        .where(Hearing.id == id, Hearing.taken_out_at.is_null())
        .first()
    )
    return found


async def coming(
    *,
    county: str | None = None,
    topic: Topic | None = None,
    kind: Kind | None = None,
    campaign: str | None = None,
    most: int = MOST,
) -> list[Hearing]:
    """What is ahead, the next first; cancelled ones stay until their day has passed. `county` is a
    slug: its own and the state's; "" the state's alone; None all."""
    wanted = (
        (Hearing.starts_at >= midnight(today()))
        & Hearing.taken_out_at.is_null()
        & Hearing.status.is_in([*AHEAD, Status.CANCELLED])
    )
    found = await (
        Hearing.objects(Hearing.county)
        .where(_of(wanted, county, topic, kind, campaign))
        .order_by(Hearing.starts_at)
        .order_by(Hearing.id)
        .limit(most)
    )
    return [each for each in found if not each.is_over(now())]


async def past(
    *,
    county: str | None = None,
    topic: Topic | None = None,
    kind: Kind | None = None,
    body: str | None = None,
    member: str | None = None,
    most: int = MOST,
) -> list[Hearing]:
    """What was held, or whose time has passed, the newest first; of one `body`, or those in which
    one `member` voted."""
    wanted = (Hearing.starts_at < now()) & Hearing.taken_out_at.is_null()
    wanted = wanted & (Hearing.status != Status.CANCELLED)
    if body is not None:
        wanted = wanted & (Hearing.body == body)
    if member is not None:
        rows = await MemberVote.select(MemberVote.hearing).where(MemberVote.member == member)
        # An empty list is no list to PostgreSQL.
        wanted = wanted & Hearing.id.is_in([row["hearing"] for row in rows] or [0])
    found: list[Hearing] = await (
        Hearing.objects(Hearing.county)
        .where(_of(wanted, county, topic, kind, None))
        .order_by(Hearing.starts_at, ascending=False)
        .limit(most)
    )
    return [each for each in found if each.status == Status.HELD or each.is_over(now())]


async def for_calendars(
    *,
    county: str | None = None,
    topic: Topic | None = None,
    kind: Kind | None = None,
    campaign: str | None = None,
    counties: tuple[str, ...] = (),
    topics: tuple[Topic, ...] = (),
    most: int = MOST,
) -> list[Hearing]:
    """What a calendar that somebody follows should have, the next first: whatever lies ahead, what
    was held lately, and what was cancelled or taken out, so that it learns of it. Of `counties` (""
    for the state) and `topics` any will do."""
    since = midnight(today() - TOLD_AFTER)
    wanted = (Hearing.starts_at >= since) & (
        Hearing.taken_out_at.is_null() | (Hearing.taken_out_at >= now() - TOLD_AFTER)
    )
    if counties:
        of_them: Any = Hearing.county.slug.is_in(list(counties))
        wanted = wanted & (of_them | Hearing.county.is_null() if "" in counties else of_them)
    if topics:
        wanted = wanted & reduce(or_, (Hearing.topics.any(each) for each in topics))
    found: list[Hearing] = await (
        Hearing.objects(Hearing.county)
        .where(_of(wanted, county, topic, kind, campaign))
        # When there are too many, the farthest are left out.
        .order_by(Hearing.starts_at)
        .order_by(Hearing.id)
        .limit(most)
    )
    return found


async def between(
    since: datetime.date,
    until: datetime.date,
    *,
    county: str | None = None,
    topic: Topic | None = None,
    kind: Kind | None = None,
    most: int = MOST,
) -> list[Hearing]:
    """Whatever is or was on these days in California, both included, the earliest first."""
    wanted = (
        (Hearing.starts_at >= midnight(since))
        & (Hearing.starts_at < midnight(until + datetime.timedelta(days=1)))
        & Hearing.taken_out_at.is_null()
    )
    found: list[Hearing] = await (
        Hearing.objects(Hearing.county)
        .where(_of(wanted, county, topic, kind, None))
        .order_by(Hearing.starts_at)
        .order_by(Hearing.id)
        .limit(most)
    )
    return found


async def forums() -> dict[str, list[Hearing]]:
    """Every forum that was not cancelled, by the county's slug, the oldest first. A postponed one
    has no day that holds, and can yet be held."""
    found: list[Hearing] = await (
        Hearing.objects(Hearing.county)
        .where(
            Hearing.kind == Kind.FORUM,
            Hearing.status != Status.CANCELLED,
            Hearing.taken_out_at.is_null(),
            Hearing.county.is_not_null(),
        )
        .order_by(Hearing.starts_at)
    )
    by_county: dict[str, list[Hearing]] = {}
    for each in found:
        by_county.setdefault(county_of(each), []).append(each)
    return by_county


async def last_forums() -> dict[str, Hearing]:
    """The last forum that was held in each county, by slug."""
    held = {
        slug: [each for each in found if each.status == Status.HELD]
        for slug, found in (await forums()).items()
    }
    return {slug: found[-1] for slug, found in held.items() if found}


async def voters() -> tuple[list[str], list[str]]:
    """Every body that met and every member whose vote is known, in alphabetical order."""
    bodies = await (
        Hearing.select(Hearing.body)
        .where(Hearing.taken_out_at.is_null(), Hearing.body != "")
        .distinct()
        .order_by(Hearing.body)
    )
    members = await (
        MemberVote.select(MemberVote.member)
        .where(MemberVote.hearing.taken_out_at.is_null())
        .distinct()
        .order_by(MemberVote.member)
    )
    return [row["body"] for row in bodies], [row["member"] for row in members]


async def votes_of(ids: list[int]) -> dict[int, list[MemberVote]]:
    """How each member voted, in the order of the source, by hearing."""
    told: dict[int, list[MemberVote]] = {}
    if ids:
        rows = await (
            MemberVote.objects().where(MemberVote.hearing.is_in(ids)).order_by(MemberVote.place)
        )
        for row in rows:
            told.setdefault(row.hearing, []).append(row)
    return told


async def history(id: int) -> list[HearingChange]:
    """The newest first."""
    found: list[HearingChange] = await (
        HearingChange.objects(HearingChange.made_by)
        .where(HearingChange.hearing == id)
        .order_by(HearingChange.id, ascending=False)
    )
    return found


async def last_change(id: int) -> int:
    """The number of its newest change, 0 for none: what an editor had before them."""
    return int(await HearingChange.count().where(HearingChange.hearing == id))


async def entry_of(hearing: Hearing) -> Entry:
    """What it says, as one value."""
    votes = (await votes_of([hearing.id])).get(hearing.id, [])
    county: Any = hearing.county
    slug = await _slug(getattr(county, "id", county))
    plain = {
        name: getattr(hearing, name)
        for name in Entry.__struct_fields__
        if name not in ("county", "votes")
    }
    plain["votes"] = [{"member": vote.member, "choice": vote.choice} for vote in votes]
    return entries.read({**plain, "county": slug})


async def _slug(county: int | None) -> str:
    from backend.counties.tables import County

    if county is None:
        return ""
    [row] = await County.select(County.slug).where(County.id == county)
    return str(row["slug"])


def _of(
    wanted: Any,
    county: str | None,
    topic: Topic | None,
    kind: Kind | None,
    campaign: str | None,
) -> Any:
    if county == "":
        wanted = wanted & Hearing.county.is_null()
    elif county is not None:
        wanted = wanted & ((Hearing.county.slug == county) | Hearing.county.is_null())
    if topic is not None:
        wanted = wanted & Hearing.topics.any(topic)
    if kind is not None:
        wanted = wanted & (Hearing.kind == kind)
    if campaign is not None:
        wanted = wanted & (Hearing.campaign == campaign)
    return wanted


def midnight(day: datetime.date) -> datetime.datetime:
    """When the day begins in California."""
    return datetime.datetime.combine(day, datetime.time(), CALIFORNIA)


def county_of(hearing: Hearing) -> str:
    """Its county's slug, "" for the state, of one that was read with its county."""
    # Where there is none, Piccolo makes an empty row.
    return getattr(hearing.county, "slug", None) or ""


def county_name(slug: str) -> str:
    return next((each.name for each in gazetteer.counties() if each.slug == slug), "")
