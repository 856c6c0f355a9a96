"""When the law wants a hearing announced, and which counties owe a forum.

Agendas of local boards are posted 72 hours before a regular meeting and 24 hours before a special
one (Gov. Code 54954.2 and 54956). A county that gave ICE access in one year holds a forum in the
next (Gov. Code 7283.1(d)) and announces it 30 days ahead (7283(a)).
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backend.hearings import reading
from backend.hearings.kinds import Kind, Status
from backend.hearings.tables import Hearing
from backend.policies import reading as record
from backend.policies.days import Day
from backend.policies.record import CountyRecord
from backend.policies.tables import Figure, Law, Practice
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _

REGULAR, SPECIAL = datetime.timedelta(hours=72), datetime.timedelta(hours=24)
FORUM = datetime.timedelta(days=30)
# Meetings of a county's own bodies; a rally needs no agenda, and the Legislature has other rules.
MEETINGS = frozenset({Kind.HEARING, Kind.VOTE, Kind.FORUM, Kind.COMMITTEE})
STANDING = frozenset({Status.SCHEDULED, Status.MOVED})
BOARD = "supervisors"

# The laws in the record that say so.
TRUTH_ACT, REMOTE = "truth-act", "sb-707"

# Their source; the record has no entry for it, since it is no rule about jails.
BROWN_ACT = {
    "title": "Brown Act Handbook, page 23",
    "publisher": "Lozano Smith",
    "url": "https://www.lozanosmith.com/docs/resources/flipbook/Brown_Act_Handbook/files/"
    "basic-html/page23.html",
    "published_on": None,
    "read_on": "2026-11-24",
    "grade": "B",
}

# What Gov. Code 7283(d) calls access, as far as figures tell it: ICE was told of a release, or was
# handed someone. Who ICE picked up may have been found without the jail's help.
ACCESS = frozenset(
    {"notifications_given", "people_notified", "people_transferred", "people_released_to_ice"}
)


@dataclass(frozen=True)
class Owed:
    """`county` is a slug; `year` the one in which the forum must be held; `why` a sentence in the
    language that is current; `sources` as facts of the record have them."""

    county: str
    year: int
    why: str
    sources: list[dict[str, Any]]


@dataclass(frozen=True)
class AgendaNotice:
    """By when the agenda must be posted: a moment, or a day when the time is not known."""

    by: datetime.datetime | datetime.date
    passed: bool
    hours: int


@dataclass(frozen=True)
class ForumNotice:
    """The last day to announce a forum. `days` lie between its announcement and the forum; None
    when nobody has told us the day it was announced."""

    by: datetime.date
    announced_on: datetime.date | None
    days: int | None

    @property
    def in_time(self) -> bool:
        return self.days is not None and self.days >= FORUM.days


async def forums_owed(day: datetime.date) -> list[Owed]:
    """Counties that gave ICE access, as the record tells it, and have no forum in the year after,
    held or announced: those of this year first, then those of the next."""
    records = await record.records()
    known = await _forum_years()
    owed = []
    for year in (day.year, day.year + 1):
        for slug, facts in records.items():
            shown = _access_in(facts, year - 1)
            if shown and (slug, year) not in known and not _reported(facts.practice, year):
                owed.append(_owed(slug, year, shown))
    return owed


def agenda(hearing: Hearing, now: datetime.datetime) -> AgendaNotice | None:
    """None where nothing can be said: no county's meeting, cancelled, postponed, over, or its
    agenda is there."""
    if not is_county_meeting(hearing) or hearing.agenda_url:
        return None
    if hearing.status not in STANDING or hearing.is_over(now):
        return None
    before = SPECIAL if hearing.special_meeting else REGULAR
    hours = int(before.total_seconds()) // 3600
    if not hearing.time_known:
        by = hearing.day - before
        return AgendaNotice(by, by < now.astimezone(CALIFORNIA).date(), hours)
    # Hours are counted as they pass, also on the two nights when clocks change.
    moment = hearing.starts_at - before
    return AgendaNotice(moment, moment < now, hours)


def is_county_meeting(hearing: Hearing) -> bool:
    """Whether the Brown Act is about it."""
    return bool(reading.county_of(hearing)) and hearing.kind in MEETINGS


def forum(hearing: Hearing) -> ForumNotice | None:
    """None for what is no forum, or has no day that holds."""
    if not hearing.is_forum or hearing.status not in (*STANDING, Status.HELD):
        return None
    announced = hearing.noticed_on
    days = (hearing.day - announced).days if announced else None
    return ForumNotice(hearing.day - FORUM, announced, days)


async def remote_law(hearing: Hearing) -> Law | None:
    """The law by which boards in counties of 30,000 people or more let people speak from
    elsewhere, if it holds for such a board on that day. We hold no numbers of people: whoever
    shows it says the condition."""
    if not reading.county_of(hearing) or BOARD not in hearing.body.lower():
        return None
    for law in await record.laws():
        if law.slug == REMOTE and _in_force(law, hearing.day):
            return law
    return None


def _in_force(law: Law, day: datetime.date) -> bool:
    begins = Day.parse(law.from_text).last if law.from_text else law.happened_on
    return begins <= day and not (law.until_text and Day.parse(law.until_text).first <= day)


def _access_in(facts: CountyRecord, year: int) -> list[Figure]:
    """Those that tell of one year alone: of a longer time nobody knows which year it was."""
    return [
        figure
        for figure in facts.figures
        if figure.measure in ACCESS
        and figure.low > 0
        and figure.confirmed()
        and Day.parse(figure.from_text).first.year == year
        and Day.parse(figure.until_text).last.year == year
    ]


def _reported(practice: Iterable[Practice], year: int) -> bool:
    """Whether the record itself tells of a forum in that year."""
    return any(
        report.topic == "forum"
        and report.from_text
        and Day.parse(report.from_text).last.year == year
        for report in practice
    )


async def _forum_years() -> set[tuple[str, int]]:
    """County and year of every forum that was not cancelled or taken out; a postponed one has no
    day, and may yet be held."""
    rows = await (
        Hearing.objects(Hearing.county)
        .where(
            Hearing.kind == Kind.FORUM,
            Hearing.status != Status.CANCELLED,
            Hearing.taken_out_at.is_null(),
            Hearing.county.is_not_null(),
        )
        .output(load_json=True)
    )
    return {(reading.county_of(row), row.day.year) for row in rows}


def _owed(slug: str, year: int, shown: list[Figure]) -> Owed:
    sources: dict[str, dict[str, Any]] = {}
    for figure in shown:
        for source in figure.cited():
            sources.setdefault(source["url"], source)
    told = _(
        "The record shows that %(county)s County gave ICE access in %(before)s. We know of no "
        "forum in %(year)s."
    )
    why = told % {"county": reading.county_name(slug), "before": str(year - 1), "year": str(year)}
    return Owed(slug, year, why, list(sources.values()))
