"""Pledges with what is sealed in them, for the worker and the desk; and who shares a contact."""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns.contacts import Contact
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Pledge
from backend.web.sealing import DataKey, blind_index

TABLE = "pledge"
# A household shares a phone or an address; a third name does not count.
PLACES = (1, 2)


@dataclass(frozen=True)
class Standing:
    """A pledge as its signer's page needs it: nothing of it is sealed."""

    id: UUID
    campaign: int
    state: PledgeState
    county: int
    language: str
    kind: str
    source: str
    round: int
    consents: list[int]
    signed_at: datetime.datetime
    confirmed_at: datetime.datetime | None
    contact_index: bytes | None

    @property
    def confirmed(self) -> bool:
        """As the signer sees it: what staff set aside is not told to whoever holds the code."""
        return self.confirmed_at is not None


@dataclass(frozen=True)
class Opened(Standing):
    """The same with what was sealed in it; texts are None once erased."""

    name: str | None
    contact: str | None
    receipt: str | None


def opened(row: dict[str, Any]) -> Opened:
    """A row with its texts. Raises sealing.CannotOpen when somebody changed it."""
    texts: dict[str, Any] = {"name": None, "contact": None, "receipt": None}
    if row["data_key"] is not None:
        key = DataKey.unwrap(row["data_key"], TABLE, row["id"])
        texts = {column: key.open(column, row[column]) for column in texts}
    same = ("id", "campaign", "county", "language", "kind", "source", "round", "consents",
            "signed_at", "confirmed_at", "contact_index")  # fmt: skip
    return Opened(
        state=PledgeState(row["state"]), **{column: row[column] for column in same}, **texts
    )


async def by_id(id: UUID) -> Opened | None:
    row = await Pledge.select().where(Pledge.id == id).first()
    return opened(row) if row else None


async def page_of(where: list[Any], most: int, offset: int) -> list[Opened]:
    rows = await (
        Pledge.select()
        .where(*where)
        .order_by(Pledge.signed_at, Pledge.id)
        .limit(most)
        .offset(offset)
    )
    return [opened(row) for row in rows]


async def earlier_ones(campaign: int, contact: Contact) -> list[Opened]:
    """The pledges, at most two, that have a place for this contact in this campaign."""
    places = [place(campaign, contact, number) for number in PLACES]
    return [opened(row) for row in await Pledge.select().where(Pledge.place.is_in(places))]


def place(campaign: int, contact: Contact, number: int) -> bytes:
    return blind_index(f"pledge {contact.kind}", f"{campaign}|{number}|{contact.same}")


def same_name(one: Opened, other: Opened) -> bool:
    return _plain(one.name or "") == _plain(other.name or "")


def _plain(name: str) -> str:
    """What two spellings of one name have in common."""
    return " ".join(name.casefold().split())
