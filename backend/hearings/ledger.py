"""The ledger of forums on ICE and the jail: which county held one in which year, and what it told.

The TRUTH Act has a county that gave ICE access in one year hold a forum in the year after
(Gov. Code 7283.1(d)). What is not found is said to be not found: never that there was none.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backend.hearings import queries as hearings
from backend.hearings.kinds import Status
from backend.hearings.tables import Hearing
from backend.policies import queries as record
from backend.policies.days import Day
from backend.policies.record import CountyRecord
from backend.policies.tables import Figure, Practice
from backend.web.language import gettext as _

# The first year in which a forum was owed for a year under the law.
FIRST_YEAR = 2018

ASKED = ("ice_requests",)
ANSWERED = ("people_notified", "notifications_given")
HANDED_OVER = ("people_transferred", "people_released_to_ice", "ice_pickups")

# What Gov. Code 7283(d) calls access, as far as figures tell it: ICE was told of a release, or was
# handed someone. Who ICE picked up may have been found without the jail's help.
ACCESS = frozenset(
    {"notifications_given", "people_notified", "people_transferred", "people_released_to_ice"}
)


class State(StrEnum):
    HELD = "held"
    ANNOUNCED = "announced"
    OWED = "owed"  # the year is not over
    OVERDUE = "overdue"  # it is over, and no forum was found
    NOT_FOUND = "not_found"  # nor does the record show that one was owed


@dataclass(frozen=True)
class Held:
    """`day` is as well as it is known. It comes from a hearing or from a report of the record."""

    day: str
    hearing: Hearing | None = None
    report: Practice | None = None

    @property
    def of_year(self) -> int:
        return Day.parse(self.day).last.year


@dataclass(frozen=True)
class Line:
    """One county in one year. `about` is the year whose numbers the forum told, the one before
    unless it said another; `asked`, `answered` and `handed_over` are those numbers, where the
    record has them. `overdue_from` is the first day on which it was late."""

    county: str
    year: int
    state: State
    forums: tuple[Held, ...]
    about: int
    asked: Figure | None
    answered: Figure | None
    handed_over: Figure | None
    overdue_from: datetime.date | None


def years(day: datetime.date) -> range:
    return range(FIRST_YEAR, day.year + 1)


@dataclass(frozen=True)
class Owed:
    """`county` is a slug; `year` the one in which the forum must be held; `why` a sentence in the
    language that is current; `sources` as facts of the record have them."""

    county: str
    year: int
    why: str
    sources: list[dict[str, Any]]


async def owed(day: datetime.date) -> list[Owed]:
    """Counties that gave ICE access, as the record tells it, and have no forum in the year after,
    held or announced: those of this year first, then those of the next."""
    records, held = await record.records(), await hearings.forums()
    lines = (
        (facts, _line(slug, facts, held.get(slug, []), year, day))
        for year in (day.year, day.year + 1)
        for slug, facts in records.items()
    )
    return [_owed(line, facts) for facts, line in lines if line.state is State.OWED]


async def of_all(day: datetime.date) -> dict[str, list[Line]]:
    """Every county's lines by slug, the oldest year first."""
    records, held = await record.records(), await hearings.forums()
    return {slug: of_county(slug, facts, held, day) for slug, facts in records.items()}


def of_county(
    slug: str, facts: CountyRecord, held: Mapping[str, list[Hearing]], day: datetime.date
) -> list[Line]:
    return [_line(slug, facts, held.get(slug, []), year, day) for year in years(day)]


def _line(
    slug: str, facts: CountyRecord, found: list[Hearing], year: int, day: datetime.date
) -> Line:
    coming = [each for each in found if each.day.year == year and each.status != Status.HELD]
    forums = _held(facts, [each for each in found if each.status == Status.HELD], year)
    told = [each.report.year for each in forums if each.report and each.report.year]
    about = told[0] if told else year - 1
    access, over = access_in(facts, year - 1), datetime.date(year + 1, 1, 1)
    state = State.NOT_FOUND
    if forums:
        state = State.HELD
    elif coming:
        state = State.ANNOUNCED
    elif access:
        state = State.OVERDUE if day >= over else State.OWED
    return Line(
        county=slug,
        year=year,
        state=state,
        forums=forums,
        about=about,
        asked=_number(facts, ASKED, about),
        answered=_number(facts, ANSWERED, about),
        handed_over=_number(facts, HANDED_OVER, about),
        overdue_from=over if state is State.OVERDUE else None,
    )


def _held(facts: CountyRecord, found: list[Hearing], year: int) -> tuple[Held, ...]:
    """A forum that stands among the hearings and in the record is one."""
    from_hearings = [
        Held(each.day.isoformat(), hearing=each) for each in found if each.day.year == year
    ]
    days = {each.day for each in from_hearings}
    reported = [
        Held(report.from_text, report=report)
        for report in facts.practice
        if report.topic == "forum"
        and report.from_text
        and report.confirmed()
        and Day.parse(report.from_text).last.year == year
        and not any(day.startswith(report.from_text) for day in days)
    ]
    return tuple(sorted([*from_hearings, *reported], key=lambda each: each.day))


def _number(facts: CountyRecord, measures: tuple[str, ...], year: int) -> Figure | None:
    """The plainest count of just that year, better than a repost."""
    found = [
        figure
        for figure in facts.figures
        if figure.measure in measures
        and figure.confirmed()
        and (figure.from_text, figure.until_text) == (str(year), str(year))
    ]
    return min(found, key=lambda figure: (measures.index(figure.measure), figure.key), default=None)


def access_in(facts: CountyRecord, year: int) -> list[Figure]:
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


def _owed(line: Line, facts: CountyRecord) -> Owed:
    sources: dict[str, dict[str, Any]] = {}
    for figure in access_in(facts, line.year - 1):
        for source in figure.cited():
            sources.setdefault(source["url"], source)
    told = _(
        "The record shows that %(county)s County gave ICE access in %(before)s. We know of no "
        "forum in %(year)s."
    )
    why = told % {
        "county": hearings.county_name(line.county),
        "before": str(line.year - 1),
        "year": str(line.year),
    }
    return Owed(line.county, line.year, why, list(sources.values()))
