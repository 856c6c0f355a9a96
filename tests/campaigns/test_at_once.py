"""Signers who come at the same moment, and a campaign that closes meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from backend.campaigns import signing, tallies
from backend.campaigns.arrivals import settle
from backend.campaigns.signing import NotOpen
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import Campaign, CountLine, Pledge, PledgeCount
from backend.database import DB
from backend.web import rate_limits
from backend.web.letter_budget import LetterBudget
from tests.campaigns.conftest import boxes, county_id, signature
from tests.campaigns.working import by_receipt

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def committed(database_url: str) -> AsyncIterator[Campaign]:
    """A campaign outside any test's transaction, so that each signer has one of their own."""
    await DB.start_connection_pool(min_size=1, max_size=5)
    empty: dict[str, str] = {"en": "x", "es": "x"}
    made = Campaign(
        slug="at-once",
        state=CampaignState.LIVE,
        title=empty,
        ask=empty,
        story=empty,
        pledge_words=empty,
    )
    await made.save()
    try:
        yield made
    finally:
        await tallies.count()
        await LetterBudget.delete(force=True)
        for table in (Pledge, PledgeCount):
            await table.delete().where(table.campaign == made.id)
        await CountLine.delete().where(CountLine.campaign == made.id)
        await Campaign.raw("DELETE FROM pgqueuer WHERE entrypoint LIKE 'pledge%'")
        await Campaign.delete().where(Campaign.id == made.id)
        await DB.close_connection_pool()
        await rate_limits.forget_all()
        await rate_limits.close()


async def test_signers_at_once_share_a_transaction_and_count_once_each(
    committed: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    write = signing._TOGETHER._work

    async def watched(signed: list[list[Any]]) -> list[bool]:
        batches.append(len(signed))
        return await write(signed)

    monkeypatch.setattr(signing._TOGETHER, "_work", watched)
    await county_id("sonoma")
    crowd = [await signature(f"Person {who}", f"p{who}@gmail.com") for who in range(30)]
    twice = [await signature("Ana", "ana@gmail.com") for _ in range(3)]
    household = await signature("Ben", "ANA@gmail.com")
    phone = await signature("Cy", "415 555 2671", "modoc")
    everyone = [*crowd, *twice, household, phone]
    receipts = await asyncio.gather(*(signing.sign(committed, each) for each in everyone))
    assert len(set(receipts)) == len(everyone)
    assert max(batches) > 10
    jobs = await Campaign.raw(
        "SELECT payload FROM pgqueuer WHERE entrypoint = 'pledge_arrivals' ORDER BY id"
    )
    # Two workers look at the same moment, and one of them twice.
    await asyncio.gather(*(settle(json.loads(job["payload"])) for job in [*jobs, *jobs]))
    opened = [await by_receipt(receipt) for receipt in receipts]
    for each, found in zip(everyone, opened, strict=True):
        assert found is not None
        assert (found.name, found.contact) == (each.name, each.contact.address)
    states = [found.state for found in opened if found is not None]
    # One of Ana's three, and Ben, who shares her address; the others of Ana's repeat.
    assert states.count(PledgeState.REPEAT) == 2
    jobs = await Campaign.raw(
        "SELECT payload FROM pgqueuer WHERE entrypoint = 'pledge_mail' AND status = 'queued'"
    )
    asked = [json.loads(job["payload"])["pledge"] for job in jobs]
    mailed = [str(found.id) for found in opened if found is not None and found.kind == "email"]
    assert len(mailed) == len(everyone) - 1
    assert set(asked) < set(mailed), "none to the phone"
    assert len(asked) == len(crowd) + 3, "and three at most to Ana's mailbox, which four used"
    await tallies.count()
    numbers = await tallies.numbers(committed.id)
    assert (numbers.awaiting, numbers.by_county["modoc"]) == (34, (0, 0, 1, 0))
    assert await tallies.recount() == 0


async def test_a_campaign_that_closes_meanwhile_takes_no_name(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    form = {"contact": "ana@example.org", "zip": "95401", "name": "Ana", **await boxes("pledge")}
    address = f"/campaigns/{campaign.slug}/pledges"
    assert (await client.post(address, data=form, headers=OURS)).status_code == 200
    # Closed by another process, whose news has not come yet.
    await Campaign.update({Campaign.state: CampaignState.CLOSED}).where(Campaign.id == campaign.id)
    form["contact"] = "ben@example.org"
    answer = await client.post(address, data=form, headers=OURS)
    assert answer.status_code == 409
    assert "not open for signatures" in answer.text
    with pytest.raises(NotOpen):
        await signing.sign(campaign, await signature())
    assert await Pledge.count() == 1


async def test_inside_a_transaction_a_signature_goes_when_that_is_undone(
    campaign: Campaign,
) -> None:
    transaction = DB.current_transaction.get()
    assert transaction is not None
    before = await transaction.savepoint()
    receipt = await signing.sign(campaign, await signature())
    assert await by_receipt(receipt) is not None
    await before.rollback_to()
    assert await by_receipt(receipt) is None
