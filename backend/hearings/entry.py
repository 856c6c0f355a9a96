"""What a hearing says, as one value: forms make it, importers propose it, history keeps it."""

import datetime
from typing import Annotated, Any

import msgspec

from backend.hearings.kinds import Choice, Kind, Result, Status, Topic
from backend.policies.files import SourceEntry

Line = Annotated[str, msgspec.Meta(max_length=300)]
LongText = Annotated[str, msgspec.Meta(max_length=4000)]
Address = Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s]+)?$", max_length=1000)]


class Said(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Words in each language; "" where nobody wrote them yet. English comes first, and is read
    wherever another is missing."""

    en: LongText = ""
    es: LongText = ""

    def __bool__(self) -> bool:
        return bool(self.en or self.es)


class Vote(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    member: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    choice: Choice


class Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Times are aware and of any zone; `time_known` is False when only the day is, and then
    `starts_at` is noon of that day in California. `time_text` is what the source said of the time
    when that is more than a time ("1:30 P.M. or soon after"). `county` is a slug, "" for the state;
    `campaign` a slug. `file_number` is that of the bill or the county's file. `noticed_on` is the
    day it was announced, by the body itself. `figures` are what a forum told, as it told them."""

    kind: Kind
    title: Said
    starts_at: datetime.datetime
    status: Status = Status.SCHEDULED
    county: Annotated[str, msgspec.Meta(max_length=40)] = ""
    body: Line = ""
    ends_at: datetime.datetime | None = None
    time_known: bool = True
    time_text: Line = ""
    place: Line = ""
    address: Line = ""
    remote_url: Address = ""
    remote_how: LongText = ""
    agenda_url: Address = ""
    agenda_item: Annotated[str, msgspec.Meta(max_length=60)] = ""
    file_number: Annotated[str, msgspec.Meta(max_length=60)] = ""
    campaign: Annotated[str, msgspec.Meta(max_length=60)] = ""
    topics: list[Topic] = msgspec.field(default_factory=list)
    decides: Said = msgspec.field(default_factory=Said)
    how_to_speak: Said = msgspec.field(default_factory=Said)
    speak_by: datetime.datetime | None = None
    interpreter: Said = msgspec.field(default_factory=Said)
    remote_speaking: bool | None = None
    special_meeting: bool = False
    noticed_on: datetime.date | None = None
    outcome: Said = msgspec.field(default_factory=Said)
    result: Result | None = None
    votes: Annotated[list[Vote], msgspec.Meta(max_length=120)] = msgspec.field(default_factory=list)
    figures: Said = msgspec.field(default_factory=Said)
    sources: Annotated[list[SourceEntry], msgspec.Meta(max_length=20)] = msgspec.field(
        default_factory=list
    )


def plain(entry: Entry) -> dict[str, Any]:
    """As JSON holds it, alike for equal entries: times in UTC."""
    made: dict[str, Any] = msgspec.to_builtins(entry, enc_hook=_day)
    for name in ("starts_at", "ends_at", "speak_by"):
        moment: datetime.datetime | None = getattr(entry, name)
        made[name] = moment.astimezone(datetime.UTC).isoformat() if moment else None
    return made


def read(plain: dict[str, Any]) -> Entry:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(plain, Entry, dec_hook=_read_day, strict=False)


def differing(before: Entry, after: Entry) -> list[str]:
    """The names of the fields that say something else."""
    one, other = plain(before), plain(after)
    return [name for name in Entry.__struct_fields__ if one[name] != other[name]]


def same(one: Entry, other: Entry) -> bool:
    """Whether both say the same, but that one of them was moved by what it says."""
    fields = set(differing(one, other))
    moved = {one.status, other.status} == {Status.SCHEDULED, Status.MOVED}
    return fields <= ({"status"} if moved else set())


def _day(value: Any) -> Any:
    return value.written


def _read_day(kind: type, value: Any) -> Any:
    return kind.parse(value)  # type: ignore[attr-defined]
