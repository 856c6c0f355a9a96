"""Calling who left a phone number: one at a time, and only then does it count."""

import re
from collections.abc import Awaitable, Callable

from backend.campaigns import signing, tallies
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.staff.tables import AuditEntry
from tests.campaigns.conftest import campaign, signature
from tests.campaigns.working import work
from tests.conftest import Colleague

__all__ = ["campaign"]

AtTheDesk = Callable[..., Awaitable[Colleague]]


async def left(campaign: Campaign, *numbers: str) -> None:
    for number in numbers:
        await signing.sign(campaign, await signature(f"Canary {number[-4:]}", number))
    await work()


async def numbers(campaign: Campaign) -> tuple[int, int]:
    await tallies.count()
    found = await tallies.numbers(campaign.id)
    assert await tallies.recount() == 0
    return found.confirmed, found.phones


async def test_a_call_confirms_and_nothing_else_does(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    await left(campaign, "415 555 2671", "415 555 2672", "415 555 2673")
    bo = await at_the_desk("campaigner", fresh=True)
    here = f"/desk/campaigns/{campaign.id}/calls"
    assert "phone numbers wait to be called" in (await bo.get("/desk")).text
    page = await bo.get(here)
    assert "Canary" not in page.text, "no name before one is asked for"
    shown = await bo.post(f"{here}/next")
    assert "Canary 2671" in shown.text
    assert 'href="tel:+14155552671"' in shown.text
    [address] = re.findall(rf'action="({here}/[0-9a-f-]+)"', shown.text)
    assert await numbers(campaign) == (0, 3)
    assert (await bo.post(address, outcome="maybe")).status_code == 422
    assert (await bo.post(address, outcome="confirmed")).status_code == 303
    assert await numbers(campaign) == (1, 2)
    assert (await bo.post(address, outcome="confirmed")).status_code == 404
    lines = await AuditEntry.select()
    assert [line["details"] for line in lines if line["action"] == "number_confirmed"]
    assert "Canary" not in str(lines)


async def test_two_colleagues_get_two_numbers_and_no_answer_waits_a_day(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    await left(campaign, "415 555 2671", "415 555 2672")
    here = f"/desk/campaigns/{campaign.id}/calls"
    bo, ana = [await at_the_desk("campaigner", name=name, fresh=True) for name in ("Bo", "Ana")]
    shown = (await bo.post(f"{here}/next")).text
    other = (await ana.post(f"{here}/next")).text
    # Both signed in one transaction, so either can come first.
    called = [re.findall(r"Canary (\d{4})", page)[0] for page in (shown, other)]
    assert sorted(called) == ["2671", "2672"]
    assert "Nobody is to be called right now" in (await ana.post(f"{here}/next")).text
    [address] = re.findall(rf'action="({here}/[0-9a-f-]+)"', shown)
    for _call in range(3):
        assert (await bo.post(address, outcome="no_answer")).status_code == 303
    assert (await bo.post(address, outcome="no_answer")).status_code == 404, "left alone"


async def test_who_did_not_sign_is_out_of_the_count(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    await left(campaign, "415 555 2671")
    bo = await at_the_desk("campaigner", fresh=True)
    here = f"/desk/campaigns/{campaign.id}/calls"
    shown = (await bo.post(f"{here}/next")).text
    [address] = re.findall(rf'action="({here}/[0-9a-f-]+)"', shown)
    assert (await bo.post(address, outcome="not_them")).status_code == 303
    assert await numbers(campaign) == (0, 0)
    [row] = await Pledge.select(Pledge.state)
    assert row["state"] == PledgeState.SET_ASIDE


async def test_who_may_not_see_people_sees_no_number(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    await left(campaign, "415 555 2671")
    here = f"/desk/campaigns/{campaign.id}/calls"
    for roles, fresh in (("editor", True), ("canvass_lead", True), ("campaigner", False)):
        who = await at_the_desk(roles, name=f"{roles} {fresh}", fresh=fresh)
        for answer in (await who.get(here), await who.post(f"{here}/next")):
            assert answer.status_code in (303, 403)
            assert "Canary" not in answer.text
