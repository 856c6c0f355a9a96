"""Legistar's Web API: events by day, their agendas, and how each member voted.

`EventDate` is midnight without a zone, `EventTime` whatever a clerk typed. Agendas go from Draft to
Final, and late edits may leave `EventLastModifiedUtc` as it was. Hidden events answer 410 or 503.
Shapes: policy_facts.md, section 5.
"""

import datetime
from collections.abc import AsyncIterator
from urllib.parse import quote

import msgspec

from backend.hearings import times
from backend.hearings.entry import Vote
from backend.hearings.fetching import CannotRead, Fetcher, TooLarge
from backend.hearings.kinds import Choice, Result
from backend.hearings.meetings import (
    Item,
    Loose,
    Meeting,
    day_of,
    link,
    places,
    status_in,
    text,
    utc,
    version_of,
)
from backend.web.clock import today
from backend.web.language import later

API = "https://webapi.legistar.com/v1"
# So long votes and minutes may come after a meeting.
BACK = datetime.timedelta(days=45)
PAGE, SMALLEST = 1000, 40
MOST_PAGES = 200
HIDDEN = frozenset({404, 410, 503})

CHOICES = {
    "aye": Choice.YES,
    "ayes": Choice.YES,
    "yes": Choice.YES,
    "yea": Choice.YES,
    "affirmative": Choice.YES,
    "no": Choice.NO,
    "noes": Choice.NO,
    "nay": Choice.NO,
    "negative": Choice.NO,
    "abstain": Choice.ABSTAINED,
    "abstained": Choice.ABSTAINED,
    "absent": Choice.ABSENT,
    "excused": Choice.ABSENT,
    "recused": Choice.RECUSED,
    "recuse": Choice.RECUSED,
}


class Event(msgspec.Struct, kw_only=True):
    EventId: int | None = None
    EventLastModifiedUtc: Loose = None
    EventBodyName: Loose = None
    EventDate: Loose = None
    EventTime: Loose = None
    EventAgendaStatusName: Loose = None
    EventMinutesStatusName: Loose = None
    EventLocation: Loose = None
    EventAgendaFile: Loose = None
    EventAgendaLastPublishedUTC: Loose = None
    EventComment: Loose = None
    EventInSiteURL: Loose = None


class Attachment(msgspec.Struct, kw_only=True):
    MatterAttachmentName: Loose = None


class EventItem(msgspec.Struct, kw_only=True):
    EventItemId: int | None = None
    EventItemAgendaSequence: Loose = None
    EventItemAgendaNumber: Loose = None
    EventItemTitle: Loose = None
    EventItemAgendaNote: Loose = None
    EventItemMatterFile: Loose = None
    EventItemActionName: Loose = None
    EventItemPassedFlagName: Loose = None
    EventItemTally: Loose = None
    EventItemMatterAttachments: list[Attachment] | None = None


class PersonVote(msgspec.Struct, kw_only=True):
    VotePersonName: Loose = None
    VoteValueName: Loose = None


class Legistar:
    """One client's events, from 45 days ago on."""

    tells_all = True
    has_agendas = True

    def __init__(self, fetcher: Fetcher, client: str, county: str, publisher: str) -> None:
        self.fetcher, self.county, self.publisher = fetcher, county, publisher
        self.address = f"{API}/{quote(client, safe='')}"

    async def pages(self) -> AsyncIterator[list[Meeting]]:
        since = quote(f"EventDate ge datetime'{today() - BACK}'", safe="'")
        top, skip, seen = PAGE, 0, set[int]()
        for _page in range(MOST_PAGES):
            order = f"$orderby=EventDate,EventId&$top={top}&$skip={skip}"
            url = f"{self.address}/events?$filter={since}&{order}"
            try:
                events = await self.fetcher.json(url, list[Event])
            except TooLarge:
                if top == SMALLEST:
                    raise
                top = max(top // 5, SMALLEST)
                continue
            if not events:
                # A full page may be smaller than asked for: only an empty one is the end.
                return
            skip += len(events)
            ids = {event.EventId for event in events if event.EventId is not None}
            if ids <= seen:
                raise CannotRead(later("It sends the same events again and again."))
            fresh = [event for event in events if event.EventId not in seen]
            seen |= ids
            yield [_meeting(event) for event in fresh if event.EventId is not None]
        raise CannotRead(later("It sends the same events again and again."))

    async def agenda(self, meeting: Meeting) -> list[Item]:
        """What is on the agenda: an item without a place in its order is not."""
        url = f"{self.address}/events/{meeting.key}/eventitems"
        items = await self.fetcher.json(
            f"{url}?AgendaNote=1&MinutesNote=1&Attachments=1", list[EventItem]
        )
        return [
            _item(each)
            for each in items
            if each.EventItemId is not None and each.EventItemAgendaSequence is not None
        ]

    async def votes(self, item: Item) -> list[Vote]:
        url = f"{self.address}/eventitems/{item.key}/votes"
        try:
            votes = await self.fetcher.json(url, list[PersonVote])
        except CannotRead as error:
            if error.status in HIDDEN:
                return []
            raise
        found = {}
        for vote in votes:
            member = text(vote.VotePersonName, 120)
            choice = CHOICES.get(text(vote.VoteValueName).lower())
            if member and choice:
                found[member] = Vote(member=member, choice=choice)
        return list(found.values())

    async def again(self, key: str) -> Meeting | None:
        try:
            event = await self.fetcher.json(f"{self.address}/events/{quote(key)}", Event)
        except CannotRead as error:
            if error.status in HIDDEN:
                return None
            raise
        return _meeting(event) if event.EventId is not None else None


def _meeting(event: Event) -> Meeting:
    day = day_of(event.EventDate)
    body, comment = text(event.EventBodyName, 300), text(event.EventComment, 300)
    status = text(event.EventAgendaStatusName)
    location = event.EventLocation
    place, remote, how = places(str(location) if location is not None else None)
    draft = status.lower() == "draft"
    return Meeting(
        key=str(event.EventId),
        version=version_of(event),
        title=body,
        body=body,
        when=times.on(day, text(event.EventTime, 300)) if day else None,
        status=status_in(comment, status, body),
        place=place,
        remote_url=remote,
        remote_how=how,
        agenda_url=link(event.EventAgendaFile),
        page_url=link(event.EventInSiteURL),
        comment=comment,
        modified=utc(event.EventLastModifiedUtc),
        doubts=[("draft", {})] if draft else [],
    )


def _item(item: EventItem) -> Item:
    action = text(item.EventItemActionName, 300)
    passed, tally = text(item.EventItemPassedFlagName), text(item.EventItemTally, 40)
    outcome = " ".join(part for part in (action or passed, f"({tally})" if tally else "") if part)
    return Item(
        key=str(item.EventItemId),
        number=text(item.EventItemAgendaNumber, 60),
        title=text(item.EventItemTitle, 20_000),
        note=text(item.EventItemAgendaNote, 20_000),
        file_number=text(item.EventItemMatterFile, 60),
        attachments=[
            text(each.MatterAttachmentName, 300) for each in item.EventItemMatterAttachments or []
        ],
        outcome=outcome,
        result=_result(action, passed),
        voted=bool(passed or tally),
    )


def _result(action: str, passed: str) -> Result | None:
    if passed.lower() in ("pass", "passed"):
        return Result.PASSED
    if passed.lower() in ("fail", "failed"):
        return Result.FAILED
    return Result.CONTINUED if action.lower().startswith("continue") else None
