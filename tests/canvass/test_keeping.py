"""What canvassing leaves behind, and for how long."""

import datetime

from backend import worker
from backend.campaigns import removal
from backend.campaigns.tables import NAMES_KEPT, Campaign, Pledge
from backend.canvass import devices, intake, keeping, shifts, totals
from backend.canvass.tables import (
    IDENTITY_KEPT,
    CanvassDevice,
    Canvasser,
    CanvassInvitation,
    CanvassRecord,
    Shift,
    ShiftLead,
)
from backend.staff.tables import Account, now
from tests.campaigns.working import work
from tests.canvass.conftest import Phone

DAY = datetime.timedelta(days=1)


async def test_who_a_canvasser_was_is_erased_a_year_after_their_last_shift(
    phone: Phone, canvasser: Canvasser
) -> None:
    await Canvasser.update({Canvasser.last_at: now() - IDENTITY_KEPT + DAY}, force=True)
    assert await keeping.erase_canvassers(now() - IDENTITY_KEPT) == 0
    await Canvasser.update({Canvasser.last_at: now() - IDENTITY_KEPT - DAY}, force=True)
    assert await keeping.erase_canvassers(now() - IDENTITY_KEPT) == 1
    [erased] = await Canvasser.objects()
    assert (erased.name, erased.data_key, devices.name_of(erased)) == (None, None, None)
    [device] = await CanvassDevice.select()
    assert device["label"] == ""
    assert await keeping.erase_canvassers(now()) == 0


async def test_a_shift_that_is_still_to_come_keeps_a_name_longer(
    shift: Shift, canvasser: Canvasser
) -> None:
    await Canvasser.update({Canvasser.last_at: now() - IDENTITY_KEPT - DAY}, force=True)
    ada = await Account.open_for("Ada", ["admin"])
    soon = now() + 30 * DAY
    plan = shifts.Plan("Fair", "", None, shift.campaigns, ["en"], soon, soon + DAY,
                       canvassers=frozenset({canvasser.id}))  # fmt: skip
    await shifts.change(shift, plan, ada, await shifts.fingerprint(shift.id))
    await devices.enrol(await devices.invite(shift.id, canvasser.id, None), "")
    [row] = await Canvasser.select()
    assert row["last_at"] == soon + DAY
    assert await keeping.erase_canvassers(now() - IDENTITY_KEPT) == 0
    assert await shifts.canvassers_of(shift.id) == {canvasser.id: "Rosa of the market"}


async def test_codes_leave_a_day_after_they_ended(shift: Shift, canvasser: Canvasser) -> None:
    await devices.invite(shift.id, canvasser.id, None)
    assert await keeping.remove_invitations(now() - DAY) == 0
    assert await keeping.remove_invitations(now() + DAY) == 1
    assert await CanvassInvitation.count() == 0


async def test_a_phone_that_holds_sign_ups_for_days_is_asked_after(phone: Phone) -> None:
    lead = await Account.open_for("Lola", ["canvass_lead"])
    other = await Account.open_for("Olga", ["canvass_lead"])
    await ShiftLead(shift=phone.shift.id, account=lead.id).save()
    await devices.note_seen(phone.device, 3, now() - DAY / 2, None, "")
    assert await keeping.phones_behind(lead) == 0
    await devices.note_seen(phone.device, 3, now() - 2 * DAY, None, "")
    assert await keeping.phones_behind(lead) == 1
    assert await keeping.phones_behind(other) == 0
    await devices.note_seen(phone.device, 3, None, None, "")
    await CanvassDevice.update({CanvassDevice.seen_at: now() - 2 * DAY}, force=True)
    assert await keeping.phones_behind(lead) == 1
    await devices.note_seen(phone.device, 0, None, None, "")
    await CanvassDevice.update({CanvassDevice.seen_at: now() - 2 * DAY}, force=True)
    assert await keeping.phones_behind(lead) == 0


async def test_the_nightly_run_knows_these_rules(record: None) -> None:
    rules = {rule.name: rule.kept_for.days for rule in worker.RETENTION}
    assert rules["canvassers"] == 365
    assert rules["canvass_invitations"] == 1
    assert rules["canvass_review"] == 90
    assert {"canvass_content", "canvass_files", "paper_again"} <= set(rules)
    for rule in worker.RETENTION:
        if rule.name.startswith(("canvass", "paper")):
            assert await rule.purge(now()) == 0


async def test_when_names_are_erased_nothing_leads_from_a_phone_to_a_signer(
    phone: Phone, campaign: Campaign
) -> None:
    for number in range(12):
        await intake.take(phone.device, phone.sign(contact=f"c{number}@gmail.com"))
    await intake.take(phone.device, phone.sign(contact="+1 415 555 2671"))
    await work()
    before = await totals.of_shift(phone.shift)
    assert before.whole.awaiting == 13
    assert await keeping.forget_signers(now()) == 0
    await Campaign.update({Campaign.closed_at: now() - NAMES_KEPT - DAY}).where(
        Campaign.id == campaign.id
    )
    rules = [rule.name for rule in worker.RETENTION]
    assert rules.index("canvass_signers") < rules.index("names"), "while the pledges are there"
    for _twice in range(2):
        await keeping.forget_signers(now() - NAMES_KEPT)
    await removal.erase(now() - NAMES_KEPT)
    assert await CanvassRecord.count() == await Pledge.count() == 0
    after = await totals.of_shift(phone.shift)
    assert after.whole.awaiting == 13, "the number stays"
    assert after.by_phone == {}
