"""Signing, confirming, correcting and leaving; and that the count is true after any of it."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.campaigns import arrivals, pledges, publishing, receipts, removal, signing, tallies
from backend.campaigns.pledges import Opened
from backend.campaigns.signing import CodeIsUsedUp
from backend.campaigns.states import TALLY, PledgeState, Tally
from backend.campaigns.tables import (
    Campaign,
    CountLine,
    PartnerGiven,
    Pledge,
    PledgeCount,
    PledgeTotal,
    SettingAside,
)
from backend.database import DB
from backend.staff.tables import now
from backend.web import letter_budget, rate_limits
from tests.campaigns.conftest import signature
from tests.campaigns.working import letters, publish, work


async def signed(
    campaign: Campaign, name: str = "Ana López", contact: str = "ana@example.org",
    county: str = "sonoma", **more: bool
) -> str:  # fmt: skip
    receipt = await signing.sign(campaign, await signature(name, contact, county), **more)
    await work()
    return receipt


async def opened(receipt: str) -> Opened:
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    found = await pledges.by_id(pledge.id)
    assert found is not None
    return found


async def confirmed(receipt: str) -> str | None:
    """The new receipt, when the six digits were right."""
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    new = await signing.confirm(pledge, receipts.six_digits(pledge.id, pledge.round))
    await work()
    return new


async def counted(campaign: Campaign) -> tuple[int, int, int, int]:
    """Confirmed, awaiting, phones, set aside: exactly."""
    await tallies.count()
    numbers = await tallies.numbers(campaign.id)
    return numbers.confirmed, numbers.awaiting, numbers.phones, numbers.set_aside


async def test_a_pledge_counts_when_its_signer_confirms(campaign: Campaign) -> None:
    receipt = await signed(campaign)
    assert await counted(campaign) == (0, 1, 0, 0)
    pledge = await opened(receipt)
    assert (pledge.name, pledge.contact) == ("Ana López", "ana@example.org")
    assert pledge.receipt == receipt
    assert await confirmed(receipt)
    assert await counted(campaign) == (1, 0, 0, 0)
    # A job may run twice.
    await arrivals.take_confirmation({"pledge": str(pledge.id)})
    await arrivals.settle({"pledges": [str(pledge.id)]})
    assert await counted(campaign) == (1, 0, 0, 0)


async def test_who_typed_the_address_keeps_nothing_once_its_reader_confirmed(
    campaign: Campaign,
) -> None:
    typed = await signed(campaign)
    mine = await confirmed(typed)
    assert mine is not None
    assert mine != typed
    assert await signing.by_receipt(typed) is None
    assert (await opened(mine)).receipt == mine


async def test_nothing_of_the_signer_can_be_read_in_the_table(campaign: Campaign) -> None:
    receipt = await signed(campaign, "Canary Quetzal", "canary.quetzal@example.org")
    await signing.correct(await opened(receipt), name="Canary Q.")
    rows = await Pledge.raw("SELECT p::text AS whole FROM pledge p")
    rows += await Pledge.raw("SELECT convert_from(payload, 'UTF8') AS whole FROM pgqueuer")
    for row in rows:
        for secret in ("Canary", "quetzal", "example.org"):
            assert secret not in row["whole"]


async def test_a_wrong_code_confirms_nothing_and_is_used_up(campaign: Campaign) -> None:
    receipt = await signed(campaign)
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    right = receipts.six_digits(pledge.id, 1)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _try in range(receipts.MOST_TRIES):
        assert not await signing.confirm(pledge, wrong)
    with pytest.raises(CodeIsUsedUp):
        await signing.confirm(pledge, right)


async def test_with_a_new_letter_the_old_digits_are_over(campaign: Campaign) -> None:
    receipt = await signed(campaign)
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    old = receipts.six_digits(pledge.id, 1)
    await signing.send_again(pledge)
    await work()
    assert not await signing.confirm(pledge, old)
    assert await confirmed(receipt)


@pytest.mark.parametrize("name", ["Ana López", "Name {}"])
async def test_a_pledge_about_which_no_letter_went_out_can_be_confirmed_by_nobody(
    campaign: Campaign, name: str
) -> None:
    """The attack: ask until no letter leaves, and guess the digits of a row nobody heard of. With
    one name they are all that person's, and any of them could take the place of the first."""
    asked = [await signed(campaign, name.format(number)) for number in range(8)]
    assert len(await letters()) == letter_budget.IN_A_DAY
    unheard = [await signing.by_receipt(receipt) for receipt in asked[letter_budget.IN_A_DAY :]]
    for pledge in unheard:
        assert pledge is not None
        for round in range(3):
            digits = receipts.six_digits(pledge.id, round)
            assert await signing.confirm(pledge, digits) is None


async def test_guesses_count_for_the_mailbox_and_leave_its_reader_their_own(
    campaign: Campaign,
) -> None:
    mine = await signed(campaign)
    for name in ("Guess One", "Guess Two"):
        pledge = await signing.by_receipt(await signed(campaign, name))
        assert pledge is not None
        for _try in range(receipts.MOST_TRIES):
            await signing.confirm(pledge, "000000")
        with pytest.raises(CodeIsUsedUp):
            await signing.confirm(pledge, "000000")
    assert await confirmed(mine)


async def test_a_phone_number_is_confirmed_by_no_receipt(campaign: Campaign) -> None:
    receipt = await signed(campaign, "Ben", "415 555 2671")
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    for round in range(3):
        digits = receipts.six_digits(pledge.id, round)
        assert await signing.confirm(pledge, digits) is None
    assert await counted(campaign) == (0, 0, 1, 0)
    assert await letters() == []


async def test_a_repeat_takes_the_place_of_the_first_only_when_confirmed(
    campaign: Campaign,
) -> None:
    first = await confirmed(await signed(campaign))
    assert first is not None
    again = await signed(campaign, " ana  LÓPEZ ", "ANA@example.org", "modoc")
    assert await counted(campaign) == (1, 1, 0, 0)
    assert await signing.by_receipt(first) is not None
    assert await confirmed(again)
    assert await counted(campaign) == (1, 0, 0, 0)
    assert await signing.by_receipt(first) is None
    assert (await tallies.numbers(campaign.id)).by_county["modoc"] == (1, 0, 0, 0)


async def test_two_people_may_share_an_address_and_a_third_is_told_by_mail(
    campaign: Campaign,
) -> None:
    for name in ("Ana", "Ben"):
        assert await confirmed(await signed(campaign, name))
    third = await signed(campaign, "Caro")
    new = await confirmed(third)
    assert new is not None
    assert await counted(campaign) == (2, 1, 0, 0)
    assert (await letters())[-1]["letter"] == "third"
    pledge = await signing.by_receipt(new)
    assert pledge is not None
    assert not pledge.confirmed


async def test_a_stranger_with_my_phone_number_cannot_push_me_out(campaign: Campaign) -> None:
    mine = await signed(campaign, "Ana", "415 555 2671")
    theirs = await signed(campaign, "Ana", "415 555 2671")
    await signing.withdraw(await opened(theirs))
    assert await counted(campaign) == (0, 0, 1, 0)
    assert (await opened(mine)).state == PledgeState.AWAITING


async def test_a_doubtful_one_counts_only_after_its_signer_asks_for_a_code(
    campaign: Campaign,
) -> None:
    receipt = await signed(campaign, doubtful=True)
    assert await counted(campaign) == (0, 0, 0, 0)
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    await signing.send_again(pledge)
    await work()
    assert await confirmed(receipt)
    assert await counted(campaign) == (1, 0, 0, 0)


async def test_withdrawing_deletes_at_once_and_corrects_the_count(campaign: Campaign) -> None:
    receipt = await confirmed(await signed(campaign))
    assert receipt is not None
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    assert await signing.withdraw(pledge)
    assert not await signing.withdraw(pledge)
    assert await counted(campaign) == (0, 0, 0, 0)
    assert await Pledge.count() == 0
    assert await confirmed(await signed(campaign)), "the place is free"


async def test_a_corrected_county_moves_the_count(campaign: Campaign) -> None:
    receipt = await confirmed(await signed(campaign))
    assert receipt is not None
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    modoc = (await signature(county="modoc")).county
    await signing.correct(pledge, name="Ana L.", county=modoc, language="es")
    assert await counted(campaign) == (1, 0, 0, 0)
    by_county = (await tallies.numbers(campaign.id)).by_county
    assert by_county["modoc"] == (1, 0, 0, 0)
    assert by_county["sonoma"] == (0, 0, 0, 0)
    assert (await opened(receipt)).name == "Ana L."


async def test_retention_removes_what_nobody_confirmed_each_in_its_own_time(
    campaign: Campaign,
) -> None:
    await confirmed(await signed(campaign, "Ben", "ben@example.org"))
    for _twice in range(2):
        await signed(campaign)
    await signed(campaign, "Cy", "415 555 2671")
    typed = await signature("Dan", "dan@example.org")
    for source in ("paper", "canvass"):
        line = signing.Signature(
            typed.name, typed.contact, typed.county, "en", (), source, via=None
        )
        await signing.take(campaign, line, receipts.new(), signing.new_id())
    await work()
    assert await removal.remove_unconfirmed(now() - timedelta(days=7)) == 0
    assert await removal.remove_unconfirmed(now() + timedelta(seconds=1)) == 2
    assert await counted(campaign) == (1, 2, 1, 0)
    assert await removal.remove_typed(now() + timedelta(seconds=1)) == 2
    assert await counted(campaign) == (1, 0, 1, 0), "a phone number waits to be called"


async def test_after_erasing_no_row_of_a_person_is_left_and_totals_are_from_ten_up(
    campaign: Campaign,
) -> None:
    """The attack: look in the database, 91 days after, for a row with a moment."""
    for number in range(12):
        await signed(campaign, f"Person {number}", f"p{number}@example.org")
    for number in range(4):
        await signed(campaign, f"Alpine {number}", f"a{number}@example.org", "alpine")
    assert await removal.erase(now()) == 0
    await Campaign.update({Campaign.closed_at: now() - timedelta(days=91)}).where(
        Campaign.id == campaign.id
    )
    before = await counted(campaign)
    assert await removal.erase(now() - timedelta(days=90)) == 16
    assert await removal.erase(now() - timedelta(days=90)) == 0
    assert await Pledge.count() == 0
    assert await PartnerGiven.count() == 0
    totals = await PledgeTotal.select(PledgeTotal.county.slug, PledgeTotal.day, PledgeTotal.number)
    told = {(row["county.slug"], row["day"] is None): row["number"] for row in totals}
    assert told == {("sonoma", False): 12, (None, True): 4}
    assert await counted(campaign) == before, "the number stays"
    assert await tallies.recount() == 0
    assert (await tallies.numbers(campaign.id)).by_county["alpine"] == (0, 0, 0, 0)
    await publish()
    assert (await publishing.numbers(campaign.id)).awaiting == 10


async def test_the_recount_repairs_and_says_how_much_was_off(campaign: Campaign) -> None:
    await confirmed(await signed(campaign))
    await tallies.count()
    await PledgeCount.update({PledgeCount.confirmed: 7}, force=True)
    assert await tallies.recount() == 6
    assert await counted(campaign) == (1, 0, 0, 0)
    assert await tallies.recount() == 0


ACTS = ("sign", "work", "confirm", "withdraw", "set_aside", "bring_back", "correct", "expire",
        "erase", "count", "recount", "crash")  # fmt: skip
PEOPLE = st.integers(0, 3)
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), PEOPLE, st.integers(0, 1)), max_size=14)


class Crash(Exception):
    """The power goes."""


@pytest.mark.slow
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
    await rate_limits.forget_all()
    receipts_given: list[str] = []
    for act, who, variant in steps:
        before = await transaction.savepoint()
        try:
            await do(act, who, variant, campaign, receipts_given, start)
        except Crash:
            await before.rollback_to()
    await work()
    await tallies.count()
    rows = await Pledge.raw(
        f"SELECT {TALLY} AS tally, 1 AS number FROM pledge"
        " UNION ALL SELECT tally, number FROM pledge_total"
    )
    truth = tuple(
        sum(row["number"] for row in rows if row["tally"] == tally)
        for tally in (Tally.CONFIRMED, Tally.AWAITING, Tally.PHONE, Tally.SET_ASIDE)
    )
    assert await counted(campaign) == truth
    assert await tallies.recount() == 0
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
    elif act == "work":
        await work()
    elif act == "crash":
        await signing.sign(campaign, await signature(names[variant], contact, county))
        await tallies.count()
        raise Crash
    elif act == "count":
        await tallies.count()
    elif act == "recount":
        assert await tallies.recount() == 0
    elif act == "expire":
        await removal.remove_unconfirmed(now() + timedelta(days=1))
    elif pledge is None:
        return
    elif act == "confirm":
        new = await signing.confirm(pledge, receipts.six_digits(pledge.id, pledge.round))
        if new is not None:
            given_out.append(new)
    elif act == "withdraw":
        await signing.withdraw(pledge)
    elif act == "correct":
        await signing.correct(pledge, county=(await signature(county=county)).county)
    elif act == "set_aside":
        aside = SettingAside(campaign=campaign.id, pattern={}, reason="a pattern")
        await aside.save()
        await tallies.move([pledge.id], PledgeState.SET_ASIDE, {Pledge.set_aside_by: aside.id})
    elif act == "bring_back":
        state = PledgeState.CONFIRMED if pledge.confirmed else PledgeState.AWAITING
        if pledge.state == PledgeState.SET_ASIDE:
            await tallies.move([pledge.id], state, {Pledge.set_aside_by: None})
    elif act == "erase" and variant:
        await Campaign.update({Campaign.closed_at: now() - timedelta(days=91)}).where(
            Campaign.id == campaign.id
        )
        await removal.erase(now() - timedelta(days=90))
