"""Device enrollment: the phones that canvassers carry, invited by a lead, in use for thirty days,
revoked at once."""

import datetime
import secrets
from typing import Any
from uuid import UUID

from backend.campaigns import receipts
from backend.campaigns.signing import new_id
from backend.canvass.tables import (
    DEVICE,
    INVITATION,
    CanvassDevice,
    Canvasser,
    CanvassInvitation,
    DeviceShift,
    Shift,
)
from backend.database import DB
from backend.staff.tables import Account, digest, now
from backend.web.sealing import DataKey

# 50 bits for ten minutes, and a limit on who tries.
CODE = 10
LABEL = 40
# More would be no phone's work.
MOST_UNSENT = 100_000
FARTHEST_CLOCK = 100 * 366 * 86_400


class CannotEnrol(Exception):
    """The code is not, or not any more, good for a phone."""


class Revoked(Exception):
    """This phone was taken off: it may send nothing and see nothing."""


async def begin_canvasser(name: str) -> Canvasser:
    """Somebody new, by the name the leads know them by."""
    async with DB.transaction():
        canvasser = Canvasser()
        await canvasser.save()
        key = DataKey.new("canvasser", canvasser.id)
        canvasser.data_key, canvasser.name = key.wrapped(), key.seal("name", name)
        await canvasser.save()
    return canvasser


def name_of(canvasser: Canvasser) -> str | None:
    """None once it is erased. Raises sealing.CannotOpen."""
    if canvasser.data_key is None or canvasser.name is None:
        return None
    key = DataKey.unwrap(canvasser.data_key, "canvasser", canvasser.id)
    return key.open("name", canvasser.name)


async def invite(shift: int, canvasser: int, by: Account | None) -> str:
    """A code for one phone, good once and for ten minutes. Earlier ones of the same person for the
    same shift end."""
    code = "".join(receipts.ALPHABET[byte % 32] for byte in secrets.token_bytes(CODE))
    async with DB.transaction():
        await CanvassInvitation.update({CanvassInvitation.ends_at: now()}).where(
            CanvassInvitation.shift == shift,
            CanvassInvitation.canvasser == canvasser,
            CanvassInvitation.used_at.is_null(),
            CanvassInvitation.ends_at > now(),
        )
        await CanvassInvitation(
            shift=shift,
            canvasser=canvasser,
            code_hash=digest(code),
            made_by=by.id if by else None,
            ends_at=now() + INVITATION,
        ).save()
    return code


def read_code(typed: str) -> str | None:
    """The code as it was given out, from what somebody typed."""
    code = typed[:60].upper().translate(receipts.MISTAKEN)
    return code if len(code) == CODE and not set(code) - set(receipts.ALPHABET) else None


async def enrol(typed: str, label: str, known: UUID | None = None) -> tuple[CanvassDevice, str]:
    """The phone and the token its cookie carries from now on. A phone that says which it is, and
    is the same person's, stays that phone: what waits on it was sealed under its name. Raises
    CannotEnrol."""
    code = read_code(typed)
    if code is None:
        raise CannotEnrol
    async with DB.transaction():
        # Marked before anything is read: whoever comes second finds nothing.
        used = await CanvassInvitation.raw(USE, digest(code))
        if not used:
            raise CannotEnrol
        [row] = used
        token = secrets.token_urlsafe(32)
        device = await _known(known, row["canvasser"]) or CanvassDevice(
            id=new_id(), canvasser=row["canvasser"]
        )
        device.label = " ".join(label.split())[:LABEL]
        device.token_hash, device.ends_at, device.seen_at = digest(token), now() + DEVICE, now()
        await device.save()
        await DeviceShift.raw(JOIN, device.id, row["shift"])
        await CanvassInvitation.update({CanvassInvitation.device: device.id}).where(
            CanvassInvitation.id == row["id"]
        )
        await Canvasser.raw(WORKS, row["canvasser"])
    return device, token


async def carried_as(token: str) -> CanvassDevice | None:
    """The phone of a cookie; None when it is unknown or its thirty days are over. Raises
    Revoked."""
    found: CanvassDevice | None = await (
        CanvassDevice.objects().where(CanvassDevice.token_hash == digest(token)).first()
    )
    if found is None:
        return None
    if found.revoked_at is not None:
        raise Revoked
    return found if found.ends_at > now() else None


async def note_seen(
    device: CanvassDevice,
    unsent: int,
    oldest: datetime.datetime | None,
    clock: datetime.datetime | None,
    version: str,
) -> None:
    """What a phone says of itself; it may stay for thirty days more."""
    off = int((clock - now()).total_seconds()) if clock else None
    await CanvassDevice.update(
        {
            CanvassDevice.seen_at: now(),
            CanvassDevice.ends_at: now() + DEVICE,
            CanvassDevice.unsent: max(0, min(unsent, MOST_UNSENT)),
            CanvassDevice.oldest_at: oldest,
            CanvassDevice.unsent_at: now(),
            CanvassDevice.clock_off: off,
            CanvassDevice.version: version[:20],
        }
    ).where(CanvassDevice.id == device.id)


async def revoke(id: UUID, by: Account) -> bool:
    """Take a phone off. False when it was off already, or there is none."""
    done = await CanvassDevice.raw(
        "UPDATE canvass_device SET revoked_at = {}, revoked_by = {}"
        " WHERE id = {} AND revoked_at IS NULL RETURNING id",
        now(),
        by.id,
        id,
    )
    return bool(done)


async def forget(token: str) -> None:
    """The phone itself forgot everything, its key too. What it had not sent is gone."""
    if token:
        await CanvassDevice.raw(
            "UPDATE canvass_device SET revoked_at = {}"
            " WHERE token_hash = {} AND revoked_at IS NULL",
            now(),
            digest(token),
        )


async def shifts_of(device: UUID) -> list[Shift]:
    """Those the phone was invited to, the newest first."""
    rows = await DeviceShift.select(DeviceShift.shift).where(DeviceShift.device == device)
    found: list[Shift] = await (
        Shift.objects()
        .where(Shift.id.is_in([row["shift"] for row in rows] or [0]))
        .order_by(Shift.starts_at, ascending=False)
    )
    return found


async def _known(id: UUID | None, canvasser: int) -> Any:
    if id is None:
        return None
    return await (
        CanvassDevice.objects()
        .where(
            CanvassDevice.id == id,
            CanvassDevice.canvasser == canvasser,
            CanvassDevice.revoked_at.is_null(),
        )
        .first()
    )


USE = """
UPDATE canvass_invitation SET used_at = clock_timestamp()
WHERE code_hash = {} AND used_at IS NULL AND ends_at > clock_timestamp()
RETURNING id, shift, canvasser
"""

# Their last shift may be planned already.
WORKS = """
UPDATE canvasser SET last_at = greatest(last_at, clock_timestamp()) WHERE id = {}
"""

JOIN = """
INSERT INTO device_shift (device, shift, joined_at) VALUES ({}, {}, clock_timestamp())
ON CONFLICT DO NOTHING
"""
