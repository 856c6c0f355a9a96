"""Every sealed sign-up arrives exactly once, and counts as one from the site does."""

import dataclasses

import pytest

from backend.campaigns import receipts, signing, tallies
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import NAMES_KEPT, Campaign, Pledge
from backend.canvass import devices, intake, review, sealing, totals
from backend.canvass.intake import NotTaken
from backend.canvass.states import Problem, RecordState
from backend.canvass.tables import CanvassRecord
from backend.staff.tables import Account, Alarm, now
from backend.web import keyring
from tests.campaigns.conftest import signature
from tests.campaigns.working import by_receipt, work
from tests.canvass.conftest import NewPhone, Phone


async def records() -> list[dict[str, object]]:
    """What came, once the worker has opened it."""
    await work()
    return await CanvassRecord.select().order_by(CanvassRecord.received_at)


async def refused(phone: Phone, sent: intake.Sent) -> str:
    with pytest.raises(NotTaken) as why:
        await intake.take(phone.device, sent)
    return why.value.code


async def test_a_sealed_sign_up_is_a_pledge(phone: Phone, campaign: Campaign) -> None:
    receipt = receipts.new()
    sent = phone.sign(receipt=receipt, purposes=["pledge", "news", "nothing of ours"])
    assert await intake.take(phone.device, sent) == sealing.digest(sent.sealed)
    pledge = await by_receipt(receipt)
    assert pledge is not None
    assert (pledge.name, pledge.contact) == ("Ana López", "ana@example.org")
    assert (pledge.language, pledge.state) == ("es", PledgeState.AWAITING)
    assert len(pledge.consents) == 2
    row = await Pledge.select().first()
    assert row is not None
    assert (row["source"], row["via"]) == ("canvass", phone.shift.code)
    [record] = await records()
    assert record["pledge"] == pledge.id
    assert (record["state"], record["problem"], record["sealed"]) == (1, None, None)
    assert (record["how"], record["campaign"]) == ("shown", campaign.id)
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).by_county == {"sonoma": (0, 1, 0, 0)}


async def test_what_is_sent_again_is_taken_once(phone: Phone) -> None:
    sent = phone.sign()
    answers = {await intake.take(phone.device, sent) for _ in range(4)}
    assert answers == {sealing.digest(sent.sealed)}
    assert len(await records()) == await Pledge.count() == 1


async def test_one_id_with_two_sign_ups_keeps_the_first(phone: Phone) -> None:
    sent = phone.sign()
    await intake.take(phone.device, sent)
    assert await refused(phone, phone.sign(id=sent.id, name="Luz")) == "different"
    await work()
    assert await Pledge.count() == 1


async def test_a_person_who_signed_on_the_site_counts_once(
    phone: Phone, campaign: Campaign
) -> None:
    await signing.sign(campaign, await signature())
    await intake.take(phone.device, phone.sign())
    await work()
    assert await Pledge.count().where(Pledge.place.is_not_null()) == 1
    assert (await records())[0]["state"] == RecordState.COUNTED


async def test_the_clock_of_the_phone_refuses_nothing(phone: Phone) -> None:
    await intake.take(phone.device, phone.sign())
    [record] = await records()
    assert str(record["saved_at"]).startswith("2027")
    assert str(record["received_at"]) < "2027"


async def test_what_waits_to_be_opened_counts_for_nothing_yet(phone: Phone) -> None:
    sent = phone.sign()
    await intake.take(phone.device, sent)
    row = await CanvassRecord.select().first()
    assert row is not None
    assert (row["state"], bytes(row["sealed"])) == (RecordState.RECEIVED, sent.sealed)
    assert (row["campaign"], row["county"], row["how"], row["pledge"]) == (None, None, "", None)
    assert await Pledge.count() == 0
    [of_phone] = (await totals.of_shift(phone.shift)).by_phone.values()
    assert (of_phone.came, of_phone.tally.awaiting, of_phone.gone) == (1, 1, 0)


async def test_what_is_opened_twice_is_one_pledge(phone: Phone) -> None:
    sent = phone.sign()
    await intake.take(phone.device, sent)
    for _ in range(3):
        await intake.open_one({"record": str(sent.id)})
    assert await Pledge.count() == 1


async def test_what_was_sealed_to_no_key_of_ours_stays_on_the_phone(phone: Phone) -> None:
    sent = dataclasses.replace(phone.sign(), key_id="00000000")
    assert await refused(phone, sent) == "sealed"
    assert await records() == []


@pytest.mark.parametrize("change", ["id", "device", "shown", "sealed"])
async def test_what_was_moved_or_changed_does_not_open(
    new_phone: NewPhone, phone: Phone, change: str
) -> None:
    sent = phone.sign()
    other = await new_phone()
    put: dict[str, object] = {
        "id": other.sign().id,
        "device": other.device.id,
        "shown": phone.shown + ".1",
        "sealed": sent.sealed[:-1] + bytes([sent.sealed[-1] ^ 1]),
    }
    await intake.take(phone.device, dataclasses.replace(sent, **{change: put[change]}))
    [record] = await records()
    assert (record["state"], record["problem"]) == (RecordState.REVIEW, Problem.UNREADABLE)
    assert await Pledge.count() == 0


@pytest.mark.parametrize("text", ["", "a", "====", "AA" * 300, "§" * 792, "x" * 100_000])
def test_what_has_no_shape_of_a_sign_up_is_not_unpacked(text: str) -> None:
    with pytest.raises(sealing.CannotOpen):
        sealing.unpack(text)


async def test_after_a_new_key_the_old_one_still_opens(phone: Phone) -> None:
    before = phone.sign()
    keyring.add("canvass")
    assert sealing.public_key()[0] != before.key_id
    await intake.take(phone.device, before)
    assert (await records())[0]["state"] == RecordState.COUNTED


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"name": ""}, Problem.NAME),
        ({"name": "x" * 300}, Problem.NAME),
        ({"contact": "ana@"}, Problem.CONTACT),
        ({"contact": "555"}, Problem.CONTACT),
        ({"zip": "10001"}, Problem.PLACE),
        ({"zip": 95404}, Problem.PLACE),
        ({"purposes": ["news"]}, Problem.CONSENT),
        ({"purposes": "pledge"}, Problem.CONSENT),
        ({"campaign": "nothing"}, Problem.CAMPAIGN),
        ({"campaign": "\0"}, Problem.CAMPAIGN),
        ({"campaign": "\ud800"}, Problem.CAMPAIGN),
        ({"name": "\0\ud800"}, Problem.NAME),
        ({"contact": "\ud800@example.org"}, Problem.CONTACT),
        ({"receipt": ""}, Problem.RECEIPT),
        ({"receipt": ["A"]}, Problem.RECEIPT),
    ],
)
async def test_what_cannot_be_a_pledge_waits_for_somebody(
    phone: Phone, said: dict[str, object], problem: Problem
) -> None:
    sent = phone.sign(**said)
    await intake.take(phone.device, sent)
    [record] = await records()
    assert (record["state"], record["problem"]) == (RecordState.REVIEW, problem)
    assert bytes(record["sealed"]) == sent.sealed  # type: ignore[arg-type]
    assert await Pledge.count() == 0
    await intake.take(phone.device, sent)
    assert len(await records()) == 1


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"5", b"\xff\xfe", b"null", b"{}", b"[" * 1000, b'{"a":' * 200]
)
async def test_what_makes_no_sense_waits_too(phone: Phone, text: bytes) -> None:
    await intake.take(phone.device, phone.seal(text.ljust(512 if len(text) < 512 else 1024)))
    [record] = await records()
    assert record["state"] == RecordState.REVIEW


async def test_a_receipt_that_is_somebody_elses_waits(phone: Phone, campaign: Campaign) -> None:
    taken = await signing.sign(campaign, await signature(contact="luz@example.org"))
    await intake.take(phone.device, phone.sign(receipt=taken))
    [record] = await records()
    assert (record["state"], record["problem"], record["pledge"]) == (2, Problem.RECEIPT, None)
    assert await Pledge.count() == 1


async def test_who_signed_before_the_campaign_closed_counts(
    phone: Phone, campaign: Campaign
) -> None:
    await Campaign.update({Campaign.state: CampaignState.CLOSED, Campaign.closed_at: now()}).where(
        Campaign.id == campaign.id
    )
    await intake.take(phone.device, phone.sign())
    assert (await records())[0]["state"] == RecordState.COUNTED
    await Campaign.update({Campaign.closed_at: now() - NAMES_KEPT * 2}).where(
        Campaign.id == campaign.id
    )
    await intake.take(phone.device, phone.sign(contact="luz@example.org"))
    assert (await records())[1]["problem"] == Problem.CAMPAIGN


async def test_a_new_phone_of_the_same_person_brings_what_waited(
    new_phone: NewPhone, phone: Phone
) -> None:
    second = await new_phone()
    await intake.take(second.device, phone.sign())
    assert (await records())[0]["device"] == phone.device.id
    luz = await new_phone(who=await devices.begin_canvasser("Luz"))
    assert await refused(luz, phone.sign()) == "device"


async def test_a_phone_sends_only_for_shifts_it_was_invited_to(phone: Phone) -> None:
    sent = phone.sign()
    for shift in (0, -1, phone.shift.id + 1, 2**31, 2**70):
        assert await refused(phone, dataclasses.replace(sent, shift=shift)) == "shift"


async def test_a_file_of_a_revoked_phone_is_looked_at_first(phone: Phone) -> None:
    lead = await Account.open_for("the lead", ["canvass_lead"])
    await intake.take_from_file(phone.sign())
    await devices.revoke(phone.device.id, lead)
    await intake.take_from_file(phone.sign(contact="luz@example.org"))
    first, second = await records()
    assert first["state"] == RecordState.COUNTED
    assert (second["state"], second["problem"]) == (RecordState.REVIEW, Problem.REVOKED)
    with pytest.raises(NotTaken):
        await intake.take_from_file(dataclasses.replace(phone.sign(), device=signing.new_id()))


async def test_nothing_of_a_signer_stands_in_the_open(phone: Phone) -> None:
    await intake.take(phone.device, phone.sign(name="Canary Canario"))
    await records()
    await intake.take(phone.device, phone.sign(name="Canary Canario", zip="10001"))
    for table in (CanvassRecord, Pledge):
        for row in await table.select():
            assert "Canary" not in str(row)
            assert b"Canary" not in b"".join(
                bytes(value) for value in row.values() if isinstance(value, bytes | memoryview)
            )


@pytest.mark.slow
async def test_a_phone_that_sends_more_than_one_person_signs_up_is_looked_at_first(
    phone: Phone, campaign: Campaign
) -> None:
    """The attack: one canvasser's phone and three hundred inventions."""
    alarm = Alarm.name == f"canvass {phone.device.id}"
    for number in range(300):
        assert await Alarm.exists().where(alarm) == (number >= 60)
        await intake.take(phone.device, phone.sign(contact=f"c{number}@gmail.com"))
    problems = [record["problem"] for record in await records()]
    assert problems == [None] * 200 + [Problem.MANY] * 100, "nothing is lost, and nothing counted"
    await work()
    await tallies.count()
    numbers = await tallies.numbers(campaign.id)
    assert (numbers.confirmed, numbers.awaiting) == (0, 200)
    # Long ago is long ago; and a lead who knows the phone takes the rest.
    await CanvassRecord.raw("UPDATE canvass_record SET received_at = received_at - interval '2 h'")
    await intake.take(phone.device, phone.sign(contact="later@gmail.com"))
    await work()
    lead = await Account.open_for("Lola", ["campaigner"])
    assert await review.take_all_of(phone.device.id, lead) == 100
    assert await Pledge.count() == 301


async def test_the_phones_own_receipts_confirm_nothing(phone: Phone, campaign: Campaign) -> None:
    receipt = receipts.new()
    await intake.take(phone.device, phone.sign(contact="+1 415 555 2671", receipt=receipt))
    await work()
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    for round in range(3):
        assert await signing.confirm(pledge, receipts.six_digits(pledge.id, round)) is None
    found = (await totals.of_shift(phone.shift)).by_phone[phone.device.id]
    assert found.unconfirmed == 100
