"""How long what canvassing leaves behind is kept: names of canvassers for a year after their last
shift, everything that waits for somebody for as long as somebody can be expected to look."""

import datetime
from typing import Any

from backend.campaigns import removal
from backend.campaigns.tables import NAMES_KEPT, Campaign
from backend.canvass import shifts
from backend.canvass.states import RecordState
from backend.canvass.tables import (
    CanvassDevice,
    Canvasser,
    CanvassInvitation,
    CanvassRecord,
    DeviceShift,
    PaperRow,
    ShiftLead,
    ShiftTotal,
)
from backend.staff.retention import remove
from backend.staff.tables import Account, now

INVITATIONS_KEPT = datetime.timedelta(days=1)
REVIEW_KEPT = NAMES_KEPT
# What waits on a phone for so long shall be asked after.
TOO_LONG = datetime.timedelta(days=1)


async def erase_canvassers(before: datetime.datetime) -> int:
    """Retention: who they were, and what they called their phones. The numbers stay."""
    old = (Canvasser.last_at < before) & Canvasser.data_key.is_not_null()
    nothing: dict[Any, Any] = {Canvasser.data_key: None, Canvasser.name: None}
    erased = await Canvasser.update(nothing).where(old).returning(Canvasser.id)
    if erased:
        await CanvassDevice.update({CanvassDevice.label: ""}).where(
            CanvassDevice.canvasser.is_in([row["id"] for row in erased])
        )
    return len(erased)


async def forget_signers(before: datetime.datetime) -> int:
    """Retention: which phone and shift each signer of a campaign came by, before its pledges are
    erased. From ten up a shift's numbers stay."""
    forgotten = 0
    for campaign in await removal.ended(before):
        await ShiftTotal.raw(KEEP_TOTALS, campaign, removal.LEAST)
        gone = await CanvassRecord.raw(FORGET_RECORDS, campaign)
        lines = await PaperRow.raw(FORGET_LINES, campaign)
        forgotten += len(gone) + len(lines)
    return forgotten


async def remove_invitations(before: datetime.datetime) -> int:
    """Retention: codes that were used or ended."""
    ended = (CanvassInvitation.ends_at < before) | (CanvassInvitation.used_at < before)
    return await remove(CanvassInvitation, ended)


async def drop_unsettled(before: datetime.datetime) -> int:
    """Retention: sign-ups that nobody looked at, at the latest with the names of their campaign.
    That they came stays, so that a phone which sends them again is not taken at its word a second
    time."""
    closed = Campaign.select(Campaign.id).where(Campaign.closed_at < now() - NAMES_KEPT)
    due = (CanvassRecord.received_at < before) | CanvassRecord.campaign.is_in(closed)
    old = CanvassRecord.state.is_in([RecordState.RECEIVED, RecordState.REVIEW]) & due
    columns: dict[Any, Any] = {
        CanvassRecord.state: RecordState.DROPPED,
        CanvassRecord.sealed: None,
        CanvassRecord.settled_at: now(),
    }
    return len(await CanvassRecord.update(columns).where(old).returning(CanvassRecord.id))


async def phones_behind(account: Account) -> int:
    """Phones of one's shifts that said they hold unsent sign-ups, and have for more than a day."""
    since = now() - TOO_LONG
    where = (
        CanvassDevice.revoked_at.is_null()
        & (CanvassDevice.unsent > 0)
        & ((CanvassDevice.oldest_at < since) | (CanvassDevice.seen_at < since))
    )
    if not shifts.sees_all(account):
        led = ShiftLead.select(ShiftLead.shift).where(ShiftLead.account == account.id)
        where &= CanvassDevice.id.is_in(
            DeviceShift.select(DeviceShift.device).where(DeviceShift.shift.is_in(led))
        )
    return int(await CanvassDevice.count().where(where))


KEEP_TOTALS = """
INSERT INTO shift_total (shift, campaign, state, number)
SELECT shift.id, pledge.campaign, pledge.state, count(*)
FROM pledge JOIN shift ON shift.code = pledge.via
WHERE pledge.campaign = {} GROUP BY shift.id, pledge.campaign, pledge.state HAVING count(*) >= {}
ON CONFLICT (shift, campaign, state) DO UPDATE SET number = excluded.number
"""

FORGET_RECORDS = "DELETE FROM canvass_record WHERE campaign = {} RETURNING 1"

FORGET_LINES = """
UPDATE paper_row SET pledge = NULL, data_key = NULL, again = NULL
WHERE pledge IS NOT NULL AND sheet IN (SELECT id FROM paper_sheet WHERE campaign = {}) RETURNING 1
"""
