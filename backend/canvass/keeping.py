"""How long what canvassing leaves behind is kept: names of canvassers for a year after their last
shift, everything that waits for somebody for as long as somebody can be expected to look."""

import datetime
from typing import Any

from backend.campaigns.tables import NAMES_KEPT, Campaign
from backend.canvass import shifts
from backend.canvass.states import RecordState
from backend.canvass.tables import (
    CanvassDevice,
    Canvasser,
    CanvassInvitation,
    CanvassRecord,
    DeviceShift,
    ShiftLead,
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
    old = (CanvassRecord.state == RecordState.REVIEW) & due
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
