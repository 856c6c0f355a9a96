"""Deduplication: what the worker does with a signature once it is here. It finds out whether its
contact had signed before, writes to it, and gives a confirmed one its place.

None of it is done while the signer waits, so that no answer and no time it takes tells anything of
who signed. All of these are jobs that may run twice.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg

from backend.campaigns import contacts, receipts, tallies
from backend.campaigns.pledges import PLACES, TABLE, Opened, earlier_ones, opened, place, same_name
from backend.campaigns.states import PledgeState, tally
from backend.campaigns.tables import Pledge
from backend.database import DB
from backend.web import jobs, letter_budget
from backend.web.sealing import DataKey, is_apart

LETTERS = "pledge_mail"


async def settle(data: dict[str, Any]) -> None:
    """`{pledges: [ids]}`: those that just came."""
    ids = [UUID(id) for id in data["pledges"]]
    try:
        await _settle(ids)
    except asyncpg.UniqueViolationError:
        # Another worker gave one of the places away meanwhile.
        for id in ids:
            await _settle([id])


async def _settle(ids: list[UUID]) -> None:
    async with DB.transaction():
        rows = await (
            Pledge.select()
            .where(Pledge.id.is_in(ids), Pledge.state == PledgeState.RECEIVED)
            .order_by(Pledge.id)
            .lock_rows("UPDATE")
        )
        if not rows:
            return
        first = {row["id"] for row in await Pledge.raw(_FIRST, [row["id"] for row in rows])}
        arrived = [opened(row) for row in rows]
        for pledge in arrived:
            if pledge.id not in first:
                await _after_an_earlier_one(pledge)
        await _write_to(pledge for pledge in arrived if pledge.kind == "email")


# Who has no earlier one takes the first place, all in one statement.
_FIRST = f"""
    UPDATE pledge SET state = {PledgeState.AWAITING:d}, place = first.contact_index
    FROM (SELECT DISTINCT ON (contact_index) id, contact_index FROM pledge
          WHERE id = ANY({{}}) AND state = {PledgeState.RECEIVED:d}
          ORDER BY contact_index, id) AS first
    WHERE pledge.id = first.id
      AND NOT EXISTS (SELECT FROM pledge AS earlier WHERE earlier.place = first.contact_index)
    RETURNING pledge.id
"""  # noqa: S608


async def _after_an_earlier_one(pledge: Opened) -> None:
    """A second name of a household has a place of its own, anyone else repeats."""
    contact = contacts.read(pledge.contact or "")
    earlier = await earlier_ones(pledge.campaign, contact)
    columns: dict[Any, Any] = {Pledge.state: PledgeState.REPEAT}
    if len(earlier) == 1 and not same_name(earlier[0], pledge):
        free = await _free_place(pledge)
        columns = {Pledge.state: PledgeState.AWAITING, Pledge.place: free}
    await Pledge.update(columns).where(Pledge.id == pledge.id)


async def _write_to(pledges: Iterable[Opened]) -> None:
    """A letter to each whose mailbox may get one more. Only then is there a code to confirm by."""
    by_id = {pledge.id: contacts.read(pledge.contact or "").same for pledge in pledges}
    allowed = await letter_budget.may_write_all(list(by_id.values()))
    mailed = [id for id, may in zip(by_id, allowed, strict=True) if may]
    if not mailed:
        return
    await Pledge.raw("UPDATE pledge SET round = round + 1 WHERE id = ANY({})", mailed)
    await jobs.enqueue_all(LETTERS, [{"pledge": str(id), "letter": "confirm"} for id in mailed])


async def write_again(data: dict[str, Any]) -> None:
    """`{pledge: id}`: its signer asked for another letter."""
    async with DB.transaction():
        pledge = await _alone(data)
        if pledge and not pledge.confirmed and pledge.round < receipts.MOST_ROUNDS:
            await _write_to([pledge])


async def take_confirmation(data: dict[str, Any]) -> None:
    """`{pledge: id}`: its signer typed the right digits. Who signed before gives way."""
    async with DB.transaction():
        pledge = await _alone(data)
        if pledge is None or not pledge.confirmed:
            return
        await _tidy(pledge)
        if pledge.state in (PledgeState.RECEIVED, PledgeState.AWAITING):
            await tallies.move([pledge.id], PledgeState.CONFIRMED)
        elif pledge.state in (PledgeState.REPEAT, PledgeState.DOUBTFUL):
            await _take_the_place(pledge)


async def _take_the_place(pledge: Opened) -> None:
    """A repeat that is confirmed replaces the earlier pledge of the same name, with the consents
    its signer gave last. What staff set aside stays set aside. A third name cannot be counted, and
    its signer is told by mail."""
    earlier = await earlier_ones(pledge.campaign, contacts.read(pledge.contact or ""))
    same = [each for each in earlier if same_name(each, pledge)]
    if not same and len(earlier) >= len(PLACES):
        await Pledge.update({Pledge.confirmed_at: None, Pledge.round: 0}).where(
            Pledge.id == pledge.id
        )
        await jobs.enqueue(LETTERS, {"pledge": str(pledge.id), "letter": "third"})
        return
    state, by = PledgeState.CONFIRMED, None
    if same:
        if same[0].state == PledgeState.SET_ASIDE:
            # Whoever brings the earlier one back means this one too.
            row = await Pledge.select(Pledge.set_aside_by).where(Pledge.id == same[0].id).first()
            state, by = PledgeState.SET_ASIDE, row and row["set_aside_by"]
        await Pledge.delete().where(Pledge.id == same[0].id)
        gone = tally(same[0].state, same[0].kind)
        await tallies.note(same[0].campaign, same[0].county, gone, -1)
    columns: dict[Any, Any] = {
        Pledge.state: state,
        Pledge.place: await _free_place(pledge),
        Pledge.set_aside_by: by,
    }
    await Pledge.update(columns).where(Pledge.id == pledge.id)
    for counted, change in ((tally(pledge.state, pledge.kind), -1), (tally(state, pledge.kind), 1)):
        await tallies.note(pledge.campaign, pledge.county, counted, change)


async def _free_place(pledge: Opened) -> bytes:
    contact = contacts.read(pledge.contact or "")
    places = [place(pledge.campaign, contact, number) for number in PLACES]
    rows = await Pledge.select(Pledge.place).where(Pledge.place.is_in(places))
    taken = {bytes(row["place"]) for row in rows}
    return next(here for here in places if here not in taken)


async def show_the_way(data: dict[str, Any]) -> None:
    """`{places: [hex]}`: somebody asked for the way back to every pledge of one contact."""
    places = [bytes.fromhex(place) for place in data["places"]]
    async with DB.transaction():
        rows = await Pledge.select().where(Pledge.place.is_in(places), Pledge.kind == "email")
        for row in rows:
            pledge = opened(row)
            if await letter_budget.may_write(contacts.read(pledge.contact or "").same):
                await jobs.enqueue(LETTERS, {"pledge": str(pledge.id), "letter": "leave"})


async def tidy(data: dict[str, Any]) -> None:
    """`{pledge: id}`: its signer corrected their name."""
    async with DB.transaction():
        pledge = await _alone(data)
        if pledge is not None:
            await _tidy(pledge)


async def _tidy(pledge: Opened) -> None:
    """Put what was sealed apart, while nobody could open the row, under the row's own key."""
    row = await Pledge.select().where(Pledge.id == pledge.id).first()
    if row is None or row["data_key"] is None:
        return
    key = DataKey.unwrap(row["data_key"], TABLE, pledge.id)
    columns: dict[Any, Any] = {
        column: key.seal(column._meta.name, key.open(column._meta.name, row[column._meta.name]))
        for column in (Pledge.name, Pledge.receipt)
        if is_apart(row[column._meta.name])
    }
    if columns:
        await Pledge.update(columns).where(Pledge.id == pledge.id)


async def _alone(data: dict[str, Any]) -> Opened | None:
    row = await Pledge.select().where(Pledge.id == UUID(data["pledge"])).lock_rows("UPDATE").first()
    return opened(row) if row else None
