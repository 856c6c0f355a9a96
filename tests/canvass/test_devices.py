"""Phones are invited once, stay for thirty days, and are taken off at once."""

import datetime

import pytest

from backend.canvass import devices
from backend.canvass.devices import CannotEnrol, Revoked
from backend.canvass.tables import CanvassDevice, Canvasser, CanvassInvitation, Shift
from backend.staff.tables import Account, now
from tests.canvass.conftest import NewPhone, Phone


async def test_an_invitation_is_good_once(shift: Shift, canvasser: Canvasser) -> None:
    code = await devices.invite(shift.id, canvasser.id, None)
    typed = f" {code[:5].lower()}-{code[5:]} "
    device, token = await devices.enrol(typed, "  my   phone ")
    assert device.label == "my phone"
    found = await devices.carried_as(token)
    assert found is not None
    assert found.id == device.id
    assert [each.id for each in await devices.shifts_of(device.id)] == [shift.id]
    with pytest.raises(CannotEnrol):
        await devices.enrol(code, "")


async def test_an_invitation_ends_after_ten_minutes(shift: Shift, canvasser: Canvasser) -> None:
    code = await devices.invite(shift.id, canvasser.id, None)
    row = await CanvassInvitation.select(CanvassInvitation.ends_at).first()
    assert row is not None
    assert row["ends_at"] - now() <= datetime.timedelta(minutes=10)
    await CanvassInvitation.update({CanvassInvitation.ends_at: now()}, force=True)
    with pytest.raises(CannotEnrol):
        await devices.enrol(code, "")


async def test_a_newer_invitation_ends_the_one_before(shift: Shift, canvasser: Canvasser) -> None:
    first = await devices.invite(shift.id, canvasser.id, None)
    second = await devices.invite(shift.id, canvasser.id, None)
    with pytest.raises(CannotEnrol):
        await devices.enrol(first, "")
    await devices.enrol(second, "")


@pytest.mark.parametrize("typed", ["", "K7QM-X9RT", "K7QMX9RT2345", "§" * 10, "0" * 10, "x" * 9999])
async def test_what_is_no_invitation_enrols_nobody(shift: Shift, typed: str) -> None:
    with pytest.raises(CannotEnrol):
        await devices.enrol(typed, "")


async def test_neither_code_nor_token_nor_name_stands_in_the_database(phone: Phone) -> None:
    rows = [
        *await CanvassInvitation.select(),
        *await CanvassDevice.select(),
        *await Canvasser.select(),
    ]
    kept = str(rows)
    assert phone.token not in kept
    assert "Rosa" not in kept
    [canvasser] = await Canvasser.objects()
    assert devices.name_of(canvasser) == "Rosa of the market"


async def test_a_phone_that_comes_back_stays_the_same_phone(
    new_phone: NewPhone, phone: Phone
) -> None:
    again = await new_phone(known=phone.device.id)
    assert again.device.id == phone.device.id
    assert await devices.carried_as(phone.token) is None, "the old token opens nothing"
    assert await devices.carried_as(again.token) is not None


async def test_nobody_takes_another_ones_phone_over(new_phone: NewPhone, phone: Phone) -> None:
    luz = await devices.begin_canvasser("Luz")
    theirs = await new_phone(who=luz, known=phone.device.id)
    assert theirs.device.id != phone.device.id
    assert await devices.carried_as(phone.token) is not None


async def test_a_revoked_phone_is_out_and_stays_out(new_phone: NewPhone, phone: Phone) -> None:
    lead = await Account.open_for("the lead", ["canvass_lead"])
    assert await devices.revoke(phone.device.id, lead)
    assert not await devices.revoke(phone.device.id, lead)
    with pytest.raises(Revoked):
        await devices.carried_as(phone.token)
    again = await new_phone(known=phone.device.id)
    assert again.device.id != phone.device.id, "a new invitation makes a new phone of it"


async def test_a_phone_unheard_of_for_thirty_days_is_asked_to_be_invited(phone: Phone) -> None:
    await CanvassDevice.update(
        {CanvassDevice.ends_at: now() - datetime.timedelta(seconds=1)}, force=True
    )
    assert await devices.carried_as(phone.token) is None


async def test_a_phone_tells_how_much_waits_and_how_wrong_its_clock_is(phone: Phone) -> None:
    in_a_year = now() + datetime.timedelta(days=366)
    await devices.note_seen(phone.device, 12, now(), in_a_year, "abc")
    [row] = await CanvassDevice.select()
    assert (row["unsent"], row["version"]) == (12, "abc")
    assert abs(row["clock_off"] - 366 * 86_400) < 60
    await devices.note_seen(phone.device, -5, None, None, "x" * 500)
    [row] = await CanvassDevice.select()
    assert (row["unsent"], row["clock_off"]) == (0, None)
