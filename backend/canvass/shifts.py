"""Shifts: where and when, who leads them, and who works on them.

A lead sees the shifts they lead, and the canvassers of those; an admin sees all.
"""

import datetime
import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns import receipts
from backend.canvass import devices
from backend.canvass.tables import (
    CanvassDevice,
    Canvasser,
    CanvassInvitation,
    DeviceShift,
    Shift,
    ShiftCanvasser,
    ShiftLead,
)
from backend.database import DB
from backend.staff import audit
from backend.staff.roles import Right, Role
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web.errors import Refused
from backend.web.language import gettext as _

MOST_SHOWN = 200
PLANNED = ("event", "place", "county", "campaigns", "languages", "starts_at", "ends_at")


@dataclass(frozen=True)
class Plan:
    """What is written of a shift. `leads` are ids of accounts, `canvassers` of canvassers, `names`
    those of people who are new."""

    event: str
    place: str
    county: int | None
    campaigns: list[int]
    languages: list[str]
    starts_at: datetime.datetime
    ends_at: datetime.datetime
    leads: frozenset[int] = frozenset()
    canvassers: frozenset[int] = frozenset()
    names: tuple[str, ...] = ()


def sees_all(account: Account) -> bool:
    return Role.ADMIN in account.roles


async def all_for(account: Account) -> list[Shift]:
    """The newest first."""
    query = Shift.objects().order_by(Shift.starts_at, ascending=False).limit(MOST_SHOWN)
    if not sees_all(account):
        query = query.where(Shift.id.is_in(await led_by(account)))
    found: list[Shift] = await query
    return found


async def with_id(id: int, account: Account) -> Shift | None:
    """One that this person may see."""
    if not 0 < id <= LARGEST_ID:
        return None
    found: Shift | None = await Shift.objects().where(Shift.id == id).first()
    if found is None or sees_all(account):
        return found
    leads = await ShiftLead.exists().where(ShiftLead.shift == id, ShiftLead.account == account.id)
    return found if leads else None


async def with_campaign(campaign: int) -> list[Shift]:
    """Every shift at which a campaign could be signed, the newest first."""
    found: list[Shift] = await (
        Shift.objects()
        .where(Shift.campaigns.any(campaign))
        .order_by(Shift.starts_at, ascending=False)
        .limit(MOST_SHOWN)
    )
    return found


async def led_by(account: Account) -> list[int]:
    """Ids of the shifts a person leads; never an empty list, which no query takes."""
    rows = await ShiftLead.select(ShiftLead.shift).where(ShiftLead.account == account.id)
    return [row["shift"] for row in rows] or [0]


async def begin(plan: Plan, by: Account) -> Shift:
    async with DB.transaction():
        shift = Shift(
            code=await _new_code(), **_columns(plan), made_by=by.id, made_at=now(), ended_at=None
        )
        await shift.save()
        await _put_people(shift, plan, by)
        await audit.write(by.name, "shift_begun", f"shift {shift.id}")
    return shift


async def change(shift: Shift, plan: Plan, by: Account, seen: str) -> None:
    """Let it be as planned. `seen` is the fingerprint of what was before the person. Raises
    Refused."""
    async with DB.transaction():
        await Shift.raw("SELECT id FROM shift WHERE id = {} FOR UPDATE", shift.id)
        if await fingerprint(shift.id) != seen:
            raise Refused(
                _("Somebody changed this shift meanwhile. Look at it in another tab, and put in "
                  "here what is new there. When you save again, this holds.")
            )  # fmt: skip
        await Shift.update(_columns(plan)).where(Shift.id == shift.id)
        await _put_people(shift, plan, by)
        await audit.write(by.name, "shift_changed", f"shift {shift.id}")


async def fingerprint(shift: int) -> str:
    """16 hex digits of all that is planned of a shift."""
    row = await Shift.select().where(Shift.id == shift).first()
    assert row is not None
    planned = [row[name] for name in PLANNED]
    people = [
        sorted(each.id for each in await leads_of(shift)),
        sorted(await canvassers_of(shift)),
    ]
    return hashlib.sha256(repr((planned, people)).encode()).hexdigest()[:16]


async def end(shift: Shift, by: Account) -> None:
    """Nobody can be invited to it any more. What waits on its phones is still taken."""
    async with DB.transaction():
        done = await Shift.raw(
            "UPDATE shift SET ended_at = {} WHERE id = {} AND ended_at IS NULL RETURNING id",
            now(),
            shift.id,
        )
        if done:
            await _end_invitations(shift.id)
            await audit.write(by.name, "shift_ended", f"shift {shift.id}")


async def reopen(shift: Shift, by: Account) -> None:
    async with DB.transaction():
        done = await Shift.raw(
            "UPDATE shift SET ended_at = NULL WHERE id = {} AND ended_at IS NOT NULL RETURNING id",
            shift.id,
        )
        if done:
            await audit.write(by.name, "shift_reopened", f"shift {shift.id}")


async def invite(shift: Shift, canvasser: int, by: Account) -> str:
    """The code for one phone. It is told to nobody else, the trail included. Raises Refused."""
    if shift.ended_at is not None:
        raise Refused(_("This shift is over. Take it up again first."))
    works = await ShiftCanvasser.exists().where(
        ShiftCanvasser.shift == shift.id, ShiftCanvasser.canvasser == canvasser
    )
    if not works:
        raise Refused(_("This person does not work on this shift."))
    async with DB.transaction():
        code = await devices.invite(shift.id, canvasser, by)
        await audit.write(by.name, "phone_invited", f"shift {shift.id}")
    return code


async def leads_of(shift: int) -> list[Account]:
    found: list[Account] = await (
        Account.objects()
        .where(
            Account.id.is_in(ShiftLead.select(ShiftLead.account).where(ShiftLead.shift == shift))
        )
        .order_by(Account.name)
    )
    return found


async def possible_leads() -> list[Account]:
    """Whoever may lead."""
    found: list[Account] = await (
        Account.objects().where(Account.closed_at.is_null()).order_by(Account.name)
    )
    return [each for each in found if each.may(Right.LEAD_CANVASS)]


async def canvassers_of(shift: int) -> dict[int, str]:
    """Names by id, in their order; an erased one is empty."""
    rows = await ShiftCanvasser.select(ShiftCanvasser.canvasser).where(
        ShiftCanvasser.shift == shift
    )
    return await _named([row["canvasser"] for row in rows])


async def known_to(account: Account) -> dict[int, str]:
    """Whom this person may put on a shift: those of the shifts they see."""
    if sees_all(account):
        rows = await Canvasser.select(Canvasser.id).where(Canvasser.data_key.is_not_null())
        return await _named([row["id"] for row in rows])
    rows = await ShiftCanvasser.select(ShiftCanvasser.canvasser).where(
        ShiftCanvasser.shift.is_in(await led_by(account))
    )
    return {id: name for id, name in (await _named([r["canvasser"] for r in rows])).items() if name}


@dataclass(frozen=True)
class Phone:
    """A phone of a shift, with whose it is (empty: erased)."""

    device: CanvassDevice
    whose: str
    canvasser: int


async def phones_of(shift: int) -> list[Phone]:
    """Those in use first, by name."""
    found: list[CanvassDevice] = await CanvassDevice.objects().where(
        CanvassDevice.id.is_in(
            DeviceShift.select(DeviceShift.device).where(DeviceShift.shift == shift)
        )
    )
    names = await _named([_id(device.canvasser) for device in found])
    phones = [
        Phone(device, names.get(_id(device.canvasser), ""), _id(device.canvasser))
        for device in found
    ]
    return sorted(
        phones,
        key=lambda phone: (
            phone.device.revoked_at is not None,
            phone.whose.casefold(),
            phone.device.enrolled_at,
        ),
    )


async def revoke(
    shift: Shift, by: Account, device: UUID | None = None, canvasser: int | None = None
) -> int:
    """Take a phone of the shift off, or all that one of its canvassers has, of other shifts too, or
    all of the shift; open invitations end with them. Returns how many are off now that were
    not."""
    phones = await phones_of(shift.id)
    wanted = {phone.device.id for phone in phones if device in (None, phone.device.id)}
    if canvasser is not None:
        theirs = {phone.canvasser for phone in phones} | set(await canvassers_of(shift.id))
        wanted = await _phones_with(canvasser) if canvasser in theirs else set()
    async with DB.transaction():
        off = sum([await devices.revoke(id, by) for id in wanted])
        if device is None:
            await _end_invitations(shift.id, canvasser)
        if off:
            await audit.write(by.name, "phones_revoked", f"shift {shift.id}", phones=off)
    return off


async def _phones_with(canvasser: int) -> set[UUID]:
    rows = await CanvassDevice.select(CanvassDevice.id).where(CanvassDevice.canvasser == canvasser)
    return {row["id"] for row in rows}


async def _put_people(shift: Shift, plan: Plan, by: Account) -> None:
    """Exactly those of the plan: a lead who is no admin cannot put themselves out."""
    leads = {each.id for each in await possible_leads() if each.id in plan.leads}
    if not sees_all(by) or not leads:
        leads.add(by.id)
    known = set(plan.canvassers) & (set(await known_to(by)) | set(await canvassers_of(shift.id)))
    for name in plan.names:
        known.add((await devices.begin_canvasser(name)).id)
    await ShiftLead.delete().where(ShiftLead.shift == shift.id, ShiftLead.account.not_in([*leads]))
    for account in leads:
        await ShiftLead.raw(ADD_LEAD, shift.id, account)
    await ShiftCanvasser.delete().where(
        ShiftCanvasser.shift == shift.id, ShiftCanvasser.canvasser.not_in([*known] or [0])
    )
    for canvasser in known:
        await ShiftCanvasser.raw(ADD_CANVASSER, shift.id, canvasser)
    if known:
        await Canvasser.raw(WORKS_UNTIL, plan.ends_at, [*known])


async def _end_invitations(shift: int, canvasser: int | None = None) -> None:
    """Those of a shift, or a canvasser's."""
    whose = (
        CanvassInvitation.shift == shift
        if canvasser is None
        else CanvassInvitation.canvasser == canvasser
    )
    await CanvassInvitation.update({CanvassInvitation.ends_at: now()}).where(
        whose, CanvassInvitation.used_at.is_null(), CanvassInvitation.ends_at > now()
    )


async def _named(ids: list[int]) -> dict[int, str]:
    if not ids:
        return {}
    found = await Canvasser.objects().where(Canvasser.id.is_in(ids))
    names = {each.id: devices.name_of(each) or "" for each in found}
    return dict(sorted(names.items(), key=lambda each: (not each[1], each[1].casefold())))


async def _new_code() -> str:
    while True:
        code = receipts.new_via()
        if not await Shift.exists().where(Shift.code == code):
            return code


def _columns(plan: Plan) -> dict[Any, Any]:
    return {name: getattr(plan, name) for name in PLANNED}


def _id(row: Any) -> int:
    return int(getattr(row, "id", row))


ADD_LEAD = """
INSERT INTO shift_lead (shift, account) VALUES ({}, {}) ON CONFLICT DO NOTHING
"""

ADD_CANVASSER = """
INSERT INTO shift_canvasser (shift, canvasser) VALUES ({}, {}) ON CONFLICT DO NOTHING
"""

# A name is kept for a year after somebody's last shift, which may still be to come.
WORKS_UNTIL = """
UPDATE canvasser SET last_at = greatest(last_at, {}) WHERE id = ANY({})
"""
