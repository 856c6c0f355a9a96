"""Paper: sheets printed for a shift, typed in line by line, and a few lines typed twice."""

import datetime
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend.campaigns import pledges, signing, tallies
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import NAMES_KEPT, Campaign, ConsentText, Pledge
from backend.canvass import double_entry, sheets
from backend.canvass.states import RowCheck, SheetState
from backend.canvass.tables import PaperRow, PaperSheet, Shift
from backend.staff.tables import now
from backend.web import qr
from tests.campaigns.conftest import signature
from tests.campaigns.working import work
from tests.canvass.at_the_desk import account_of, lets_lead, told, trail
from tests.canvass.conftest import campaign, shift
from tests.conftest import Colleague

__all__ = ["campaign", "shift"]

AtTheDesk = Callable[..., Awaitable[Colleague]]
SHEETS = "/desk/canvass/sheets"
ANA = {"name": "Ana López", "contact": "ana@example.org", "zip": "95404"}


@pytest.fixture
async def lead(at_the_desk: AtTheDesk, shift: Shift) -> Colleague:
    return await lets_lead(await at_the_desk("canvass_lead", name="Lola", fresh=True), shift)


@pytest.fixture
async def olga(at_the_desk: AtTheDesk, shift: Shift) -> Colleague:
    """Another lead of the same shift."""
    return await lets_lead(await at_the_desk("canvass_lead", name="Olga", fresh=True), shift)


@pytest.fixture
async def sheet(lead: Colleague, shift: Shift) -> PaperSheet:
    """Printed in Spanish, just now."""
    await printed(lead, shift, number="1")
    return await newest()


async def printed(lead: Colleague, shift: Shift, **changed: str) -> httpx.Response:
    form = {"campaign": "end-holds-here", "language": "es", "number": "3", **changed}
    return await lead.post(f"/desk/canvass/{shift.id}/sheets", **form)


async def newest() -> PaperSheet:
    found = await PaperSheet.objects().order_by(PaperSheet.id, ascending=False).first()
    assert found is not None
    return found


async def begun(lead: Colleague, sheet: PaperSheet, filled: int = 3) -> str:
    """The sheet's page, with so many lines counted."""
    here = f"{SHEETS}/{sheet.id}"
    assert (await lead.post(f"{here}/count", filled=str(filled))).status_code == 303
    return here


async def typed(lead: Colleague, here: str, line: int, **said: str) -> httpx.Response:
    return await lead.post(f"{here}/lines", line=str(line), do="save", **{**ANA, **said})


async def whole(lead: Colleague, sheet: PaperSheet, lines: int = 3) -> str:
    """All lines of a sheet, typed in and ended."""
    here = await begun(lead, sheet, lines)
    for line in range(1, lines + 1):
        await typed(lead, here, line, name=f"Ana {line}ª", contact=f"ana{line}@example.org")
    assert (await lead.post(f"{here}/end")).status_code == 303
    return here


async def rows(sheet: PaperSheet) -> list[dict[str, Any]]:
    return await PaperRow.select().where(PaperRow.sheet == sheet.id).order_by(PaperRow.line)


async def state(sheet: PaperSheet) -> int:
    [row] = await PaperSheet.select(PaperSheet.state).where(PaperSheet.id == sheet.id)
    return int(row["state"])


async def test_sheets_are_printed_each_with_a_number_and_a_code(
    lead: Colleague, shift: Shift
) -> None:
    answer = await printed(lead, shift)
    assert answer.headers["location"].endswith("/sheets/print?from=1&to=3")
    page = await lead.get(answer.headers["location"])
    made = await PaperSheet.objects().order_by(PaperSheet.number)
    assert [sheet.number for sheet in made] == [1, 2, 3]
    assert len({sheet.code for sheet in made}) == 3
    for sheet in made:
        assert f"{sheet.code[:4]}-{sheet.code[4:]}" in page.text
        assert str(qr.qr(f"{SHEETS}?code={sheet.code}")) in page.text
    assert page.text.count('<article class="sheet">') == 3
    assert page.text.count('<td class="line">12</td>') == 3
    said = told(page)
    assert "Hoja 1" in said, "in the language of who signs it"
    assert "Fin a las retenciones aquí" in said
    await printed(lead, shift, number="2")
    assert (await newest()).number == 5
    assert f"Lola sheets_printed shift {shift.id} {{'sheets': 3}}" in await trail()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"campaign": "nothing"}, "Choose a campaign"),
        ({"campaign": "health-for-all"}, "Choose a campaign"),
        ({"language": "qps"}, "Choose one of the list."),
        ({"number": "0"}, "Write a number from 1 to 50."),
        ({"number": "51"}, "Write a number from 1 to 50."),
        ({"number": "9" * 5000}, "Write a number from 1 to 50."),
        ({"number": "two"}, "Write a number from 1 to 50."),
    ],
)
async def test_what_cannot_be_printed_is_told(
    lead: Colleague, shift: Shift, changed: dict[str, str], sentence: str
) -> None:
    answer = await printed(lead, shift, **changed)
    assert answer.status_code == 422
    assert sentence in told(answer)
    assert await PaperSheet.count() == 0


async def test_a_sheet_is_found_by_its_code(lead: Colleague, sheet: PaperSheet) -> None:
    code = f" {sheet.code[:4].lower()}-{sheet.code[4:]}"
    answer = await lead.get(SHEETS, params={"code": code})
    assert answer.headers["location"] == f"{SHEETS}/{sheet.id}"
    for wrong in ("ZZZZZZZZ", "x", "%00", "9" * 3000, "<b>"):
        answer = await lead.get(SHEETS, params={"code": wrong})
        assert answer.status_code == 422
        assert "None of your shifts has a sheet with this code." in told(answer)


async def test_a_line_becomes_a_pledge_that_waits_for_its_signer(
    lead: Colleague, sheet: PaperSheet, shift: Shift, campaign: Campaign
) -> None:
    here = await begun(lead, sheet)
    answer = await typed(lead, here, 1, agree_news="yes", agree_partner="yes")
    assert answer.status_code == 303, told(answer)
    await work()
    [row] = await Pledge.select()
    assert (row["source"], row["via"], row["language"]) == ("paper", shift.code, "es")
    assert row["state"] == PledgeState.AWAITING
    texts = await ConsentText.select().where(ConsentText.id.is_in(row["consents"]))
    assert {text["purpose"] for text in texts} == {"pledge", "news"}
    assert {text["language"] for text in texts} == {"es"}, "the words that are on the sheet"
    assert set(row["consents"]) <= set(sheet.consents)
    letters = await Pledge.raw(
        "SELECT convert_from(payload, 'UTF8') FROM pgqueuer WHERE entrypoint = 'pledge_mail'"
    )
    assert str(row["id"]) in str(letters)
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).by_county == {"sonoma": (0, 1, 0, 0)}
    pledge = await pledges.by_id(row["id"])
    assert pledge is not None
    assert (pledge.name, pledge.contact) == ("Ana López", "ana@example.org")
    page = told(await lead.get(here))
    assert "1 of 3 lines are typed in." in page
    assert "Line 2" in page
    assert "Ana López" not in page, "the paper has it; no page shows it again"


async def test_nothing_of_a_line_stands_in_the_open(lead: Colleague, sheet: PaperSheet) -> None:
    here = await begun(lead, sheet)
    await typed(lead, here, 1, name="Canario Secreto", contact="canario@example.org")
    for table in (PaperSheet, PaperRow, Pledge):
        assert "anario" not in str(await table.select())
    assert "anario" not in await trail()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"name": ""}, "Write your name."),
        ({"name": "x" * 10_000}, "Write a shorter name"),
        ({"contact": "ana@"}, "This e-mail address cannot be right."),
        ({"contact": "555"}, "This phone number cannot be right."),
        ({"zip": "10001"}, "not a ZIP code of California"),
        ({"zip": "95033"}, "more than one county"),
    ],
)
async def test_a_mistake_in_a_line_is_told_and_what_was_typed_stays(
    lead: Colleague, sheet: PaperSheet, said: dict[str, str], sentence: str
) -> None:
    here = await begun(lead, sheet)
    answer = await typed(lead, here, 1, **{"name": "Ana", "agree_news": "yes", **said})
    assert answer.status_code == 422
    assert sentence in told(answer)
    if "contact" not in said:
        assert 'value="ana@example.org"' in answer.text
    assert 'name="agree_news" value="yes" checked' in answer.text
    assert await Pledge.count() == 0


async def test_with_htmx_only_the_entry_comes_back(lead: Colleague, sheet: PaperSheet) -> None:
    here = await begun(lead, sheet)
    answer = await lead.browser.post(
        f"{here}/lines",
        data={"form_token": lead.form_token, "line": "1", **ANA, "name": ""},
        headers={"Sec-Fetch-Site": "same-origin", "HX-Request": "true",
                 "HX-Request-Type": "partial"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert "<html" not in answer.text
    assert "data-focus" in answer.text


async def test_the_same_line_sent_twice_is_one(lead: Colleague, sheet: PaperSheet) -> None:
    here = await begun(lead, sheet)
    for _twice in range(2):
        assert (await typed(lead, here, 1)).status_code == 303
    assert await Pledge.count() == 1
    answer = await typed(lead, here, 1, name="Luz", contact="luz@example.org")
    assert answer.status_code == 422
    assert "Somebody typed this line in meanwhile." in told(answer)
    assert 'value="luz@example.org"' in answer.text
    assert 'name="line" value="2"' in answer.text
    assert await Pledge.count() == 1


async def test_two_names_share_a_contact_and_a_third_does_not_count(
    lead: Colleague, sheet: PaperSheet, campaign: Campaign
) -> None:
    here = await begun(lead, sheet, 4)
    for line, name in enumerate(("Ana", "Luz", "Eva", "ana"), 1):
        await typed(lead, here, line, name=name)
        await work()
    states = [row["state"] for row in await Pledge.select().order_by(Pledge.signed_at)]
    assert states.count(PledgeState.AWAITING) == 2
    assert states.count(PledgeState.REPEAT) == 2


async def test_who_signed_on_the_site_counts_once_and_nobody_is_told(
    lead: Colleague, sheet: PaperSheet, campaign: Campaign
) -> None:
    await signing.sign(campaign, await signature())
    here = await begun(lead, sheet)
    new = await typed(lead, here, 1, name="Luz", contact="luz@example.org")
    there = await typed(lead, here, 2)
    assert new.status_code == there.status_code == 303
    await work()
    assert await Pledge.count().where(Pledge.place.is_not_null()) == 2
    assert "before" not in told(await lead.get(here))


async def test_the_last_line_is_taken_back_with_its_pledge(
    lead: Colleague, sheet: PaperSheet, campaign: Campaign
) -> None:
    here = await begun(lead, sheet)
    await typed(lead, here, 1)
    await typed(lead, here, 2, name="Luz", contact="luz@example.org")
    assert (await lead.post(f"{here}/undo")).status_code == 303
    assert [row["line"] for row in await rows(sheet)] == [1]
    assert await Pledge.count() == 1
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).awaiting == 1
    await lead.post(f"{here}/undo")
    answer = await lead.post(f"{here}/undo")
    assert answer.status_code == 422
    assert "No line is typed in yet." in told(answer)
    assert f"line_undone sheet {sheet.id} {{'line': 2}}" in await trail()


async def test_who_confirmed_already_is_not_taken_back(lead: Colleague, sheet: PaperSheet) -> None:
    here = await begun(lead, sheet)
    await typed(lead, here, 1)
    await work()
    [row] = await rows(sheet)
    await tallies.move([row["pledge"]], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
    answer = await lead.post(f"{here}/undo")
    assert answer.status_code == 422
    assert "has confirmed it already" in told(answer)
    assert await Pledge.count() == 1


async def test_a_line_nobody_can_read_is_counted_and_signs_nobody(
    lead: Colleague, sheet: PaperSheet
) -> None:
    here = await begun(lead, sheet, 1)
    await lead.post(f"{here}/lines", line="1", do="unreadable", name="half a n")
    assert await Pledge.count() == 0
    await lead.post(f"{here}/end")
    assert await state(sheet) == SheetState.DONE
    assert "Nobody could read 1." in told(await lead.get(here))


async def test_the_lines_typed_in_must_be_those_that_were_counted(
    lead: Colleague, sheet: PaperSheet
) -> None:
    here = await begun(lead, sheet, 3)
    await typed(lead, here, 1)
    answer = await lead.post(f"{here}/end")
    assert answer.status_code == 409
    assert "You counted 3 signed lines and typed in 1." in told(answer)
    assert await state(sheet) == SheetState.ENTERING
    assert (await lead.post(f"{here}/end", sure="yes")).status_code == 303
    assert await state(sheet) == SheetState.CHECKING


@pytest.mark.parametrize("filled", ["", "-1", "13", "x", "9" * 5000, "1.5", "²"])
async def test_a_count_the_sheet_cannot_have_is_told(
    lead: Colleague, sheet: PaperSheet, filled: str
) -> None:
    answer = await lead.post(f"{SHEETS}/{sheet.id}/count", filled=filled)
    assert answer.status_code == 422
    assert "Write a number from 0 to 12." in told(answer)


async def test_an_empty_sheet_is_done_at_once(lead: Colleague, sheet: PaperSheet) -> None:
    here = await begun(lead, sheet, 0)
    await lead.post(f"{here}/end")
    assert await state(sheet) == SheetState.DONE
    for action in ("lines", "undo", "end", "count"):
        answer = await lead.post(f"{here}/{action}", line="1", filled="1", **ANA)
        assert answer.status_code == 422, action
        assert "This sheet is typed in already." in told(answer)


@pytest.mark.parametrize("line", ["0", "13", "-1", "x", "", "9" * 400])
async def test_a_line_the_sheet_does_not_have_is_refused(
    lead: Colleague, sheet: PaperSheet, line: str
) -> None:
    here = await begun(lead, sheet)
    answer = await lead.post(f"{here}/lines", line=line, **ANA)
    assert answer.status_code == 422
    assert await Pledge.count() == 0


async def test_at_least_one_line_of_a_sheet_is_typed_again_by_somebody_else(
    lead: Colleague, olga: Colleague, sheet: PaperSheet
) -> None:
    here = await whole(lead, sheet)
    chosen = [row["line"] for row in await rows(sheet) if row["check"] == RowCheck.WAITING]
    assert len(chosen) == 1
    [line] = chosen
    assert "You typed it yourself" in told(await lead.get(here))
    mine = await lead.post(f"{here}/lines/{line}/again", **ANA)
    assert mine.status_code == 422
    assert "somebody else has to" in told(mine)
    assert "to be checked" in told(await olga.get("/desk"))
    assert "to be checked" not in told(await lead.get("/desk"))
    form = await olga.get(f"{here}/lines/{line}/again")
    assert "Ana" not in form.text
    assert "example.org" not in form.text
    answer = await olga.post(
        f"{here}/lines/{line}/again",
        **{**ANA, "name": f"ANA  {line}ª", "contact": f"Ana{line}@example.org"},
    )
    assert answer.headers["location"] == here
    assert await state(sheet) == SheetState.DONE
    assert "This sheet is done." in told(await lead.get(here))


async def test_a_newcomer_types_no_line_a_second_time(
    lead: Colleague, sheet: PaperSheet, shift: Shift, at_the_desk: AtTheDesk
) -> None:
    here = await whole(lead, sheet)
    sock = await lets_lead(await at_the_desk("canvass_lead", name="Sock", new=True), shift)
    [line] = [row["line"] for row in await rows(sheet) if row["check"] == RowCheck.WAITING]
    assert "to be checked" not in told(await sock.get("/desk"))
    answer = await sock.post(f"{here}/lines/{line}/again", **ANA)
    assert answer.status_code == 422
    assert "for seven days somebody else has to be the second person" in told(answer)


async def test_whoever_is_alone_types_it_again_an_hour_later(
    lead: Colleague, sheet: PaperSheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await whole(lead, sheet, 1)
    ago = now() - datetime.timedelta(minutes=61)
    await PaperRow.update({PaperRow.typed_at: ago}, force=True)
    said = {**ANA, "name": "Ana 1ª", "contact": "ana1@example.org"}
    assert (await lead.post(f"{here}/lines/1/again", **said)).status_code == 422
    from backend import settings

    alone = settings.read()
    monkeypatch.setattr(
        double_entry.settings,
        "read",
        lambda: type(alone)(**{**vars(alone), "second_person": False}),
    )
    assert (await lead.post(f"{here}/lines/1/again", **said)).status_code == 303
    assert await state(sheet) == SheetState.DONE


async def differing(
    lead: Colleague, olga: Colleague, sheet: PaperSheet, **said: str
) -> tuple[str, httpx.Response]:
    here = await whole(lead, sheet, 1)
    second = {**ANA, "name": "Ana 1ª", "contact": "ana1@example.org", **said}
    return here, await olga.post(f"{here}/lines/1/again", **second)


async def test_what_differs_is_shown_and_settled(
    lead: Colleague, olga: Colleague, sheet: PaperSheet
) -> None:
    here, answer = await differing(lead, olga, sheet, name="Ana Lima", zip="94601")
    assert answer.headers["location"] == f"{here}/lines/1/settle"
    kept = str(await rows(sheet))
    assert "Lima" not in kept
    page = await olga.get(answer.headers["location"])
    assert "<mark><bdi>Ana Lima</bdi></mark>" in page.text
    assert "<mark><bdi>Alameda</bdi></mark>" in page.text
    assert "<mark><bdi>ana1" not in page.text
    [before] = await Pledge.select()
    done = await olga.post(
        f"{here}/lines/1/settle",
        name="Ana Lima", contact="ana1@example.org", county=_alameda(page), language="es",
    )  # fmt: skip
    assert done.status_code == 303, told(done)
    [row] = await rows(sheet)
    assert (row["check"], row["data_key"], row["again"]) == (RowCheck.SETTLED, None, None)
    assert row["pledge"] == before["id"]
    pledge = await pledges.by_id(row["pledge"])
    assert pledge is not None
    assert pledge.name == "Ana Lima"
    assert pledge.county != before["county"]
    assert await state(sheet) == SheetState.DONE
    said = await trail()
    assert f"Olga line_settled sheet {sheet.id} {{'line': 1}}" in said
    assert "Lima" not in said


def _alameda(page: httpx.Response) -> str:
    ids = re.findall(r'name="county" value="(\d+)"(?! checked)', page.text)
    assert len(ids) == 1
    return ids[0]


async def test_another_contact_is_another_pledge_that_nobody_confirmed(
    lead: Colleague, olga: Colleague, sheet: PaperSheet, campaign: Campaign
) -> None:
    here, _answer = await differing(lead, olga, sheet, contact="anna1@example.org")
    [before] = await Pledge.select()
    await olga.post(
        f"{here}/lines/1/settle", name="Ana 1ª", contact="anna1@example.org", language="es"
    )
    [after] = await Pledge.select()
    assert after["id"] != before["id"]
    pledge = await pledges.by_id(after["id"])
    assert pledge is not None
    assert pledge.contact == "anna1@example.org"
    assert (await rows(sheet))[0]["pledge"] == after["id"]
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).awaiting == 1


async def test_it_was_right_the_first_time(
    lead: Colleague, olga: Colleague, sheet: PaperSheet
) -> None:
    here, _answer = await differing(lead, olga, sheet, name="Ann")
    bad = await olga.post(f"{here}/lines/1/settle", name="", contact="x")
    assert bad.status_code == 422
    assert (await olga.post(f"{here}/lines/1/settle", do="first", name="")).status_code == 303
    [row] = await Pledge.select()
    pledge = await pledges.by_id(row["id"])
    assert pledge is not None
    assert pledge.name == "Ana 1ª"
    gone = await olga.post(f"{here}/lines/1/settle", do="first")
    assert gone.status_code == 404


async def test_what_its_signer_confirmed_stays(
    lead: Colleague, olga: Colleague, sheet: PaperSheet
) -> None:
    here, _answer = await differing(lead, olga, sheet, name="Ann")
    await work()
    [row] = await rows(sheet)
    await tallies.move([row["pledge"]], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
    answer = await olga.post(
        f"{here}/lines/1/settle", name="Ann", contact="ana1@example.org", language="es"
    )
    assert answer.status_code == 422
    assert "Its signer has confirmed it already" in told(answer)


async def test_a_line_whose_signer_withdrew_needs_no_second_look(
    lead: Colleague, olga: Colleague, sheet: PaperSheet
) -> None:
    here = await whole(lead, sheet, 1)
    await Pledge.delete(force=True)
    assert (await olga.post(f"{here}/lines/1/again", **ANA)).headers["location"] == here
    assert await state(sheet) == SheetState.DONE


async def test_every_tenth_line_is_typed_twice() -> None:
    from backend.canvass.paper import _sample

    for lines, chosen in ((0, 0), (1, 1), (9, 1), (12, 1), (20, 2), (100, 10)):
        assert len(set(_sample(list(range(lines))))) == chosen


@pytest.mark.parametrize("closed", [True, False])
async def test_second_readings_nobody_settles_leave(
    lead: Colleague, olga: Colleague, sheet: PaperSheet, campaign: Campaign, closed: bool
) -> None:
    await differing(lead, olga, sheet, name="Ann")
    month = now() - double_entry.AGAIN_KEPT
    assert await double_entry.forget_again(month) == 0
    if closed:
        await Campaign.update({Campaign.closed_at: now() - NAMES_KEPT}).where(
            Campaign.id == campaign.id
        )
    assert await double_entry.forget_again(month if closed else now()) == 1
    [row] = await rows(sheet)
    assert (row["check"], row["again"]) == (RowCheck.SETTLED, None)
    assert await state(sheet) == SheetState.DONE


async def test_only_who_leads_the_shift_types_its_sheets(
    at_the_desk: AtTheDesk, lead: Colleague, sheet: PaperSheet, shift: Shift
) -> None:
    here = f"{SHEETS}/{sheet.id}"
    stranger = await at_the_desk("canvass_lead", name="Sol", fresh=True)
    for address in (here, f"/desk/canvass/{shift.id}/sheets/print?from=1&to=1"):
        assert (await lead.get(address)).status_code == 200
        assert (await stranger.get(address)).status_code == 404
    for action in ("count", "lines", "undo", "end", "lines/1/again", "lines/1/settle"):
        assert (await stranger.post(f"{here}/{action}")).status_code == 404, action
    assert (await stranger.get(SHEETS, params={"code": sheet.code})).status_code == 422
    campaigner = await at_the_desk("campaigner", name="Carla", fresh=True)
    assert (await campaigner.get(here)).status_code == 403
    admin = await at_the_desk("admin", name="Ada", fresh=True)
    assert (await admin.get(here)).status_code == 200


async def test_a_campaign_whose_names_are_erased_takes_no_name(
    lead: Colleague, sheet: PaperSheet, campaign: Campaign
) -> None:
    await Campaign.update({Campaign.state: CampaignState.CLOSED, Campaign.closed_at: now()}).where(
        Campaign.id == campaign.id
    )
    here = await begun(lead, sheet)
    assert (await typed(lead, here, 1)).status_code == 303
    await Campaign.update({Campaign.closed_at: now() - NAMES_KEPT * 2}).where(
        Campaign.id == campaign.id
    )
    answer = await typed(lead, here, 2, contact="luz@example.org")
    assert answer.status_code == 422
    assert "This campaign closed long ago." in told(answer)


async def test_sheets_belong_to_whom_they_were_printed_for(
    lead: Colleague, sheet: PaperSheet, shift: Shift
) -> None:
    account = await account_of(lead)
    assert await sheets.with_id(sheet.id, account) is not None
    assert await sheets.with_id(0, account) is None
    assert await sheets.with_id(2**31, account) is None
    listed = told(await lead.get(f"/desk/canvass/{shift.id}/sheets"))
    assert f"{sheet.code[:4]}-{sheet.code[4:]}" in listed
    assert "printed" in listed
