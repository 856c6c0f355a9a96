"""What staff withdraw for a signer who asked by phone or letter. Nobody can tell the signer's wish
from a colleague's, so it is taken out of the count at once and deleted a week later: until then it
can come back."""

import datetime
from uuid import UUID as PledgeId

from backend.campaigns import signing, tallies
from backend.campaigns.pledges import Opened, by_id
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Withdrawal
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import Account, now

DELETED_AFTER = datetime.timedelta(days=7)


async def ask(campaign: Campaign, pledge: Opened, by: Account) -> bool:
    """Out of the count now, deleted in seven days. False when it was withdrawn already."""
    async with DB.transaction():
        new = await (
            Withdrawal.insert(
                Withdrawal(
                    pledge=pledge.id,
                    campaign=campaign.id,
                    was=pledge.state,
                    asked_by=by.name,
                    asked_at=now(),
                )
            )
            .on_conflict(action="DO NOTHING")
            .returning(Withdrawal.id)
        )
        if not new:
            return False
        await tallies.move([pledge.id], PledgeState.SET_ASIDE)
        deleted_on = (now() + DELETED_AFTER).date().isoformat()
        await audit.write(by.name, "pledge_withdrawn", f"campaign {campaign.slug}",
                          pledge=str(pledge.id), deleted_on=deleted_on)  # fmt: skip
    return True


async def take_back(campaign: Campaign, pledge: PledgeId, by: Account) -> bool:
    """It counts again as before. False when nobody withdrew it, or it is deleted."""
    async with DB.transaction():
        gone = await (
            Withdrawal.delete()
            .where(Withdrawal.pledge == pledge, Withdrawal.campaign == campaign.id)
            .returning(Withdrawal.was)
        )
        if not gone:
            return False
        await tallies.move([pledge], PledgeState(gone[0]["was"]))
        await audit.write(by.name, "withdrawal_undone", f"campaign {campaign.slug}",
                          pledge=str(pledge))  # fmt: skip
    return True


async def asked_for(pledges: list[PledgeId]) -> dict[PledgeId, Withdrawal]:
    """Which of these pledges staff withdrew, and when."""
    if not pledges:
        return {}
    found = await Withdrawal.objects().where(Withdrawal.pledge.is_in(pledges))
    return {each.pledge: each for each in found}


async def delete_due(before: datetime.datetime) -> int:
    """Retention: those asked for before then, with everything known of their signers."""
    due = await Withdrawal.objects().where(Withdrawal.asked_at < before)
    for each in due:
        pledge = await by_id(each.pledge)
        if pledge is not None:
            await signing.withdraw(pledge)
        await Withdrawal.delete().where(Withdrawal.id == each.id)
    return len(due)
