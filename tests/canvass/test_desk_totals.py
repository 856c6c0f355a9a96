"""Numbers of a shift: the same as its pledges and records, and nobody's name."""

import csv
import io
from collections.abc import Awaitable, Callable

import pytest

from backend.campaigns import pledges, signing, tallies
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.canvass import devices, intake, totals
from backend.canvass.states import RecordState
from backend.canvass.tables import CanvassRecord, Shift
from backend.staff.tables import now
from tests.campaigns.conftest import signature
from tests.campaigns.working import work
from tests.canvass.at_the_desk import lets_lead, told, trail
from tests.canvass.conftest import (
    NewPhone,
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


@pytest.fixture
async def lead(at_the_desk: AtTheDesk, shift: Shift) -> Colleague:
    return await lets_lead(await at_the_desk("canvass_lead", name="Lola"), shift)


async def sign(campaign: Campaign, contact: str, county: str, source: str, via: str | None) -> None:
    given = await signature("Canario Secreto", contact, county)
    await signing.sign(
        campaign,
        signing.Signature(given.name, given.contact, given.county, "en", (), source, via),
    )


@pytest.fixture
async def a_day(campaign: Campaign, shift: Shift, phone: Phone, new_phone: NewPhone) -> None:
    """Three by one phone (one again, one withdrawn since), one by another, one to look at, two on
    their own phones, one on paper, and one who has nothing to do with it."""
    for contact in ("ana@example.org", "luz@example.org", "eva@example.org"):
        await intake.take(phone.device, phone.sign(name="Canario Secreto", contact=contact))
    await intake.take(phone.device, phone.sign(name="Canario Secreto"))
    await intake.take(phone.device, phone.sign(zip="1"))
    await work()
    [gone] = await pledges.earlier_ones(
        campaign.id, (await signature(contact="eva@example.org")).contact
    )
    await signing.withdraw(gone)
    other = await new_phone(who=await devices.begin_canvasser("Luz"))
    await intake.take(other.device, other.sign(contact="sol@example.org"))
    await sign(campaign, "own@example.org", "alameda", "web", shift.code)
    await sign(campaign, "own2@example.org", "sonoma", "web", shift.code)
    await sign(campaign, "paper@example.org", "sonoma", "paper", shift.code)
    await sign(campaign, "site@example.org", "sonoma", "web", None)
    await work()
    [first] = await pledges.earlier_ones(
        campaign.id, (await signature(contact="ana@example.org")).contact
    )
    await tallies.move([first.id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})


async def test_numbers_are_told_by_source_campaign_county_and_phone(
    a_day: None, shift: Shift, phone: Phone
) -> None:
    found = await totals.of_shift(shift)
    assert found.whole.cells() == (7, 1, 5, 0, 1)
    assert {name: tally.signed for name, tally in found.by_source.items()} == {
        "canvass": 4, "web": 2, "paper": 1,
    }  # fmt: skip
    names = await totals.county_names()
    assert {names[id]: tally.signed for id, tally in found.by_county.items()} == {
        "Sonoma": 6, "Alameda": 1,
    }  # fmt: skip
    mine = found.by_phone[phone.device.id]
    assert (mine.tally.cells(), mine.gone, mine.review, mine.came) == ((3, 1, 1, 0, 1), 1, 1, 5)
    assert (await totals.of_all([shift]))[shift.id].cells() == found.whole.cells()
    assert await totals.of_all([]) == {}


async def test_the_page_shows_numbers_and_no_name(
    a_day: None, lead: Colleague, shift: Shift
) -> None:
    page = await lead.get(f"/desk/canvass/{shift.id}/totals")
    said = told(page)
    for words in (
        "their own phone, by the code on the table",
        "Rosa of the market · the red one",
        "End holds here",
        "Alameda",
    ):
        assert words in said
    assert "anario" not in page.text
    assert "example.org" not in page.text
    shown = told(await lead.get(f"/desk/canvass/{shift.id}"))
    assert "signed 7" in shown
    assert "to look at 1" in shown


async def test_the_numbers_as_a_table(a_day: None, lead: Colleague, shift: Shift) -> None:
    answer = await lead.get(f"/desk/canvass/{shift.id}/totals.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "attachment" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert lines[0] == {
        "what": "shift", "which": "Sunday market", "signed": "7", "confirmed": "1",
        "to_confirm": "5", "set_aside": "0", "had_signed": "1",
    }  # fmt: skip
    assert {line["what"] for line in lines} == {"shift", "source", "campaign", "county", "phone"}
    assert "Rosa" not in answer.text
    assert "anario" not in answer.text
    assert f"Lola exported shift {shift.id}" in await trail()


async def test_all_shifts_as_a_table_run_nothing_in_a_spreadsheet(
    a_day: None, lead: Colleague, shift: Shift
) -> None:
    await Shift.update({Shift.event: "=HYPERLINK()", Shift.place: "@plaza"}).where(
        Shift.id == shift.id
    )
    answer = await lead.get("/desk/canvass/totals.csv")
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert (line["event"], line["place"], line["signed"]) == ("'=HYPERLINK()", "'@plaza", "7")


async def test_counting_looks_at_the_shifts_own_pledges_only(a_day: None, shift: Shift) -> None:
    await Pledge.raw("SET LOCAL enable_seqscan = off")
    for query, value in (
        (totals.BY_PLEDGES, shift.code),
        (totals.BY_SHIFTS, [shift.code]),
    ):
        rows = await Pledge.raw(f"EXPLAIN {query}", value)
        assert "pledge_via" in " ".join(row["QUERY PLAN"] for row in rows)
    rows = await CanvassRecord.raw(f"EXPLAIN {totals.BY_RECORDS}", shift.id)
    assert "canvass_record_shift" in " ".join(row["QUERY PLAN"] for row in rows)


async def test_a_dropped_sign_up_is_told_as_dropped(
    a_day: None, shift: Shift, phone: Phone
) -> None:
    await CanvassRecord.update({CanvassRecord.state: RecordState.DROPPED}).where(
        CanvassRecord.state == RecordState.REVIEW
    )
    found = await totals.of_shift(shift)
    assert (found.review, found.by_phone[phone.device.id].dropped) == (0, 1)


async def test_people_of_a_shift_leave_only_by_the_export_of_pledges(
    a_day: None, at_the_desk: AtTheDesk, campaign: Campaign, shift: Shift
) -> None:
    carla = await at_the_desk("campaigner", name="Carla", fresh=True)
    here = f"/desk/campaigns/{campaign.id}"
    assert "Sunday market" in told(await carla.get(f"{here}/export"))
    await sign(campaign, "more@example.org", "sonoma", "web", None)
    await work()
    [more] = await pledges.earlier_ones(
        campaign.id, (await signature(contact="more@example.org")).contact
    )
    await tallies.move([more.id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
    whole = await carla.get(f"{here}/export.csv?purpose=delivery")
    assert whole.text.count("Canario Secreto") == 2
    some = await carla.get(f"{here}/export.csv?purpose=delivery&via={shift.code}")
    assert some.text.count("Canario Secreto") == 1
    assert f"'shift': '{shift.code}'" in await trail()
    wrong = await carla.get(f"{here}/export.csv?purpose=delivery&via=ZZZZZZZZ")
    assert wrong.status_code == 422
    assert "no such shift" in told(wrong)
    not_fresh = await at_the_desk("campaigner", name="Cora")
    answer = await not_fresh.get(f"{here}/export.csv?purpose=delivery&via={shift.code}")
    assert answer.headers["location"].startswith("/desk/step-up")
