"""Shifts at the desk: planned, led, their phones invited and taken off."""

import datetime
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend.campaigns.tables import Campaign
from backend.canvass import devices, shifts
from backend.canvass.devices import CannotEnrol, Revoked
from backend.canvass.tables import (
    CanvassDevice,
    Canvasser,
    CanvassInvitation,
    Shift,
    ShiftCanvasser,
    ShiftLead,
)
from backend.staff.tables import now
from backend.web import page_cache, qr
from backend.web.clock import CALIFORNIA, today
from tests.canvass.at_the_desk import account_of, lets_lead, told, trail
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


def plan(campaign: Campaign, **changed: Any) -> dict[str, Any]:
    return {
        "event": "Sunday market",
        "place": "Plaza, Santa Rosa",
        "county": "sonoma",
        "on": today().isoformat(),
        "from": "09:00",
        "until": "13:00",
        "first": str(campaign.id),
        "language": ["en", "es"],
        "names": "Rosa of the market\nBeto\nrosa of the market",
    } | changed


@pytest.fixture
async def lead(at_the_desk: AtTheDesk, shift: Shift) -> Colleague:
    """Who leads the shift at the market."""
    return await lets_lead(await at_the_desk("canvass_lead", name="Lola"), shift)


async def changed(lead: Colleague, shift: Shift, fields: dict[str, Any]) -> httpx.Response:
    """Sent from a form that was opened just now."""
    address = f"/desk/canvass/{shift.id}/edit"
    seen = re.findall(r'name="seen" value="([0-9a-f]{16})"', (await lead.get(address)).text)
    return await lead.post(address, **{"seen": seen[0], **fields})


async def newest() -> Shift:
    found = await Shift.objects().order_by(Shift.id, ascending=False).first()
    assert found is not None
    return found


async def test_a_lead_plans_a_shift_and_leads_it(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    lola = await at_the_desk("canvass_lead", name="Lola")
    assert "No shift is planned yet" in told(await lola.get("/desk/canvass"))
    answer = await lola.post("/desk/canvass/new", **plan(campaign))
    assert answer.status_code == 303, told(answer)
    made = await newest()
    assert (made.event, made.place, made.campaigns) == (
        "Sunday market", "Plaza, Santa Rosa", [campaign.id],
    )  # fmt: skip
    begins = made.starts_at.astimezone(CALIFORNIA)
    assert (begins.date(), begins.hour) == (today(), 9)
    assert made.ends_at - made.starts_at == datetime.timedelta(hours=4)
    assert len(made.code) == 8
    assert [each.name for each in await shifts.leads_of(made.id)] == ["Lola"]
    assert sorted((await shifts.canvassers_of(made.id)).values()) == ["Beto", "Rosa of the market"]
    page = told(await lola.get(answer.headers["location"]))
    for words in ("Sunday market", "Sonoma County", "Beto", "Rosa of the market", "9:00 a.m."):
        assert words in page
    listed = told(await lola.get("/desk/canvass"))
    assert "Sunday market" in listed
    assert "0 people signed" in listed
    said = await trail()
    assert f"Lola shift_begun shift {made.id}" in said
    assert "Rosa" not in said


async def test_names_of_canvassers_stand_nowhere_in_the_open(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    lola = await at_the_desk("canvass_lead", name="Lola")
    await lola.post("/desk/canvass/new", **plan(campaign, names="Canario Secreto"))
    for table in (Canvasser, ShiftCanvasser, Shift):
        assert "Canario" not in str(await table.select())


async def test_what_ends_before_it_begins_ends_the_next_day(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    lola = await at_the_desk("canvass_lead")
    await lola.post("/desk/canvass/new", **plan(campaign, **{"from": "20:00", "until": "01:00"}))
    made = await newest()
    assert made.ends_at - made.starts_at == datetime.timedelta(hours=5)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"event": ""}, "Say what it is"),
        ({"event": "x" * 10_000}, "at most 120 letters"),
        ({"place": "x" * 201}, "at most 200 letters"),
        ({"county": "atlantis"}, "Choose one of the list."),
        ({"first": ""}, "Choose the campaign"),
        ({"first": "99999999999999999999"}, "Choose the campaign"),
        ({"language": []}, "Choose at least one language."),
        ({"language": "qps"}, "Choose at least one language."),
        ({"on": "24/11/2026"}, "Write the day like this"),
        ({"on": "9999-12-31"}, "This day is too far away"),
        ({"on": "0001-01-01"}, "This day is too far away"),
        ({"from": "25:00"}, "Write a time like this"),
        ({"until": ""}, "Write a time like this"),
        ({"names": "x" * 61}, "The name is too long"),
        ({"names": "\n".join(f"P{n}" for n in range(31))}, "At most 30 new people"),
        ({"names": "B\u202eo\u200bb"}, "signs that cannot be seen"),
    ],
)
async def test_a_mistake_is_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, campaign: Campaign, changed: dict[str, Any], sentence: str
) -> None:
    lola = await at_the_desk("canvass_lead")
    before = await Shift.count()
    answer = await lola.post("/desk/canvass/new", **plan(campaign, **changed))
    assert answer.status_code == 422
    assert sentence in told(answer)
    assert 'value="Plaza, Santa Rosa"' in answer.text or "place" in changed
    assert answer.text.count("<title>Error: ") == 1
    assert await Shift.count() == before


async def test_an_empty_form_tells_everything_at_once(at_the_desk: AtTheDesk) -> None:
    answer = await (await at_the_desk("canvass_lead")).post("/desk/canvass/new")
    assert answer.status_code == 422
    assert answer.text.count("-mistake") >= 6


async def test_a_shift_is_changed_and_its_lead_stays(
    lead: Colleague, shift: Shift, campaign: Campaign
) -> None:
    form = (await lead.get(f"/desk/canvass/{shift.id}/edit")).text
    assert 'value="Sunday market"' in form
    answer = await changed(lead, shift, plan(campaign, event="Fair", names="Beto", lead=[]))
    assert answer.status_code == 303, told(answer)
    [row] = await Shift.select().where(Shift.id == shift.id)
    assert (row["event"], row["code"]) == ("Fair", shift.code)
    assert [each.name for each in await shifts.leads_of(shift.id)] == ["Lola"]
    [beto] = await shifts.canvassers_of(shift.id)
    await changed(lead, shift, plan(campaign, names="", canvasser=beto))
    assert list(await shifts.canvassers_of(shift.id)) == [beto]
    await changed(lead, shift, plan(campaign, names="", canvasser=[]))
    assert await shifts.canvassers_of(shift.id) == {}


async def test_what_another_lead_changed_meanwhile_is_not_lost(
    at_the_desk: AtTheDesk, lead: Colleague, shift: Shift, campaign: Campaign
) -> None:
    address = f"/desk/canvass/{shift.id}/edit"
    seen = re.findall(r'name="seen" value="([0-9a-f]{16})"', (await lead.get(address)).text)[0]
    ada = await at_the_desk("admin", name="Ada")
    mine = str((await account_of(lead)).id)
    done = await changed(ada, shift, plan(campaign, names="Beto", lead=mine))
    assert done.status_code == 303
    late = await lead.post(address, **plan(campaign, event="Fair", names="Luz"), seen=seen)
    assert late.status_code == 422
    assert "Somebody changed this shift meanwhile." in told(late)
    assert 'value="Fair"' in late.text
    assert list((await shifts.canvassers_of(shift.id)).values()) == ["Beto"]
    again = re.findall(r'name="seen" value="([0-9a-f]{16})"', late.text)[0]
    beto = next(iter(await shifts.canvassers_of(shift.id)))
    sure = plan(campaign, event="Fair", names="Luz", canvasser=str(beto), seen=again)
    assert (await lead.post(address, **sure)).status_code == 303
    assert sorted((await shifts.canvassers_of(shift.id)).values()) == ["Beto", "Luz"]


async def test_only_who_may_lead_is_made_a_lead(
    at_the_desk: AtTheDesk, lead: Colleague, shift: Shift, campaign: Campaign
) -> None:
    ids = {}
    for role in ("canvass_lead", "editor"):
        colleague = await at_the_desk(role, name=f"some {role}")
        ids[role] = (await account_of(colleague)).id
    await changed(lead, shift, plan(campaign, lead=[*ids.values(), 99_999_999]))
    names = [each.name for each in await shifts.leads_of(shift.id)]
    assert names == ["Lola", "some canvass_lead"]


async def test_somebody_elses_canvassers_cannot_be_put_on_a_shift(
    lead: Colleague, shift: Shift, campaign: Campaign
) -> None:
    stranger = await devices.begin_canvasser("Somebody else’s")
    await changed(lead, shift, plan(campaign, names="", canvasser=stranger.id))
    assert await shifts.canvassers_of(shift.id) == {}
    assert "Somebody else’s" not in (await lead.get(f"/desk/canvass/{shift.id}/edit")).text


PAGES = ("", "/edit", "/totals", "/totals.csv", "/sheets", "/card?campaign=end-holds-here")


async def test_a_lead_sees_only_shifts_they_lead_and_an_admin_all(
    at_the_desk: AtTheDesk, lead: Colleague, shift: Shift
) -> None:
    other = await at_the_desk("canvass_lead", name="Olga")
    admin = await at_the_desk("admin", name="Ada")
    for page in PAGES:
        address = f"/desk/canvass/{shift.id}{page}"
        assert (await lead.get(address)).status_code == 200, address
        assert (await admin.get(address)).status_code == 200, address
        assert (await other.get(address)).status_code == 404, address
    for action in ("edit", "end", "reopen", "invitations", "revocations", "sheets"):
        answer = await other.post(f"/desk/canvass/{shift.id}/{action}", all="yes")
        assert answer.status_code == 404, action
    assert "Sunday market" not in (await other.get("/desk/canvass")).text
    assert "Sunday market" in (await admin.get("/desk/canvass")).text
    assert shift.code not in (await other.get("/desk/canvass/totals.csv")).text


@pytest.mark.parametrize("role", ["editor", "campaigner"])
async def test_who_has_another_role_sees_no_shift(
    at_the_desk: AtTheDesk, shift: Shift, role: str
) -> None:
    colleague = await at_the_desk(role)
    for page in ("/desk/canvass", "/desk/canvass/new", f"/desk/canvass/{shift.id}",
                 "/desk/canvass/sheets", "/desk/canvass/files"):  # fmt: skip
        assert (await colleague.get(page)).status_code == 403, page
    assert (await colleague.post("/desk/canvass/new")).status_code == 403


@pytest.mark.parametrize("id", ["0", "99999999", "2147483648", "99999999999999999999"])
async def test_a_shift_that_is_not_there_is_told_in_words(lead: Colleague, id: str) -> None:
    answer = await lead.get(f"/desk/canvass/{id}")
    assert answer.status_code == 404
    assert "shift" in told(answer) or "address" in told(answer)


async def invited(lead: Colleague, shift: Shift, canvasser: Canvasser) -> Any:
    await ShiftCanvasser.raw(shifts.ADD_CANVASSER, shift.id, canvasser.id)
    return await lead.post(f"/desk/canvass/{shift.id}/invitations", canvasser=str(canvasser.id))


def code_in(answer: Any) -> str:
    found = re.search(r'dir="ltr">([0-9A-Z]{5}-[0-9A-Z]{5})<', answer.text)
    assert found, told(answer)
    return found[1]


async def test_an_invitation_is_a_qr_and_letters_for_one_phone(
    lead: Colleague, shift: Shift, canvasser: Canvasser
) -> None:
    answer = await invited(lead, shift, canvasser)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    code = code_in(answer)
    drawn = qr.draw(f"/canvass#{code.replace('-', '')}")
    assert str(drawn) in answer.text, "exactly our page, with the code where no server sees it"
    assert 'data-seconds="600"' in answer.text
    assert "A code for Rosa of the market" in told(answer)
    device, _token = await devices.enrol(code, "red")
    page = told(await lead.get(f"/desk/canvass/{shift.id}"))
    assert "Rosa of the market · red" in page
    with pytest.raises(CannotEnrol):
        await devices.enrol(code, "blue")
    assert device.canvasser == canvasser.id


async def test_the_code_is_kept_nowhere(
    lead: Colleague, shift: Shift, canvasser: Canvasser
) -> None:
    cached = qr.qr.cache_info().currsize
    code = code_in(await invited(lead, shift, canvasser)).replace("-", "")
    assert f"Lola phone_invited shift {shift.id}" in await trail()
    assert code not in await trail()
    assert code not in str(await CanvassInvitation.select())
    assert qr.qr.cache_info().currsize == cached
    assert code not in (await lead.get(f"/desk/canvass/{shift.id}")).text


async def test_a_new_code_ends_the_one_before(
    lead: Colleague, shift: Shift, canvasser: Canvasser
) -> None:
    first = code_in(await invited(lead, shift, canvasser))
    second = code_in(await invited(lead, shift, canvasser))
    with pytest.raises(CannotEnrol):
        await devices.enrol(first, "")
    await devices.enrol(second, "")


async def test_who_does_not_work_on_the_shift_gets_no_code(
    lead: Colleague, shift: Shift, canvasser: Canvasser
) -> None:
    for given in (str(canvasser.id), "0", "x", "99999999999999999", ""):
        answer = await lead.post(f"/desk/canvass/{shift.id}/invitations", canvasser=given)
        assert answer.status_code == 409
        assert "does not work on this shift" in told(answer)


async def test_after_its_end_nobody_joins_until_it_is_taken_up_again(
    lead: Colleague, shift: Shift, canvasser: Canvasser
) -> None:
    code = code_in(await invited(lead, shift, canvasser))
    assert (await lead.post(f"/desk/canvass/{shift.id}/end")).status_code == 303
    with pytest.raises(CannotEnrol):
        await devices.enrol(code, "")
    assert (await invited(lead, shift, canvasser)).status_code == 409
    assert "Show a code" not in (await lead.get(f"/desk/canvass/{shift.id}")).text
    await lead.post(f"/desk/canvass/{shift.id}/end")
    await lead.post(f"/desk/canvass/{shift.id}/reopen")
    await devices.enrol(code_in(await invited(lead, shift, canvasser)), "")
    assert (await trail()).count("shift_ended") == 1


async def test_the_list_of_phones_tells_how_each_stands(
    lead: Colleague, shift: Shift, phone: Phone
) -> None:
    in_a_year = now() + datetime.timedelta(days=366)
    since = now() - datetime.timedelta(days=2)
    await devices.note_seen(phone.device, 12, since, in_a_year, "7f3a")
    listed = await lead.get(f"/desk/canvass/{shift.id}/phones", headers={"HX-Request": "true"})
    said = told(listed)
    for words in (
        "Rosa of the market · the red one",
        "12 sign-ups are unsent",
        "the oldest since",
        "app version 7f3a",
        "its clock is 366 days ahead",
    ):
        assert words in said
    assert "<html" not in listed.text
    assert (await lead.get(f"/desk/canvass/{shift.id}/phones")).status_code == 303


async def test_one_phone_is_taken_off(
    lead: Colleague, shift: Shift, phone: Phone, new_phone: NewPhone
) -> None:
    other = await new_phone()
    for given in ("nothing", str(shift.id), "0" * 5000):
        await lead.post(f"/desk/canvass/{shift.id}/revocations", device=given)
    assert await devices.carried_as(phone.token) is not None
    await lead.post(f"/desk/canvass/{shift.id}/revocations", device=str(phone.device.id))
    with pytest.raises(Revoked):
        await devices.carried_as(phone.token)
    assert await devices.carried_as(other.token) is not None
    assert "Taken off on" in told(await lead.get(f"/desk/canvass/{shift.id}"))
    [row] = await CanvassDevice.select().where(CanvassDevice.id == phone.device.id)
    assert row["revoked_by"] == (await account_of(lead)).id
    assert f"Lola phones_revoked shift {shift.id} {{'phones': 1}}" in await trail()


async def test_all_phones_of_a_canvasser_or_of_the_shift_are_taken_off(
    lead: Colleague, shift: Shift, phone: Phone, new_phone: NewPhone
) -> None:
    second = await new_phone()
    luz = await devices.begin_canvasser("Luz")
    theirs = await new_phone(who=luz)
    await lead.post(f"/desk/canvass/{shift.id}/revocations", canvasser=str(phone.device.canvasser))
    for token in (phone.token, second.token):
        with pytest.raises(Revoked):
            await devices.carried_as(token)
    assert await devices.carried_as(theirs.token) is not None
    code = await devices.invite(shift.id, luz.id, None)
    await lead.post(f"/desk/canvass/{shift.id}/revocations", all="yes")
    with pytest.raises(Revoked):
        await devices.carried_as(theirs.token)
    with pytest.raises(CannotEnrol):
        await devices.enrol(code, "")


async def test_all_phones_of_a_canvasser_are_taken_off_on_other_shifts_too(
    lead: Colleague, shift: Shift, phone: Phone, canvasser: Canvasser, campaign: Campaign
) -> None:
    other = Shift(code="K7QMX9RT", event="Fair", campaigns=[campaign.id], languages=["en"],
                  starts_at=now(), ends_at=now())  # fmt: skip
    await other.save()
    code = await devices.invite(other.id, canvasser.id, None)
    elsewhere, token = await devices.enrol(code, "at home")
    code = await devices.invite(other.id, canvasser.id, None)
    await lead.post(f"/desk/canvass/{shift.id}/revocations", device=str(elsewhere.id))
    assert await devices.carried_as(token) is not None, "it is no phone of this shift"
    await lead.post(f"/desk/canvass/{shift.id}/revocations", canvasser=str(canvasser.id))
    for each in (phone.token, token):
        with pytest.raises(Revoked):
            await devices.carried_as(each)
    with pytest.raises(CannotEnrol):
        await devices.enrol(code, "")


async def test_a_phone_of_another_shift_cannot_be_taken_off_here(
    at_the_desk: AtTheDesk, phone: Phone, campaign: Campaign
) -> None:
    olga = await at_the_desk("canvass_lead", name="Olga")
    await olga.post("/desk/canvass/new", **plan(campaign))
    mine = await newest()
    await olga.post(f"/desk/canvass/{mine.id}/revocations", device=str(phone.device.id))
    theirs = str(phone.device.canvasser)
    await olga.post(f"/desk/canvass/{mine.id}/revocations", canvasser=theirs)
    assert await devices.carried_as(phone.token) is not None


async def test_an_erased_canvasser_is_told_as_erased(
    lead: Colleague, shift: Shift, phone: Phone
) -> None:
    await Canvasser.update({Canvasser.data_key: None, Canvasser.name: None}, force=True)
    assert "Erased · the red one" in told(await lead.get(f"/desk/canvass/{shift.id}"))


async def test_the_card_leads_to_the_campaign_and_names_the_shift_in_its_qr(
    lead: Colleague, shift: Shift
) -> None:
    page = await lead.get(f"/desk/canvass/{shift.id}/card?campaign=end-holds-here")
    assert str(qr.qr(f"/campaigns/end-holds-here?via={shift.code}")) in page.text
    said = told(page)
    assert "Scan this with a phone to read and sign." in said
    assert "Escanee" in said, "in the shift’s other language too"
    for given in ("", "nothing", "x" * 3000):
        answer = await lead.get(f"/desk/canvass/{shift.id}/card?campaign={given}")
        assert answer.status_code == 404


async def test_leads_and_their_shift_stand_apart_from_the_kept_pages(
    lead: Colleague, shift: Shift
) -> None:
    before = len(page_cache._kept)
    await lead.get(f"/desk/canvass/{shift.id}")
    assert len(page_cache._kept) == before
    assert await ShiftLead.exists().where(ShiftLead.shift == shift.id)
