"""Calling who left a phone number: the only way such a pledge is confirmed, for nothing proves that
whoever typed a number has it."""

import datetime
from typing import Any
from uuid import UUID

from backend.campaigns import pledges, tallies, withdrawing
from backend.campaigns.pledges import Opened
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.database import DB
from backend.staff import audit, names
from backend.staff.tables import Account, now

# Who did not answer so often is left alone.
MOST_CALLS = 3
# A number that somebody was shown is nobody else's for so long, and after a call in vain for so
# long nobody's.
IN_HAND = datetime.timedelta(minutes=10)
LATER = datetime.timedelta(hours=20)


async def how_many(campaign: int | None = None) -> int:
    """How many numbers wait to be called, of one campaign or of all."""
    where = _waiting() if campaign is None else _waiting() & (Pledge.campaign == campaign)
    return int(await Pledge.count().where(where))


async def next_one(campaign: Campaign, by: Account) -> Opened | None:
    """The number to call now, for this person alone; that they saw it stands in the trail."""
    row: dict[str, Any] | None = None
    async with DB.transaction():
        row = await (
            Pledge.select()
            .where(
                _waiting() & (Pledge.campaign == campaign.id),
                Pledge.called_at.is_null() | (Pledge.called_at < now() - IN_HAND),
                (Pledge.calls == 0) | (Pledge.called_at < now() - LATER),
            )
            .order_by(Pledge.calls, Pledge.signed_at)
            .lock_rows("UPDATE", skip_locked=True)
            .first()
        )
        if row is not None:
            await Pledge.update({Pledge.called_at: now()}).where(Pledge.id == row["id"])
            await names.saw(by, 1)
            await audit.write(by.name, "saw_people", f"campaign {campaign.slug}", count=1)
    return pledges.opened(row) if row is not None else None


async def confirm(campaign: Campaign, id: UUID, by: Account) -> bool:
    """It was they. False when there is nothing to confirm any more."""
    async with DB.transaction():
        if not await _is_waiting(campaign, id):
            return False
        await tallies.move([id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
        await audit.write(by.name, "number_confirmed", f"campaign {campaign.slug}", pledge=str(id))
    return True


async def note_no_answer(campaign: Campaign, id: UUID, by: Account) -> bool:
    async with DB.transaction():
        if not await _is_waiting(campaign, id):
            return False
        await Pledge.raw(
            "UPDATE pledge SET calls = calls + 1, called_at = clock_timestamp() WHERE id = {}", id
        )
        await audit.write(by.name, "number_called", f"campaign {campaign.slug}", pledge=str(id))
    return True


async def drop(campaign: Campaign, id: UUID, by: Account) -> bool:
    """Whoever has the number did not sign: out of the count now, deleted a week later."""
    pledge = await pledges.by_id(id)
    if pledge is None or not await _is_waiting(campaign, id):
        return False
    return await withdrawing.ask(campaign, pledge, by)


def _waiting() -> Any:
    return (
        (Pledge.kind == "phone")
        & (Pledge.state == PledgeState.AWAITING)
        & Pledge.place.is_not_null()
        & (Pledge.calls < MOST_CALLS)
    )


async def _is_waiting(campaign: Campaign, id: UUID) -> bool:
    row = await (
        Pledge.select(Pledge.id)
        .where(_waiting(), Pledge.id == id, Pledge.campaign == campaign.id)
        .lock_rows("UPDATE")
        .first()
    )
    return row is not None
