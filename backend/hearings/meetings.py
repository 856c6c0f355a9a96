"""What a source says of one meeting, whatever its system, and the entry it would be."""

import datetime
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from backend.hearings.entry import Entry, Said, Vote
from backend.hearings.kinds import Kind, Result, Status, Topic
from backend.hearings.proposals import Doubt
from backend.hearings.relevance import ATTACHMENT, ITEM, TITLE, clean, cut
from backend.hearings.times import When
from backend.policies.days import Day
from backend.policies.files import SourceEntry
from backend.staff.tables import now
from backend.web.clock import today

# Other systems' fields hold what they like; only their names can be relied on.
Loose = str | int | float | bool | None

LONGEST_TITLE = 400
CANCELLED = re.compile(r"\b(?:cancel+ed|cancellation|canceled|no meeting)\b", re.IGNORECASE)
POSTPONED = re.compile(r"\b(?:postponed|to be rescheduled)\b", re.IGNORECASE)
LINK = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)
FORUM = ("TRUTH Act", "Transparent Review of Unjust Transfers and Holds", "7283.1", "ICE Access")


@dataclass(slots=True)
class Item:
    """One item of an agenda. `outcome` is what became of it in the source's words."""

    key: str
    number: str = ""
    title: str = ""
    note: str = ""
    file_number: str = ""
    attachments: list[str] = field(default_factory=list)
    outcome: str = ""
    result: Result | None = None
    voted: bool = False

    def texts(self) -> list[tuple[str, str]]:
        return [
            (ITEM, self.title),
            (ITEM, self.note),
            *((ATTACHMENT, name) for name in self.attachments),
        ]


@dataclass(slots=True)
class Meeting:
    """`version` changes when anything that the source says of it does. `when` is None without a
    day. `documents` are names of files. `whole` is the entry, where the source gives all of it."""

    key: str
    version: str
    title: str
    when: When | None
    body: str = ""
    kind: Kind | None = None
    status: Status = Status.SCHEDULED
    place: str = ""
    remote_url: str = ""
    remote_how: str = ""
    agenda_url: str = ""
    page_url: str = ""
    comment: str = ""
    description: str = ""
    documents: list[str] = field(default_factory=list)
    modified: datetime.datetime | None = None
    outcome: str = ""
    result: Result | None = None
    votes: list[Vote] = field(default_factory=list)
    file_number: str = ""
    doubts: list[Doubt] = field(default_factory=list)
    whole: Entry | None = None

    def texts(self) -> list[tuple[str, str]]:
        return [
            (TITLE, self.title),
            (TITLE, self.body),
            (TITLE, self.comment),
            (ITEM, self.description),
            *((ATTACHMENT, name) for name in self.documents),
        ]


class Importer(Protocol):
    """Reads one kind of source. `publisher` is who speaks there. `tells_all`: what is ahead and not
    told has vanished. `has_agendas`: the words may stand in a meeting's items."""

    tells_all: bool
    has_agendas: bool
    county: str
    publisher: str

    def pages(self) -> AsyncIterator[list[Meeting]]:
        """Raises CannotRead; what came before holds."""
        ...

    async def agenda(self, meeting: Meeting) -> list[Item]:
        """Raises CannotRead."""
        ...

    async def votes(self, item: Item) -> list[Vote]:
        """Raises CannotRead."""
        ...

    async def again(self, key: str) -> Meeting | None:
        """One that was not told with the others; None when it is not there. Raises CannotRead."""
        ...


def version_of(row: Any) -> str:
    """64 hex digits of what a source said."""
    return hashlib.sha256(msgspec.json.encode(row)).hexdigest()


def text(value: Loose, most: int = 0) -> str:
    return "" if value is None or isinstance(value, bool) else clean(str(value), most)


def link(value: Loose) -> str:
    """An address that can stand on a page, or ""."""
    found = "" if value is None else str(value).strip()
    sound = re.fullmatch(r"https?://[!-~]+", found) and len(found) <= 1000
    return found if sound else ""


def day_of(value: Loose) -> datetime.date | None:
    """The day at the beginning of "2026-11-24T00:00:00", whatever else it says; None for what is
    none that a hearing can have."""
    found = re.match(r"(\d{4})-(\d\d)-(\d\d)(?!\d)", str(value or "").strip())
    try:
        day = datetime.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
    return day if day and 2000 <= day.year <= 2100 else None


def utc(value: Loose) -> datetime.datetime | None:
    """A moment that says no zone and means UTC."""
    try:
        moment = datetime.datetime.fromisoformat(str(value or ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def status_in(*texts: str) -> Status:
    if any(CANCELLED.search(each) for each in texts):
        return Status.CANCELLED
    if any(POSTPONED.search(each) for each in texts):
        return Status.POSTPONED
    return Status.SCHEDULED


def places(written: str | None) -> tuple[str, str, str]:
    """Place, remote link, and how to take part from afar, of what a county writes as its place: a
    line, or many."""
    lines = [clean(line) for line in re.split(r"[\r\n]+|<br\s*/?>", written or "")]
    lines = [line for line in lines if line]
    if not lines:
        return "", "", ""
    found = LINK.search("\n".join(lines))
    first = LINK.sub("", lines[0]).strip(" ,;:-")
    how = "\n".join(lines)[:4000] if len(lines) > 1 or found else ""
    return cut(first, 300), link(found[0].rstrip(".,;")) if found else "", how


def entry_of(
    meeting: Meeting,
    item: Item | None,
    votes: list[Vote],
    county: str,
    publisher: str,
    words: list[str],
) -> Entry:
    """The hearing that this would be. Its words are the source's; an editor's are better."""
    if meeting.whole is not None:
        return meeting.whole
    assert meeting.when is not None
    when = meeting.when
    title = (item.title if item else "") or meeting.title or meeting.body
    outcome, result = (item.outcome, item.result) if item else (meeting.outcome, meeting.result)
    status = meeting.status
    told = outcome or result or votes
    if told and status == Status.SCHEDULED and when.starts_at < now():
        status = Status.HELD
    if status != Status.HELD:
        outcome, result, votes = "", None, []
    page = meeting.page_url or meeting.agenda_url
    return Entry(
        kind=meeting.kind or _kind(meeting, title, words),
        title=Said(en=cut(title, LONGEST_TITLE)),
        starts_at=when.starts_at,
        ends_at=when.ends_at,
        time_known=when.time_known,
        time_text=when.time_text,
        status=status,
        county=county,
        body=cut(meeting.body, 300),
        place=meeting.place,
        remote_url=meeting.remote_url,
        remote_how=meeting.remote_how,
        agenda_url=meeting.agenda_url,
        agenda_item=item.number[:60] if item else "",
        file_number=(item.file_number if item else meeting.file_number)[:60],
        topics=[Topic.FORUMS] if set(words) & set(FORUM) else [],
        outcome=Said(en=outcome[:4000]),
        result=result,
        votes=votes[:120],
        sources=[_source(meeting, publisher, page)] if page and len(page) <= 500 else [],
    )


def refreshed(said: Entry, meeting: Meeting) -> Entry:
    """What was said, with what the source says of the meeting now; of its agenda it said nothing
    this time."""
    if meeting.when is None:
        return said
    status = meeting.status
    if status == Status.SCHEDULED and said.status == Status.HELD:
        status = Status.HELD
    return msgspec.structs.replace(
        said,
        starts_at=meeting.when.starts_at,
        ends_at=meeting.when.ends_at,
        time_known=meeting.when.time_known,
        time_text=meeting.when.time_text,
        status=status,
        place=meeting.place,
        remote_url=meeting.remote_url,
        remote_how=meeting.remote_how,
        agenda_url=meeting.agenda_url,
    )


def doubts_of(meeting: Meeting, item: Item | None = None) -> list[Doubt]:
    found = list(meeting.doubts)
    if meeting.when is not None:
        found += meeting.when.doubts
    if meeting.comment:
        found.append(("comment", {"said": cut(meeting.comment, 300)}))
    title = (item.title if item else "") or meeting.title
    if len(title) > LONGEST_TITLE:
        found.append(("long_title", {}))
    return found


def _kind(meeting: Meeting, title: str, words: list[str]) -> Kind:
    if re.search(r"\bforum\b", f"{title} {meeting.title}", re.IGNORECASE) and words:
        return Kind.FORUM
    if re.search(r"\b(?:committee|commission|task force)\b", meeting.body, re.IGNORECASE):
        return Kind.COMMITTEE
    return Kind.HEARING


def _source(meeting: Meeting, publisher: str, page: str) -> SourceEntry:
    title = cut(meeting.body or meeting.title, 300) or publisher
    return SourceEntry(
        title=title, publisher=publisher, url=page, grade="A", read_on=Day.parse(f"{today()}")
    )
