"""How a phone writes down a sealed sign-up, in what it sends and in the file it can save."""

import datetime
from uuid import UUID

import msgspec

from backend.canvass import sealing
from backend.canvass.intake import NotTaken, Sent

LONGEST_SHOWN = 100
LONGEST_KEY = 16


class Record(msgspec.Struct):
    """`key` is that of the kit, `saved_at` the phone's clock, `sealed` in base64url."""

    id: UUID
    device: UUID
    shift: int
    key: str
    shown: str
    sealed: str
    saved_at: datetime.datetime | None = None


def read(record: Record) -> Sent:
    """Raises NotTaken for what no phone of ours writes."""
    text = record.shown + record.key
    if len(record.shown) > LONGEST_SHOWN or len(record.key) > LONGEST_KEY or "\0" in text:
        raise NotTaken("unreadable")
    try:
        sealed = sealing.unpack(record.sealed)
    except sealing.CannotOpen:
        raise NotTaken("unreadable") from None
    saved_at = moment(record.saved_at)
    return Sent(record.id, record.device, record.shift, record.key, record.shown, saved_at, sealed)


def moment(said: datetime.datetime | None) -> datetime.datetime | None:
    """By a clock that may be off by a year, not by a thousand."""
    if said is None or said.tzinfo is None or not 2000 < said.year < 2200:
        return None
    return said.astimezone(datetime.UTC)
