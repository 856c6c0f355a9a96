"""Signing a pledge, confirming it, correcting it, and leaving.

Whoever signs sees the same, whether the contact is new, had signed before, or is one we doubt.
Only who can read the mailbox learns more.
"""

import datetime
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns import contacts, counting, receipts
from backend.campaigns.contacts import Contact
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import Campaign, CountLine, Pledge
from backend.database import DB
from backend.web import work
from backend.web.limits import Limit
from backend.web.sealing import DataKey, blind_index
from backend.web.together import Together

TABLE = "pledge"
# A household shares a phone or an address; a third name does not count.
PLACES = (1, 2)
# So often may one mailbox hear from us because of a form that anyone can fill in.
MAILS = Limit(4, 3600)

_INSERT = """
    INSERT INTO pledge (id, campaign, state, county, language, kind, data_key, name, contact,
                        receipt, place, receipt_index, consents, source, via, round, tries)
    VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, 1, 0)
    ON CONFLICT DO NOTHING RETURNING id
"""


# First signatures of their contacts, any number at once, each with its line for the count. Who
# signs on the site after the campaign closed is left out, as are all whose place is taken.
_INSERT_FIRST = """
    WITH given AS (
             SELECT * FROM unnest(
                 {}::uuid[], {}::int[], {}::smallint[], {}::int[], {}::text[], {}::text[],
                 {}::text[], {}::text[], {}::text[], {}::text[], {}::bytea[], {}::bytea[],
                 {}::text[], {}::text[], {}::text[]
             ) AS given (id, campaign, state, county, language, kind, data_key, name, contact,
                         receipt, place, receipt_index, consents, source, via)
         ),
         added AS (
             INSERT INTO pledge (id, campaign, state, county, language, kind, data_key, name,
                                 contact, receipt, place, receipt_index, consents, source, via,
                                 round, tries)
             SELECT id, campaign, state, county, language, kind, data_key, name, contact, receipt,
                    place, receipt_index, consents::int[], source, via, 1, 0
             FROM given
             WHERE source <> 'web' OR EXISTS (
                 SELECT FROM campaign AS here
                 WHERE here.id = given.campaign AND here.state = {})
             ON CONFLICT DO NOTHING RETURNING id, campaign, county, state
         ),
         counted AS (
             INSERT INTO count_line (campaign, county, state, change)
             SELECT campaign, county, state, 1 FROM added
         )
    SELECT id FROM added
"""


@dataclass(frozen=True)
class Signature:
    """What somebody promises and how to reach them. `county` is the county's id, `consents` the
    ids of the texts agreed to, `via` the code of a shift that led to it."""

    name: str
    contact: Contact
    county: int
    language: str
    consents: tuple[int, ...]
    source: str = "web"
    via: str | None = None


@dataclass(frozen=True)
class Opened:
    """A pledge with what was sealed in it; texts are None once erased."""

    id: UUID
    campaign: int
    state: PledgeState
    county: int
    language: str
    kind: str
    round: int
    tries: int
    consents: list[int]
    signed_at: datetime.datetime
    confirmed_at: datetime.datetime | None
    name: str | None
    contact: str | None
    receipt: str | None

    @property
    def confirmed(self) -> bool:
        """As the signer sees it: what staff set aside is not told to whoever holds the code."""
        return self.confirmed_at is not None


class CodeIsUsedUp(Exception):
    """Too many wrong codes: a new one has to be asked for."""


class NotOpen(Exception):
    """The campaign closed just now: nothing was kept."""


class TooManyNames(Exception):
    """Two people have signed with this contact already. Told only to who reads its mailbox."""


async def sign(campaign: Campaign, signature: Signature, doubtful: bool = False) -> str:
    """Take the signature and return its receipt code. The mail goes out when the transaction has
    committed, and not at all when it does not. A doubtful one gets its page like any other, but
    counts only when its signer asks for a mail and confirms. Raises NotOpen."""
    while True:
        receipt = receipts.new()
        # The receipt was somebody's already: one in 100,000 at ten million pledges.
        if await _sign(campaign, signature, receipt, new_id(), doubtful):
            return receipt


async def take(campaign: Campaign, signature: Signature, receipt: str, id: UUID) -> bool:
    """The same for who has their receipt already, from a phone without a signal. False when the
    receipt is somebody else's. Within an open transaction it stands or falls with it."""
    return await _sign(campaign, signature, receipt, id, doubtful=False)


async def _sign(
    campaign: Campaign, signature: Signature, receipt: str, id: UUID, doubtful: bool
) -> bool:
    key = DataKey.new(TABLE, id)
    row = [
        id, campaign.id, PledgeState.AWAITING, signature.county, signature.language,
        signature.contact.kind, key.wrapped(), key.seal("name", signature.name),
        key.seal("contact", signature.contact.address), key.seal("receipt", receipt),
        place(campaign.id, signature.contact, PLACES[0]), receipts.index(receipt),
        list(signature.consents), signature.source, signature.via,
    ]  # fmt: skip
    if doubtful:
        row[2], row[10] = PledgeState.REPEAT, None
        return bool(await Pledge.raw(_INSERT, *row))
    first = _First(row, _mailbox(signature.contact))
    # Inside somebody's transaction it is written there, with it or not at all.
    if DB.transaction_exists():
        [written] = await _write_first([first])
    else:
        written = await _TOGETHER.do(first)
    return written or await _sign_after_another(campaign, signature, row)


@dataclass(frozen=True)
class _First:
    """A row for `_INSERT_FIRST`, and what `MAILS` knows its mailbox by (None: a phone)."""

    row: list[Any]
    mailbox: bytes | None


async def _write_first(signed: list[_First]) -> list[bool]:
    """Which of them are the first of their contacts, and stand now with line and letter."""
    columns = [list(column) for column in zip(*(each.row for each in signed), strict=True)]
    # PostgreSQL has no lists of different length in a list.
    columns[12] = ["{" + ",".join(map(str, consents)) + "}" for consents in columns[12]]
    live = CampaignState.LIVE.value
    async with DB.transaction():
        added = {row["id"] for row in await Pledge.raw(_INSERT_FIRST, *columns, live)}
        written = [each.row[0] in added for each in signed]
        letters = [
            {"pledge": str(each.row[0]), "letter": "confirm"}
            for each, is_there in zip(signed, written, strict=True)
            if is_there and each.mailbox is not None and MAILS.take(each.mailbox)
        ]
        if letters:
            await work.enqueue_all("pledge_mail", letters)
    return written


_TOGETHER = Together(_write_first)


async def _sign_after_another(campaign: Campaign, signature: Signature, row: list[Any]) -> bool:
    """False when the receipt is taken."""
    async with DB.transaction():
        if signature.source == "web" and not await _is_live(campaign):
            raise NotOpen
        row[2], row[10] = await _after_an_earlier_one(campaign, signature)
        if not await Pledge.raw(_INSERT, *row):
            # Another second signer was quicker to the place, or the receipt is taken.
            row[2], row[10] = PledgeState.REPEAT, None
            if not await Pledge.raw(_INSERT, *row):
                return False
        if row[2] == PledgeState.AWAITING:
            await counting.note(campaign.id, signature.county, awaiting=1)
        if may_be_mailed(signature.contact):
            await work.enqueue("pledge_mail", {"pledge": str(row[0]), "letter": "confirm"})
    return True


async def _is_live(campaign: Campaign) -> bool:
    here = (Campaign.id == campaign.id) & (Campaign.state == CampaignState.LIVE)
    return bool(await Campaign.exists().where(here))


async def _after_an_earlier_one(
    campaign: Campaign, signature: Signature
) -> tuple[PledgeState, bytes | None]:
    """State and place for who signs with a contact that has signed: a second name of a household
    has a place of its own, anyone else repeats."""
    earlier = await earlier_ones(campaign.id, signature.contact)
    second = place(campaign.id, signature.contact, PLACES[1])
    names = {_plain(pledge.name or "") for pledge in earlier}
    if len(earlier) == 1 and _plain(signature.name) not in names:
        return PledgeState.AWAITING, second
    return PledgeState.REPEAT, None


async def earlier_ones(campaign: int, contact: Contact) -> list[Opened]:
    """The pledges, at most two, that count for this contact in this campaign."""
    places = [place(campaign, contact, number) for number in PLACES]
    return [opened(row) for row in await Pledge.select().where(Pledge.place.is_in(places))]


def place(campaign: int, contact: Contact, number: int) -> bytes:
    return blind_index(f"pledge {contact.kind}", f"{campaign}|{number}|{contact.same}")


def may_be_mailed(contact: Contact) -> bool:
    mailbox = _mailbox(contact)
    return mailbox is not None and MAILS.take(mailbox)


def _mailbox(contact: Contact) -> bytes | None:
    return blind_index("mails", contact.same) if contact.kind == "email" else None


async def by_receipt(code: str) -> Opened | None:
    row = await Pledge.select().where(Pledge.receipt_index == receipts.index(code)).first()
    return opened(row) if row else None


async def by_id(id: UUID) -> Opened | None:
    row = await Pledge.select().where(Pledge.id == id).first()
    return opened(row) if row else None


async def confirm(pledge: Opened, typed: str | None) -> bool:
    """The signer says: it was I. `typed` are the six digits from the mail; None from the receipt
    page of who left a phone number, where the receipt itself is the proof. False when the digits
    are wrong. Raises CodeIsUsedUp, TooManyNames."""
    async with DB.transaction():
        standing = await _alone(pledge)
        if standing is None or standing.confirmed:
            return standing is not None
        if typed is None and standing.kind == "email":
            return False
        if typed is not None and not await _is_right(standing, typed):
            return False
        await _confirm(standing)
    return True


async def _is_right(pledge: Opened, typed: str) -> bool:
    if pledge.tries >= receipts.MOST_TRIES:
        raise CodeIsUsedUp
    if receipts.is_six_digits(pledge.id, pledge.round, typed):
        return True
    await Pledge.update({Pledge.tries: pledge.tries + 1}).where(Pledge.id == pledge.id)
    return False


async def _confirm(pledge: Opened) -> None:
    now = datetime.datetime.now(datetime.UTC)
    if pledge.state == PledgeState.REPEAT and pledge.kind == "email":
        await _take_the_place(pledge, now)
    elif pledge.state in (PledgeState.SET_ASIDE, PledgeState.REPEAT):
        # Nothing proves that a phone is the signer's: a repeat may not push the first one out.
        await Pledge.update({Pledge.confirmed_at: now}).where(Pledge.id == pledge.id)
    else:
        await counting.move([pledge.id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now})


async def _take_the_place(pledge: Opened, now: datetime.datetime) -> None:
    """A repeat that is confirmed replaces the earlier pledge of the same name, with the consents
    its signer gave last. What staff set aside stays set aside."""
    contact = contacts.read(pledge.contact or "")
    earlier = await earlier_ones(pledge.campaign, contact)
    same = [each for each in earlier if same_name(each, pledge)]
    if not same and len(earlier) >= len(PLACES):
        raise TooManyNames
    state, by = PledgeState.CONFIRMED, None
    if same:
        if same[0].state == PledgeState.SET_ASIDE:
            # Whoever brings the earlier one back means this one too.
            row = await Pledge.select(Pledge.set_aside_by).where(Pledge.id == same[0].id).first()
            state, by = PledgeState.SET_ASIDE, row and row["set_aside_by"]
        await _delete(same[0])
    taken = {bytes(row["place"]) for row in await _places(pledge.campaign, contact)}
    free = next(
        here for number in PLACES if (here := place(pledge.campaign, contact, number)) not in taken
    )
    columns: dict[Any, Any] = {Pledge.state: state, Pledge.place: free, Pledge.confirmed_at: now}
    columns |= {Pledge.set_aside_by: by}
    await Pledge.update(columns).where(Pledge.id == pledge.id)
    await counting.note(pledge.campaign, pledge.county, **{state.name.lower(): 1})


async def _places(campaign: int, contact: Contact) -> list[dict[str, Any]]:
    places = [place(campaign, contact, number) for number in PLACES]
    return await Pledge.select(Pledge.place).where(Pledge.place.is_in(places))


async def send_again(pledge: Opened) -> bool:
    """Mail new digits, a few times at most. False when it has been too often."""
    if pledge.kind != "email" or pledge.confirmed or pledge.round >= receipts.MOST_ROUNDS:
        return False
    async with DB.transaction():
        await Pledge.update({Pledge.round: pledge.round + 1, Pledge.tries: 0}).where(
            Pledge.id == pledge.id, Pledge.round == pledge.round
        )
        await work.enqueue("pledge_mail", {"pledge": str(pledge.id), "letter": "confirm"})
    return True


async def correct(
    pledge: Opened,
    *,
    name: str | None = None,
    county: int | None = None,
    language: str | None = None,
    consents: tuple[int, ...] | None = None,
) -> bool:
    """Change what the signer wants changed; what is None stays. False when it is gone."""
    async with DB.transaction():
        standing = await _alone(pledge)
        if standing is None:
            return False
        columns: dict[Any, Any] = {}
        if name is not None:
            row = await Pledge.select(Pledge.data_key).where(Pledge.id == pledge.id).first()
            assert row is not None
            key = DataKey.unwrap(row["data_key"], TABLE, pledge.id)
            columns[Pledge.name] = key.seal("name", name)
        if county is not None and county != standing.county:
            columns[Pledge.county] = county
            if standing.state != PledgeState.REPEAT:
                state = standing.state.name.lower()
                await counting.note(standing.campaign, standing.county, **{state: -1})
                await counting.note(standing.campaign, county, **{state: 1})
        if language is not None:
            columns[Pledge.language] = language
        if consents is not None:
            columns[Pledge.consents] = list(consents)
        if columns:
            await Pledge.update(columns).where(Pledge.id == pledge.id)
    return True


async def withdraw(pledge: Opened) -> bool:
    """Delete the pledge and everything known of its signer, now. False when it is gone already."""
    async with DB.transaction():
        standing = await _alone(pledge)
        if standing is None:
            return False
        await _delete(standing)
    return True


async def _delete(pledge: Opened) -> None:
    await Pledge.delete().where(Pledge.id == pledge.id)
    if pledge.state != PledgeState.REPEAT:
        state = pledge.state.name.lower()
        await counting.note(pledge.campaign, pledge.county, **{state: -1})


async def ask_to_leave(contact: Contact) -> None:
    """Mail whoever reads this mailbox the way to each of their pledges. The page that asks says
    the same whether there are any."""
    if not may_be_mailed(contact):
        return
    campaigns = await Campaign.select(Campaign.id).where(Campaign.state != CampaignState.DRAFT)
    places = [place(row["id"], contact, number) for row in campaigns for number in PLACES]
    async with DB.transaction():
        for row in await Pledge.select(Pledge.id).where(Pledge.place.is_in(places)):
            await work.enqueue("pledge_mail", {"pledge": str(row["id"]), "letter": "leave"})


async def remove_unconfirmed(before: datetime.datetime) -> int:
    """Retention: pledges from the web that nobody confirmed, and repeats. Paper and events wait
    for their signers as long as the campaign runs."""
    waiting = (Pledge.state == PledgeState.AWAITING) & (Pledge.source == "web")
    old = (Pledge.signed_at < before) & (waiting | (Pledge.state == PledgeState.REPEAT))
    gone = 0
    while rows := await Pledge.select(*_COUNTED_BY).where(old).limit(1000):
        async with DB.transaction():
            ids = [row["id"] for row in rows]
            removed = await Pledge.delete().where(Pledge.id.is_in(ids), old).returning(*_COUNTED_BY)
            await _uncount(removed)
        gone += len(removed)
    return gone


_COUNTED_BY = (Pledge.id, Pledge.campaign, Pledge.county, Pledge.state)


async def erase_names(before: datetime.datetime) -> int:
    """Retention: of pledges whose campaign closed before then only the number stays."""
    # The page promised a day, and the nightly run comes early on it.
    end = before.replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
    closed = await Campaign.select(Campaign.id).where(Campaign.closed_at < end)
    if not closed:
        return 0
    nothing: dict[Any, Any] = dict.fromkeys(
        (
            Pledge.data_key,
            Pledge.name,
            Pledge.contact,
            Pledge.receipt,
            Pledge.place,
            Pledge.receipt_index,
        )
    )
    erased = 0
    here = Pledge.campaign.is_in([row["id"] for row in closed]) & Pledge.data_key.is_not_null()
    while rows := await Pledge.select(Pledge.id).where(here).limit(1000):
        await Pledge.update(nothing).where(Pledge.id.is_in([row["id"] for row in rows]))
        erased += len(rows)
    return erased


async def _uncount(rows: list[dict[str, Any]]) -> None:
    lines = [
        CountLine(campaign=row["campaign"], county=row["county"], state=row["state"], change=-1)
        for row in rows
        if row["state"] != PledgeState.REPEAT
    ]
    if lines:
        await CountLine.insert(*lines)


async def _alone(pledge: Opened) -> Opened | None:
    """The pledge as it stands, for as long as the transaction lasts nobody else's to change."""
    row = await Pledge.select().where(Pledge.id == pledge.id).lock_rows("UPDATE").first()
    return opened(row) if row else None


def opened(row: dict[str, Any]) -> Opened:
    """A row with its texts. Raises sealing.CannotOpen when somebody changed it."""
    texts: dict[str, Any] = {"name": None, "contact": None, "receipt": None}
    if row["data_key"] is not None:
        key = DataKey.unwrap(row["data_key"], TABLE, row["id"])
        texts = {column: key.open(column, row[column]) for column in texts}
    same = ("id", "campaign", "county", "language", "kind", "round", "tries", "consents",
            "signed_at", "confirmed_at")  # fmt: skip
    return Opened(
        state=PledgeState(row["state"]), **{column: row[column] for column in same}, **texts
    )


def same_name(one: Opened, other: Opened) -> bool:
    return _plain(one.name or "") == _plain(other.name or "")


def new_id() -> UUID:
    """In the order of time (RFC 9562, version 7): among ten million, new ones stand together in the
    index, where random ones would each rewrite a page of their own. It tells no more than
    `signed_at`, which stands beside it wherever it goes."""
    moment = time.time_ns() // 1_000_000
    a, b = secrets.randbits(12), secrets.randbits(62)
    return UUID(int=moment << 80 | 7 << 76 | a << 64 | 2 << 62 | b)


def _plain(name: str) -> str:
    """What two spellings of one name have in common."""
    return " ".join(name.casefold().split())
