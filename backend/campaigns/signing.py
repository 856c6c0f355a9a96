"""Signing a pledge, confirming it, correcting it, and leaving: what a request does of it.

Whoever signs sees the same, whether the contact is new, had signed before, or is one we doubt, and
we do the same for each: write one row and ask the worker to look (`arrivals.py`). Nothing here
opens what is sealed; what a signer changes is sealed apart until the worker puts it in its place.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns import receipts, tallies
from backend.campaigns.contacts import Contact
from backend.campaigns.pledges import PLACES, TABLE, Standing, place
from backend.campaigns.states import CampaignState, PledgeState, Tally, tally
from backend.campaigns.tables import Campaign, Pledge
from backend.database import DB
from backend.staff.tables import now
from backend.web import jobs
from backend.web.batching import Together
from backend.web.rate_limits import Limit
from backend.web.sealing import DataKey, seal_apart

ARRIVALS, CONFIRMED, CORRECTED, AGAIN, LEAVING = (
    "pledge_arrivals",
    "pledge_confirmed",
    "pledge_corrected",
    "pledge_again",
    "pledge_leaving",
)
# Digits tried for one pledge in a day, and for one mailbox: so much more that who signed with
# somebody else's address cannot use up the tries of its reader.
TRIES = Limit("pledge digits", receipts.MOST_TRIES, 24 * 3600, closed=True)
TRIES_OF_MAILBOX = Limit("mailbox digits", 4 * receipts.MOST_TRIES, 24 * 3600, closed=True)

# Any number at once, each with its line for the count. Who signs on the site after the campaign
# closed is left out. Whether a contact had signed before is not looked at.
_INSERT = f"""
    WITH given AS (
             SELECT * FROM unnest(
                 {{}}::uuid[], {{}}::int[], {{}}::smallint[], {{}}::int[], {{}}::text[],
                 {{}}::text[], {{}}::text[], {{}}::text[], {{}}::text[], {{}}::text[],
                 {{}}::bytea[], {{}}::bytea[], {{}}::text[], {{}}::text[], {{}}::text[]
             ) AS given (id, campaign, state, county, language, kind, data_key, name, contact,
                         receipt, contact_index, receipt_index, consents, source, via)
         ),
         added AS (
             INSERT INTO pledge (id, campaign, state, county, language, kind, data_key, name,
                                 contact, receipt, contact_index, receipt_index, consents, source,
                                 via, round, tries)
             SELECT id, campaign, state, county, language, kind, data_key, name, contact, receipt,
                    contact_index, receipt_index, consents::int[], source, via, 0, 0
             FROM given
             WHERE source <> 'web' OR EXISTS (
                 SELECT FROM campaign AS here
                 WHERE here.id = given.campaign AND here.state = {{}})
             ON CONFLICT (receipt_index) DO NOTHING RETURNING id, campaign, county, kind, state
         ),
         counted AS (
             INSERT INTO count_line (campaign, county, state, change)
             SELECT campaign, county,
                    CASE WHEN kind = 'email' THEN {Tally.AWAITING:d} ELSE {Tally.PHONE:d} END, 1
             FROM added WHERE state = {PledgeState.RECEIVED:d}
         )
    SELECT id FROM added
"""  # noqa: S608


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


class CodeIsUsedUp(Exception):
    """Too many wrong codes: a new one has to be asked for, tomorrow at the latest."""


class NotOpen(Exception):
    """The campaign closed just now: nothing was kept."""


async def sign(campaign: Campaign, signature: Signature, doubtful: bool = False) -> str:
    """Take the signature and return its receipt code. A doubtful one gets its page like any other,
    but counts only when its signer asks for a mail and confirms. Raises NotOpen."""
    while True:
        receipt = receipts.new()
        # Somebody's already: one in a hundred million at ten million pledges.
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
        id, campaign.id, PledgeState.DOUBTFUL if doubtful else PledgeState.RECEIVED,
        signature.county, signature.language, signature.contact.kind, key.wrapped(),
        key.seal("name", signature.name), key.seal("contact", signature.contact.address),
        key.seal("receipt", receipt), place(campaign.id, signature.contact, PLACES[0]),
        receipts.index(receipt), list(signature.consents), signature.source, signature.via,
    ]  # fmt: skip
    # Inside somebody's transaction it is written there, with it or not at all.
    if DB.transaction_exists():
        [written] = await _write([row])
    else:
        written = await _TOGETHER.do(row)
    if not written and signature.source == "web" and not await _is_live(campaign):
        raise NotOpen
    return written


async def _write(rows: list[list[Any]]) -> list[bool]:
    """Which of them stand now, each with its line for the count and a job that looks at it."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    # PostgreSQL has no lists of different length in a list.
    columns[12] = ["{" + ",".join(map(str, consents)) + "}" for consents in columns[12]]
    async with DB.transaction():
        added = await Pledge.raw(_INSERT, *columns, CampaignState.LIVE.value)
        if added:
            await jobs.enqueue(ARRIVALS, {"pledges": [str(row["id"]) for row in added]})
    written = {row["id"] for row in added}
    return [row[0] in written for row in rows]


_TOGETHER = Together(_write)


async def _is_live(campaign: Campaign) -> bool:
    here = (Campaign.id == campaign.id) & (Campaign.state == CampaignState.LIVE)
    return bool(await Campaign.exists().where(here))


async def by_receipt(code: str) -> Standing | None:
    row = await _standing().where(Pledge.receipt_index == receipts.index(code)).first()
    return _as_standing(row) if row else None


async def confirm(pledge: Standing, typed: str) -> str | None:
    """The signer says: it was I. `typed` are the six digits from the mail. Returns the receipt that
    leads to the pledge from now on, which whoever typed the address does not have; None when the
    digits are wrong or there is nothing to confirm. A phone number is confirmed by nobody here.
    Raises CodeIsUsedUp."""
    own, mailbox = pledge.id.bytes, pledge.contact_index or pledge.id.bytes
    if not (await TRIES.take(own) and await TRIES_OF_MAILBOX.take(mailbox)):
        raise CodeIsUsedUp
    async with DB.transaction():
        standing = await _alone(pledge)
        if standing is None or standing.kind != "email" or standing.confirmed:
            return None
        if standing.round > 0 and receipts.is_six_digits(standing.id, standing.round, typed):
            return await _confirm(standing)
    return None


async def _confirm(standing: Standing) -> str:
    receipt = receipts.new()
    columns: dict[Any, Any] = {
        Pledge.confirmed_at: now(),
        Pledge.receipt: seal_apart(TABLE, standing.id, "receipt", receipt),
        Pledge.receipt_index: receipts.index(receipt),
    }
    await Pledge.update(columns).where(Pledge.id == standing.id)
    await jobs.enqueue(CONFIRMED, {"pledge": str(standing.id)})
    return receipt


async def send_again(pledge: Standing) -> None:
    """Ask for a letter with new digits. Whether one goes out, the mailbox's budget decides."""
    if pledge.kind == "email":
        await jobs.enqueue(AGAIN, {"pledge": str(pledge.id)})


async def correct(
    pledge: Standing,
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
            columns[Pledge.name] = seal_apart(TABLE, pledge.id, "name", name)
        if county is not None and county != standing.county:
            columns[Pledge.county] = county
            counted = tally(standing.state, standing.kind)
            await tallies.note(standing.campaign, standing.county, counted, -1)
            await tallies.note(standing.campaign, county, counted, 1)
        if language is not None:
            columns[Pledge.language] = language
        if consents is not None:
            columns[Pledge.consents] = list(consents)
        if columns:
            await Pledge.update(columns).where(Pledge.id == pledge.id)
        if name is not None:
            await jobs.enqueue(CORRECTED, {"pledge": str(pledge.id)})
    return True


async def withdraw(pledge: Standing) -> bool:
    """Delete the pledge and everything known of its signer, now. False when it is gone already."""
    async with DB.transaction():
        rows = await (
            Pledge.delete()
            .where(Pledge.id == pledge.id)
            .returning(Pledge.campaign, Pledge.county, Pledge.state, Pledge.kind)
        )
        for row in rows:
            counted = tally(row["state"], row["kind"])
            await tallies.note(row["campaign"], row["county"], counted, -1)
    return bool(rows)


async def ask_to_leave(contact: Contact) -> None:
    """Ask for the way back to each pledge of this contact, to be mailed there. Nothing is looked up
    here, and what waits for the worker names nobody."""
    campaigns = await Campaign.select(Campaign.id).where(Campaign.state != CampaignState.DRAFT)
    places = [place(row["id"], contact, number).hex() for row in campaigns for number in PLACES]
    if contact.kind == "email":
        await jobs.enqueue(LEAVING, {"places": places})


def new_id() -> UUID:
    """In the order of time (RFC 9562, version 7): among ten million, new ones stand together in the
    index, where random ones would each rewrite a page of their own. It tells no more than
    `signed_at`, which stands beside it wherever it goes, and is deleted with it."""
    moment = time.time_ns() // 1_000_000
    a, b = secrets.randbits(12), secrets.randbits(62)
    return UUID(int=moment << 80 | 7 << 76 | a << 64 | 2 << 62 | b)


_COLUMNS = (
    Pledge.id, Pledge.campaign, Pledge.state, Pledge.county, Pledge.language, Pledge.kind,
    Pledge.source, Pledge.round, Pledge.consents, Pledge.signed_at, Pledge.confirmed_at,
    Pledge.contact_index,
)  # fmt: skip


def _standing() -> Any:
    return Pledge.select(*_COLUMNS)


def _as_standing(row: dict[str, Any]) -> Standing:
    return Standing(**{**row, "state": PledgeState(row["state"])})


async def _alone(pledge: Standing) -> Standing | None:
    """The pledge as it stands, for as long as the transaction lasts nobody else's to change."""
    row = await _standing().where(Pledge.id == pledge.id).lock_rows("UPDATE").first()
    return _as_standing(row) if row else None
