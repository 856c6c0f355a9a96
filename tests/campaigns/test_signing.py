"""Signing, confirming, correcting and leaving; and that the count is true after any of it."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.campaigns import counting, receipts, signing
from backend.campaigns.signing import CodeIsUsedUp, TooManyNames
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, CountLine, Pledge, PledgeCount, SettingAside
from backend.database import DB
from backend.staff.tables import now
from tests.campaigns.conftest import signature


async def opened(receipt: str) -> signing.Opened:
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    return pledge


async def confirmed(receipt: str) -> bool:
    pledge = await opened(receipt)
    return await signing.confirm(pledge, receipts.six_digits(pledge.id, pledge.round))


async def counted(campaign: Campaign) -> tuple[int, int, int]:
    await counting.count()
    numbers = await counting.numbers(campaign.id)
    return numbers.confirmed, numbers.awaiting, numbers.set_aside


async def test_a_pledge_counts_when_its_signer_confirms(campaign: Campaign) -> None:
    receipt = await signing.sign(campaign, await signature())
    assert await counted(campaign) == (0, 1, 0)
    pledge = await opened(receipt)
    assert (pledge.name, pledge.contact, pledge.receipt) == (
        "Ana López",
        "ana@example.org",
        receipt,
    )
    assert await confirmed(receipt)
    assert await counted(campaign) == (1, 0, 0)
    assert await confirmed(receipt), "twice does no harm"
    assert await counted(campaign) == (1, 0, 0)


async def test_nothing_of_the_signer_can_be_read_in_the_table(campaign: Campaign) -> None:
    await signing.sign(campaign, await signature("Canary Quetzal", "canary.quetzal@example.org"))
    [row] = await Pledge.raw("SELECT p::text AS whole FROM pledge p")
    for secret in ("Canary", "quetzal", "example.org"):
        assert secret not in row["whole"]


async def test_a_wrong_code_confirms_nothing_and_is_used_up(campaign: Campaign) -> None:
    receipt = await signing.sign(campaign, await signature())
    right = receipts.six_digits((await opened(receipt)).id, 1)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _try in range(receipts.MOST_TRIES):
        assert not await signing.confirm(await opened(receipt), wrong)
    with pytest.raises(CodeIsUsedUp):
        await signing.confirm(await opened(receipt), right)
    assert await signing.send_again(await opened(receipt))
    assert not await signing.confirm(await opened(receipt), right), "the old one is over"
    assert await confirmed(receipt)


async def test_the_receipt_alone_confirms_no_e_mail_but_a_phone(campaign: Campaign) -> None:
    mail = await signing.sign(campaign, await signature())
    assert not await signing.confirm(await opened(mail), None)
    phone = await signing.sign(campaign, await signature("Ben", "415 555 2671"))
    assert await signing.confirm(await opened(phone), None)
    assert await counted(campaign) == (1, 1, 0)


async def test_a_repeat_takes_the_place_of_the_first_only_when_confirmed(
    campaign: Campaign,
) -> None:
    first = await signing.sign(campaign, await signature())
    await confirmed(first)
    again = await signing.sign(
        campaign, await signature(" ana  LÓPEZ ", "ANA@example.org", "modoc")
    )
    assert await counted(campaign) == (1, 0, 0)
    assert await signing.by_receipt(first) is not None
    assert await confirmed(again)
    assert await counted(campaign) == (1, 0, 0)
    assert await signing.by_receipt(first) is None
    assert (await counting.numbers(campaign.id)).by_county["modoc"] == (1, 0, 0)


async def test_two_people_may_share_an_address_and_a_third_may_not(campaign: Campaign) -> None:
    for name in ("Ana", "Ben"):
        assert await confirmed(await signing.sign(campaign, await signature(name)))
    third = await signing.sign(campaign, await signature("Caro"))
    assert await counted(campaign) == (2, 0, 0)
    with pytest.raises(TooManyNames):
        await confirmed(third)
    assert await counted(campaign) == (2, 0, 0)


async def test_a_stranger_with_my_phone_number_cannot_push_me_out(campaign: Campaign) -> None:
    mine = await signing.sign(campaign, await signature("Ana", "415 555 2671"))
    await signing.confirm(await opened(mine), None)
    theirs = await signing.sign(campaign, await signature("Ana", "415 555 2671"))
    await signing.confirm(await opened(theirs), None)
    await signing.withdraw(await opened(theirs))
    assert await counted(campaign) == (1, 0, 0)
    assert await signing.by_receipt(mine) is not None


async def test_a_doubtful_one_counts_only_after_its_signer_asks_for_a_code(
    campaign: Campaign,
) -> None:
    receipt = await signing.sign(campaign, await signature(), doubtful=True)
    assert await counted(campaign) == (0, 0, 0)
    assert await signing.send_again(await opened(receipt))
    assert await confirmed(receipt)
    assert await counted(campaign) == (1, 0, 0)


async def test_withdrawing_deletes_at_once_and_corrects_the_count(campaign: Campaign) -> None:
    receipt = await signing.sign(campaign, await signature())
    await confirmed(receipt)
    pledge = await opened(receipt)
    assert await signing.withdraw(pledge)
    assert not await signing.withdraw(pledge)
    assert await counted(campaign) == (0, 0, 0)
    assert await Pledge.count() == 0
    assert await confirmed(await signing.sign(campaign, await signature())), "the place is free"


async def test_a_corrected_county_moves_the_count(campaign: Campaign) -> None:
    receipt = await signing.sign(campaign, await signature())
    await confirmed(receipt)
    modoc = (await signature(county="modoc")).county
    await signing.correct(await opened(receipt), name="Ana L.", county=modoc, language="es")
    assert await counted(campaign) == (1, 0, 0)
    by_county = (await counting.numbers(campaign.id)).by_county
    assert by_county["modoc"] == (1, 0, 0)
    assert by_county["sonoma"] == (0, 0, 0)
    assert (await opened(receipt)).name == "Ana L."


async def test_retention_removes_what_nobody_confirmed(campaign: Campaign) -> None:
    kept = await signing.sign(campaign, await signature("Ben", "ben@example.org"))
    await confirmed(kept)
    await signing.sign(campaign, await signature())
    await signing.sign(campaign, await signature())
    assert await signing.remove_unconfirmed(now() - timedelta(days=7)) == 0
    assert await signing.remove_unconfirmed(now() + timedelta(seconds=1)) == 2
    assert await counted(campaign) == (1, 0, 0)


async def test_names_are_erased_and_the_number_stays(campaign: Campaign) -> None:
    receipt = await signing.sign(campaign, await signature())
    await confirmed(receipt)
    assert await signing.erase_names(now()) == 0
    await Campaign.update({Campaign.closed_at: now() - timedelta(days=91)}).where(
        Campaign.id == campaign.id
    )
    assert await signing.erase_names(now() - timedelta(days=90)) == 1
    assert await signing.erase_names(now() - timedelta(days=90)) == 0
    assert await signing.by_receipt(receipt) is None
    row = await Pledge.select().first()
    assert row is not None
    assert [row[column] for column in ("name", "contact", "receipt", "data_key", "place")] == [
        None
    ] * 5
    assert await counted(campaign) == (1, 0, 0)
    assert await counting.recount() == 0


async def test_the_recount_repairs_and_says_how_much_was_off(campaign: Campaign) -> None:
    await confirmed(await signing.sign(campaign, await signature()))
    await counting.count()
    await PledgeCount.update({PledgeCount.confirmed: 7}, force=True)
    assert await counting.recount() == 6
    assert await counted(campaign) == (1, 0, 0)
    assert await counting.recount() == 0


ACTS = ("sign", "confirm", "withdraw", "set_aside", "bring_back", "correct", "expire", "erase",
        "count", "recount", "crash")  # fmt: skip
PEOPLE = st.integers(0, 3)
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), PEOPLE, st.integers(0, 1)), max_size=14)


class Crash(Exception):
    """The power goes."""


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_after_any_order_of_events_the_total_is_the_recount_is_the_sum_over_counties(
    campaign: Campaign, steps: list[tuple[str, int, int]]
) -> None:
    transaction = DB.current_transaction.get()
    assert transaction is not None
    start = await transaction.savepoint()
    signing.MAILS.forget()
    receipts_given: list[str] = []
    for act, who, variant in steps:
        before = await transaction.savepoint()
        try:
            await do(act, who, variant, campaign, receipts_given, start)
        except Crash:
            await before.rollback_to()
    await counting.count()
    truth = {}
    for state in (PledgeState.CONFIRMED, PledgeState.AWAITING, PledgeState.SET_ASIDE):
        truth[state] = await Pledge.count().where(Pledge.state == state)
    numbers = await counting.numbers(campaign.id)
    total = (numbers.confirmed, numbers.awaiting, numbers.set_aside)
    assert total == tuple(truth.values())
    assert total == tuple(map(sum, zip(*numbers.by_county.values(), strict=True))) or not total[0]
    assert await counting.recount() == 0
    assert await CountLine.count() == 0
    per_contact = await Pledge.raw(
        "SELECT count(*) AS n FROM pledge WHERE place IS NOT NULL GROUP BY campaign, place"
    )
    assert all(row["n"] == 1 for row in per_contact)
    await start.rollback_to()


async def do(
    act: str, who: int, variant: int, campaign: Campaign, given_out: list[str], start: object
) -> None:
    """One event. People 0 and 1 share an address, 2 has a phone; the variant is a name."""
    contact = ("home@example.org", "HOME@example.org", "415 555 2671", "dan@example.org")[who]
    names = (f"Person {who}", f"person  {who}")
    county = ("sonoma", "modoc")[variant]
    pledge = await signing.by_receipt(given_out[who % len(given_out)]) if given_out else None
    if act == "sign":
        given_out.append(
            await signing.sign(campaign, await signature(names[variant], contact, county))
        )
    elif act == "crash":
        await signing.sign(campaign, await signature(names[variant], contact, county))
        await counting.count()
        raise Crash
    elif act == "count":
        await counting.count()
    elif act == "recount":
        assert await counting.recount() == 0
    elif act == "expire":
        await signing.remove_unconfirmed(now() + timedelta(days=1))
    elif pledge is None:
        return
    elif act == "confirm":
        digits = receipts.six_digits(pledge.id, pledge.round)
        try:
            await signing.confirm(pledge, digits if pledge.kind == "email" else None)
        except TooManyNames:
            return
    elif act == "withdraw":
        await signing.withdraw(pledge)
    elif act == "correct":
        await signing.correct(pledge, county=(await signature(county=county)).county)
    elif act == "set_aside":
        aside = SettingAside(campaign=campaign.id, pattern={}, reason="a pattern")
        await aside.save()
        await counting.move([pledge.id], PledgeState.SET_ASIDE, {Pledge.set_aside_by: aside.id})
    elif act == "bring_back":
        state = PledgeState.CONFIRMED if pledge.confirmed else PledgeState.AWAITING
        if pledge.state == PledgeState.SET_ASIDE:
            await counting.move([pledge.id], state, {Pledge.set_aside_by: None})
    elif act == "erase" and variant:
        await Campaign.update({Campaign.closed_at: now() - timedelta(days=91)}).where(
            Campaign.id == campaign.id
        )
        await signing.erase_names(now() - timedelta(days=90))
