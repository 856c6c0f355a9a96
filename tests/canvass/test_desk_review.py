"""Sign-ups that somebody has to look at: put right and taken, or dropped."""

import html
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.campaigns import receipts, signing, tallies
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import NAMES_KEPT, Campaign, ConsentText, Pledge
from backend.canvass import devices, intake, keeping
from backend.canvass.states import Problem, RecordState
from backend.canvass.tables import CanvassRecord
from backend.staff import names
from backend.staff.tables import Account, now
from tests.campaigns.conftest import signature
from tests.campaigns.working import by_receipt, work
from tests.canvass.at_the_desk import account_of, told, trail
from tests.canvass.conftest import (
    Phone,
    campaign,
    canvasser,
    new_phone,
    phone,
    shift,
)
from tests.conftest import Colleague

__all__ = ["campaign", "canvasser", "new_phone", "phone", "shift"]

AtTheDesk = Callable[..., Awaitable[Colleague]]
REVIEW = "/desk/canvass/review"


@pytest.fixture
async def carla(at_the_desk: AtTheDesk) -> Colleague:
    """A campaigner, who may see people."""
    return await at_the_desk("campaigner", name="Carla", fresh=True)


async def wrong(phone: Phone, **said: Any) -> intake.Sent:
    sent = phone.sign(**said)
    await intake.take(phone.device, sent)
    await work()
    return sent


async def record(sent: intake.Sent) -> dict[str, Any]:
    [row] = await CanvassRecord.select().where(CanvassRecord.id == sent.id)
    return row


def typed(page: Any) -> dict[str, str]:
    """The form as it stands on the page."""
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input id="[^"]+"[^>]* name="([^"]+)"[^>]* value="([^"]*)"',
                                      page.text)
    }  # fmt: skip
    ticked = re.findall(r'<input type="checkbox" name="([^"]+)" value="yes" checked', page.text)
    return fields | dict.fromkeys(ticked, "yes")


async def test_the_list_says_in_words_what_is_wrong_and_opens_nothing(
    carla: Colleague, phone: Phone
) -> None:
    await wrong(phone, zip="10001", name="Canario Secreto")
    await wrong(phone, contact="canario@", name="Canario Secreto")
    page = await carla.get(REVIEW)
    said = told(page)
    assert "The ZIP code or county is missing or not in California" in said
    assert "There is something wrong with the e-mail or phone number" in said
    assert "Sunday market" in said
    assert "Canario" not in page.text
    assert "saw_people" not in await trail()
    assert "sign-ups from canvassers wait for a look" in told(await carla.get("/desk"))


async def test_one_is_opened_put_right_and_taken(
    carla: Colleague, phone: Phone, campaign: Campaign
) -> None:
    receipt = receipts.new()
    sent = await wrong(phone, zip="1", receipt=receipt, purposes=["pledge", "news"])
    page = await carla.get(f"{REVIEW}/{sent.id}")
    assert page.headers["cache-control"] == "no-store"
    form = typed(page)
    assert (form["name"], form["contact"], form["zip"]) == ("Ana López", "ana@example.org", "1")
    assert form["agree_pledge"] == form["agree_news"] == "yes"
    assert f"Carla saw_people sign-up {sent.id} {{'count': 1}}" in await trail()
    still = await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)
    assert still.status_code == 422
    assert "Write the five digits" in told(still)
    answer = await carla.post(f"{REVIEW}/{sent.id}/pledge", **{**form, "zip": "95404"})
    assert answer.status_code == 303, told(answer)
    pledge = await by_receipt(receipt)
    assert pledge is not None
    assert (pledge.name, pledge.language, pledge.state) == ("Ana López", "es", PledgeState.AWAITING)
    assert len(pledge.consents) == 2
    [row] = await Pledge.select()
    assert (row["source"], row["via"]) == ("canvass", phone.shift.code)
    settled = await record(sent)
    assert (settled["state"], settled["pledge"], settled["sealed"]) == (1, pledge.id, None)
    assert settled["settled_by"] == (await account_of(carla)).id
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).by_county == {"sonoma": (0, 1, 0, 0)}
    said = await trail()
    assert f"Carla sign_up_taken sign-up {sent.id}" in said
    assert "ana@example.org" not in said
    assert "López" not in said


async def test_a_consent_is_taken_away_but_never_added(carla: Colleague, phone: Phone) -> None:
    sent = await wrong(phone, zip="1", purposes=["pledge", "news"])
    form = {"name": "Ana", "contact": "ana@example.org", "zip": "95404", "agree_pledge": "yes",
            "agree_partner": "yes"}  # fmt: skip
    await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)
    [row] = await Pledge.select()
    texts = await ConsentText.select().where(ConsentText.id.is_in(row["consents"]))
    assert [text["purpose"] for text in texts] == ["pledge"]


@pytest.mark.parametrize("said", [{"purposes": ["news"]}, {"purposes": []}, {"purposes": "pledge"}])
async def test_who_did_not_agree_cannot_be_put_down_as_a_signer(
    carla: Colleague, phone: Phone, said: dict[str, Any]
) -> None:
    sent = await wrong(phone, **said)
    page = await carla.get(f"{REVIEW}/{sent.id}")
    assert "It is right: take it" not in page.text
    assert "nobody may be put down as a signer" in told(page)
    answer = await carla.post(
        f"{REVIEW}/{sent.id}/pledge", **{**typed(page), "agree_pledge": "yes"}
    )
    assert answer.status_code == 422
    assert await Pledge.count() == 0


async def test_words_that_were_not_shown_were_not_agreed_to(carla: Colleague, phone: Phone) -> None:
    phone.shown = ""
    sent = await wrong(phone)
    assert (await record(sent))["problem"] == Problem.CONSENT
    form = {"name": "Ana", "contact": "ana@example.org", "zip": "95404", "agree_pledge": "yes"}
    assert (await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)).status_code == 422


async def test_a_campaign_that_is_known_cannot_be_another(
    carla: Colleague, phone: Phone, campaign: Campaign
) -> None:
    sent = await wrong(phone, zip="1")
    form = typed(await carla.get(f"{REVIEW}/{sent.id}"))
    await carla.post(
        f"{REVIEW}/{sent.id}/pledge", **{**form, "zip": "95404", "campaign": "health-for-all"}
    )
    [row] = await Pledge.select()
    assert row["campaign"] == campaign.id


async def test_a_campaign_nobody_knows_is_one_of_the_shift(
    carla: Colleague, phone: Phone, campaign: Campaign
) -> None:
    sent = await wrong(phone, campaign="no-such-thing")
    page = await carla.get(f"{REVIEW}/{sent.id}")
    assert "End holds here" in told(page)
    await carla.post(f"{REVIEW}/{sent.id}/pledge", **typed(page))
    [row] = await Pledge.select()
    assert row["campaign"] == campaign.id


async def test_somebody_elses_receipt_is_replaced(
    carla: Colleague, phone: Phone, campaign: Campaign
) -> None:
    taken = await signing.sign(campaign, await signature(contact="luz@example.org"))
    sent = await wrong(phone, receipt=taken)
    assert (await record(sent))["problem"] == Problem.RECEIPT
    form = typed(await carla.get(f"{REVIEW}/{sent.id}"))
    assert (await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)).status_code == 303
    assert await Pledge.count() == 2
    first = await by_receipt(taken)
    assert first is not None
    assert first.contact == "luz@example.org"


async def test_one_is_dropped_for_a_reason_and_nothing_sealed_is_left(
    carla: Colleague, phone: Phone
) -> None:
    sent = await wrong(phone, zip="1", name="Canario Secreto")
    for reason in ("", "because", "x" * 10_000):
        answer = await carla.post(f"{REVIEW}/{sent.id}/drop", reason=reason)
        assert answer.status_code == 422
        assert "Say why it is dropped." in told(answer)
    assert (await carla.post(f"{REVIEW}/{sent.id}/drop", reason="unknown")).status_code == 303
    dropped = await record(sent)
    assert (dropped["state"], dropped["sealed"]) == (RecordState.DROPPED, None)
    said = await trail()
    assert f"Carla sign_up_dropped sign-up {sent.id} {{'reason': 'unknown'}}" in said
    assert "Canario" not in said
    # Sent again, it stays dropped.
    await intake.take(phone.device, sent)
    assert (await record(sent))["state"] == RecordState.DROPPED
    assert (await carla.get(f"{REVIEW}/{sent.id}")).status_code == 404


async def test_what_nobody_can_read_can_only_be_dropped(carla: Colleague, phone: Phone) -> None:
    sent = phone.seal(b"\xff{".ljust(512))
    await intake.take(phone.device, sent)
    await work()
    page = await carla.get(f"{REVIEW}/{sent.id}")
    assert "Nothing in it can be read." in told(page)
    form = {"name": "Ana", "contact": "ana@example.org", "zip": "95404", "agree_pledge": "yes"}
    answer = await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)
    assert answer.status_code == 422
    assert (await carla.post(f"{REVIEW}/{sent.id}/drop", reason="unreadable")).status_code == 303


async def test_two_people_settle_one_only_once(carla: Colleague, phone: Phone) -> None:
    sent = await wrong(phone, zip="1")
    form = {**typed(await carla.get(f"{REVIEW}/{sent.id}")), "zip": "95404"}
    await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)
    again = await carla.post(f"{REVIEW}/{sent.id}/pledge", **form)
    assert again.status_code == 404
    assert "not any more" in told(again)
    assert (await carla.post(f"{REVIEW}/{sent.id}/drop", reason="asked")).status_code == 404
    assert await Pledge.count() == 1


async def test_what_comes_from_a_revoked_phone_is_taken_all_at_once(
    carla: Colleague, phone: Phone
) -> None:
    await devices.revoke(phone.device.id, await account_of(carla))
    for number in range(5):
        await intake.take_from_file(phone.sign(contact=f"ana{number}@example.org"))
    await intake.take_from_file(phone.sign(zip="1"))
    assert "It came from a phone that was taken off" in told(await carla.get(REVIEW))
    await carla.post(f"{REVIEW}/phones/{phone.device.id}/pledges")
    assert await Pledge.count() == 5
    left = await CanvassRecord.select().where(CanvassRecord.state == RecordState.REVIEW)
    assert [row["problem"] for row in left] == [Problem.PLACE]
    for given in ("nothing", str(uuid4())):
        await carla.post(f"{REVIEW}/phones/{given}/pledges")
    assert await Pledge.count() == 5


async def test_a_lead_sees_numbers_not_names(at_the_desk: AtTheDesk, phone: Phone) -> None:
    sent = await wrong(phone, zip="1")
    lead = await at_the_desk("canvass_lead", name="Lola")
    for address in (REVIEW, f"{REVIEW}/{sent.id}"):
        assert (await lead.get(address)).status_code == 403
    assert (await lead.post(f"{REVIEW}/{sent.id}/pledge")).status_code == 403
    assert (await lead.post(f"{REVIEW}/{sent.id}/drop", reason="asked")).status_code == 403
    assert "wait for a look" not in told(await lead.get("/desk"))
    admin = await at_the_desk("admin", name="Ada", fresh=True)
    assert (await admin.get(f"{REVIEW}/{sent.id}")).status_code == 200


@pytest.mark.parametrize("id", ["0", "nothing", "x" * 3000, str(UUID(int=7))])
async def test_a_wrong_number_is_told_in_words(carla: Colleague, id: str) -> None:
    answer = await carla.get(f"{REVIEW}/{id}")
    assert answer.status_code == 404
    assert "Nobody has to look at this sign-up" in told(answer)


async def test_what_nobody_settles_is_erased_after_ninety_days(
    carla: Colleague, phone: Phone
) -> None:
    sent = await wrong(phone, zip="1")
    assert await keeping.drop_unsettled(now() - keeping.REVIEW_KEPT) == 0
    assert await keeping.drop_unsettled(now()) == 1
    row = await record(sent)
    assert (row["state"], row["sealed"]) == (RecordState.DROPPED, None)


async def test_it_is_erased_with_the_names_of_its_campaign(
    phone: Phone, campaign: Campaign
) -> None:
    sent = await wrong(phone, zip="1")
    await Campaign.update({Campaign.closed_at: now() - NAMES_KEPT}).where(
        Campaign.id == campaign.id
    )
    assert await keeping.drop_unsettled(now() - keeping.REVIEW_KEPT) == 1
    assert (await record(sent))["sealed"] is None


async def test_a_sign_up_is_opened_only_after_showing_a_passkey(
    phone: Phone, at_the_desk: AtTheDesk
) -> None:
    sent = await wrong(phone, name="")
    stale = await at_the_desk("campaigner", name="Stale")
    for answer in (
        await stale.get(f"{REVIEW}/{sent.id}"),
        await stale.post(f"{REVIEW}/{sent.id}/pledge"),
        await stale.post(f"{REVIEW}/{sent.id}/drop"),
    ):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/desk/step-up?next=")
    carla = await at_the_desk("campaigner", name="Carla", fresh=True)
    account = await Account.named("Carla")
    assert account is not None
    assert (await carla.get(f"{REVIEW}/{sent.id}")).status_code == 200
    await names.saw(account, 199)
    answer = await carla.get(f"{REVIEW}/{sent.id}")
    assert answer.status_code == 429
