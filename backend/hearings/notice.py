"""When the law wants a hearing announced.

Agendas of local boards are posted 72 hours before a regular meeting and 24 hours before a special
one (Gov. Code 54954.2 and 54956). A forum on ICE and the jail is announced 30 days ahead
(Gov. Code 7283(a)); which county owes one stands in `ledger`.
"""

import datetime
from dataclasses import dataclass

from backend.hearings import queries
from backend.hearings.kinds import Kind, Status
from backend.hearings.tables import Hearing
from backend.policies import queries as record
from backend.policies.days import Day
from backend.policies.tables import Law
from backend.web.clock import CALIFORNIA

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
    return bool(queries.county_of(hearing)) and hearing.kind in MEETINGS


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
    if not queries.county_of(hearing) or BOARD not in hearing.body.lower():
        return None
    for law in await record.laws():
        if law.slug == REMOTE and _in_force(law, hearing.day):
            return law
    return None


def _in_force(law: Law, day: datetime.date) -> bool:
    begins = Day.parse(law.from_text).last if law.from_text else law.happened_on
    return begins <= day and not (law.until_text and Day.parse(law.until_text).first <= day)
