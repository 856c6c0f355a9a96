"""Open States v3: hearings of the state's committees, and votes on bills that our words find.

Needs a key (OPENSTATES_KEY). Events are experimental there, and patchy: one that is not told has
not vanished. Shapes: policy_facts.md, section 5, and the project's own documentation.
"""

import datetime
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import msgspec

from backend.hearings import times
from backend.hearings.entry import Vote
from backend.hearings.fetching import Fetcher
from backend.hearings.kinds import Choice, Kind, Result, Status
from backend.hearings.meetings import (
    Item,
    Loose,
    Meeting,
    day_of,
    link,
    status_in,
    text,
    version_of,
)
from backend.hearings.times import When
from backend.web.clock import CALIFORNIA, today

API = "https://v3.openstates.org"
JURISDICTION = "ocd-jurisdiction/country:us/state:{}/government"
BACK, AHEAD = datetime.timedelta(days=45), datetime.timedelta(days=120)
EVENTS_A_PAGE, BILLS_A_PAGE = 20, 20
MOST_PAGES = 40
# Of the bills that a word finds, those that moved last.
MOST_PAGES_OF_BILLS = 2

CHOICES = {
    "yes": Choice.YES,
    "no": Choice.NO,
    "abstain": Choice.ABSTAINED,
    "not voting": Choice.ABSTAINED,
    "absent": Choice.ABSENT,
    "excused": Choice.ABSENT,
}


class Named(msgspec.Struct, kw_only=True):
    name: Loose = None


class AgendaLine(msgspec.Struct, kw_only=True):
    description: Loose = None
    related_entities: list[Named] | None = None


class Event(msgspec.Struct, kw_only=True):
    id: Loose = None
    name: Loose = None
    description: Loose = None
    start_date: Loose = None
    all_day: Loose = None
    status: Loose = None
    deleted: Loose = None
    location: Named | None = None
    agenda: list[AgendaLine] | None = None
    sources: list[dict[str, Loose]] | None = None


class Pagination(msgspec.Struct, kw_only=True):
    max_page: int = 1


class Events(msgspec.Struct, kw_only=True):
    results: list[Event]
    pagination: Pagination = msgspec.field(default_factory=Pagination)


class MemberVote(msgspec.Struct, kw_only=True):
    option: Loose = None
    voter_name: Loose = None


class BillVote(msgspec.Struct, kw_only=True):
    id: Loose = None
    motion_text: Loose = None
    start_date: Loose = None
    result: Loose = None
    organization: Named | None = None
    votes: list[MemberVote] | None = None


class Bill(msgspec.Struct, kw_only=True):
    identifier: Loose = None
    title: Loose = None
    openstates_url: Loose = None
    votes: list[BillVote] | None = None


class Bills(msgspec.Struct, kw_only=True):
    results: list[Bill]
    pagination: Pagination = msgspec.field(default_factory=Pagination)


class OpenStates:
    tells_all = False
    has_agendas = False
    county = ""

    def __init__(self, fetcher: Fetcher, state: str, publisher: str, words: list[str]) -> None:
        self.fetcher, self.publisher, self.words = fetcher, publisher, words
        self.jurisdiction = JURISDICTION.format(state)

    async def pages(self) -> AsyncIterator[list[Meeting]]:
        async for page in self._events():
            yield page
        for word in self.words:
            async for page in self._votes_on(word):
                yield page

    async def agenda(self, meeting: Meeting) -> list[Item]:
        return []

    async def votes(self, item: Item) -> list[Vote]:
        return []

    async def again(self, key: str) -> Meeting | None:
        return None

    async def _events(self) -> AsyncIterator[list[Meeting]]:
        asked = {
            "jurisdiction": self.jurisdiction,
            "after": f"{today() - BACK}",
            "before": f"{today() + AHEAD}",
            "include": "agenda",
            "per_page": EVENTS_A_PAGE,
        }
        for page in range(1, MOST_PAGES + 1):
            url = f"{API}/events?{urlencode({**asked, 'page': page}, quote_via=quote)}"
            events = await self.fetcher.json(url, Events)
            yield [_hearing(each) for each in events.results if text(each.id)]
            if page >= events.pagination.max_page:
                return

    async def _votes_on(self, word: str) -> AsyncIterator[list[Meeting]]:
        asked = {
            "jurisdiction": self.jurisdiction,
            "q": word,
            "action_since": f"{today() - BACK}",
            "sort": "latest_action_desc",
            "include": "votes",
            "per_page": BILLS_A_PAGE,
        }
        for page in range(1, MOST_PAGES_OF_BILLS + 1):
            url = f"{API}/bills?{urlencode({**asked, 'page': page}, quote_via=quote)}"
            bills = await self.fetcher.json(url, Bills)
            yield [
                _vote(bill, vote)
                for bill in bills.results
                for vote in bill.votes or []
                if text(vote.id)
            ]
            if page >= bills.pagination.max_page:
                return


def _hearing(event: Event) -> Meeting:
    lines = [text(line.description, 2000) for line in event.agenda or []]
    bills = [text(b.name, 60) for line in event.agenda or [] for b in line.related_entities or []]
    status = text(event.status).lower()
    name = text(event.name, 300)
    page = next((link(each.get("url")) for each in event.sources or [] if each.get("url")), "")
    off = status == "cancelled" or event.deleted is True
    return Meeting(
        key=text(event.id, 200),
        version=version_of(event),
        title=name,
        body=name,
        kind=Kind.COMMITTEE,
        when=_when(event.start_date, event.all_day is True),
        status=Status.CANCELLED if off else status_in(name),
        place=text(event.location.name, 300) if event.location else "",
        page_url=page,
        description=" · ".join([text(event.description, 4000), *lines]),
        documents=bills,
        file_number=bills[0] if len(bills) == 1 else "",
    )


def _vote(bill: Bill, vote: BillVote) -> Meeting:
    number = text(bill.identifier, 60)
    motion = text(vote.motion_text, 300)
    members = {
        text(each.voter_name, 120): CHOICES.get(text(each.option).lower())
        for each in vote.votes or []
    }
    result = text(vote.result).lower()
    return Meeting(
        key=text(vote.id, 200),
        version=version_of([bill.identifier, bill.title, vote]),
        title=f"{number}: {text(bill.title, 350)}",
        body=text(vote.organization.name, 300) if vote.organization else "",
        kind=Kind.VOTE,
        when=_when(vote.start_date, False),
        page_url=link(bill.openstates_url),
        description=motion,
        file_number=number,
        outcome=motion,
        result={"pass": Result.PASSED, "fail": Result.FAILED}.get(result),
        votes=[Vote(member=name, choice=how) for name, how in members.items() if name and how],
    )


def _when(value: Loose, all_day: bool) -> When | None:
    day = day_of(value)
    if day is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(str(value).strip())
    except ValueError:
        return times.on(day, None)
    if moment.tzinfo is not None and not all_day:
        local = moment.astimezone(CALIFORNIA)
        # Midnight in UTC or here is a day without a time.
        if moment.time() == datetime.time() or local.time() == datetime.time():
            return times.on(day, None)
        return When(local, True)
    if all_day or moment.time() == datetime.time():
        return times.on(day, None)
    return times.exactly(day, moment.time())
