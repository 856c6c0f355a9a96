"""Lines and places of detention at the desk: confirmed, changed, added, retired, with history."""

import datetime
import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import pytest

from backend.detained.tables import CheckedChange, DetentionPlace
from backend.policies import queries
from backend.policies.tables import HelpLine
from backend.staff.tables import AuditEntry
from backend.web.clock import today
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
NEW_LINE = {
    "name": "Lassen Neighbors",
    "phone": "(530) 555-0142",
    "counties": "lassen",
    "hours_en": "Every day.",
    "hours_es": "Todos los días.",
    "source0_publisher": "We called",
    "source0_grade": "B",
    "confidence": "high",
}


async def line(key: str) -> HelpLine:
    found: HelpLine | None = await HelpLine.objects().where(HelpLine.key == key).first()
    assert found is not None
    return found


async def actions() -> set[str]:
    return {row["action"] for row in await AuditEntry.select(AuditEntry.action)}


async def typed(ana: Colleague, address: str, **changed: Any) -> dict[str, Any]:
    """The form as it stands on the page, with what somebody changed in it."""
    page = (await ana.get(address)).text
    form: dict[str, Any] = {
        name: unescape(value)
        for name, value in re.findall(r'<input id="[^"]*" name="([^"]+)" value="([^"]*)"', page)
    }
    form |= {
        name: unescape(words)
        for name, words in re.findall(r'<textarea id="[^"]*" name="([^"]+)"[^>]*>([^<]*)<', page)
    }
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]+)"[^>]*>(.*?)</select>', page):
        chosen = re.search(r'value="([^"]*)" selected', options)
        form[name] = chosen[1] if chosen else ""
    form["seen"] = unescape(re.findall(r'name="seen" value="([^"]*)"', page)[0])
    ticked = re.findall(
        r'name="(counties|languages|statewide|texts)" value="([^"]+)" checked', page
    )
    for name, value in ticked:
        form[name] = [*form.get(name, []), value] if name in ("counties", "languages") else value
    return form | changed


async def test_what_is_due_and_what_waits_stands_on_the_first_page(at_the_desk: AtTheDesk) -> None:
    old = today() - datetime.timedelta(days=90)
    await HelpLine.update({HelpLine.checked_on: old}, force=True).where(HelpLine.key == "alameda")
    ana = await at_the_desk("editor", name="Ana")
    home = (await ana.get("/desk")).text
    assert "of detention is due for a call or a look" in home
    assert "of detention wait to be confirmed" in home
    page = (await ana.get("/desk/detained")).text
    due = page[page.index("due-title") : page.index("waiting-title")]
    assert "ACILEP" in due
    waiting = page[page.index("waiting-title") : page.index("lines-title")]
    assert "Mendocino County Rapid Response Network" in waiting
    assert "Central Valley Annex" in waiting


async def test_one_editor_confirms_a_weak_line_and_people_see_it(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    here = f"/desk/detained/lines/{(await line('mendocino')).id}"
    assert "707-621-8220" not in (await client.get("/counties/mendocino/detained")).text
    done = await ana.post(f"{here}/confirm")
    assert done.status_code == 303
    public = (await client.get("/counties/mendocino/detained")).text
    assert "707-621-8220" in public
    assert "We checked it on" in public
    # And the page of the record, whose numbers are the same rows.
    assert "707-621-8220" in (await client.get("/counties/mendocino")).text
    confirmed = await line("mendocino")
    assert confirmed.checked_on == today()
    assert confirmed.review_by == today() + datetime.timedelta(days=90)
    page = (await ana.get(here)).text
    assert "Ana</strong> checked a line to call and found it right" in page
    assert "line_confirmed" in await actions()


async def test_a_changed_number_reaches_both_pages_and_must_be_confirmed_again(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    here = f"/desk/detained/lines/{(await line('valley-watch')).id}"
    await ana.post(f"{here}/confirm")
    done = await ana.post(here, **await typed(ana, here, phone="559 555 0199"))
    assert done.status_code == 303, done.text
    changed = await line("valley-watch")
    assert changed.phone == "559-555-0199"
    assert changed.confirmed_at is None
    assert changed.counties[:3] == ["fresno", "kern", "madera"]
    for address in ("/counties/kern", "/counties/kern/detained"):
        html = (await client.get(address)).text
        assert "559-555-0199" in html
        assert "559-206-0151" not in html
    [change] = await CheckedChange.select().where(CheckedChange.action == "line_changed")
    assert change["before"] == {"phone": "559-206-0151"}
    assert change["after"] == {"phone": "559-555-0199"}
    assert change["by"] == "Ana"
    assert "559-206-0151" in (await ana.get(here)).text


async def test_nothing_is_written_when_nothing_differs(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", name="Ana")
    for address in (
        f"/desk/detained/lines/{(await line('undocufund-805')).id}",
        f"/desk/detained/lines/{(await line('chirla')).id}",
        f"/desk/detained/places/{(await DetentionPlace.objects().first()).id}",  # type: ignore[union-attr]
    ):
        done = await ana.post(address, **await typed(ana, address))
        assert done.status_code == 303, done.text
    assert await CheckedChange.select() == []


async def test_a_retired_line_is_gone_and_can_come_back(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    here = f"/desk/detained/lines/{(await line('santa-clara')).id}"
    await ana.post(f"{here}/retire")
    for address in ("/counties/santa-clara", "/counties/santa-clara/detained"):
        assert "408-290-1144" not in (await client.get(address)).text
    assert "nobody sees it" in (await ana.get(here)).text
    await ana.post(f"{here}/back")
    assert "408-290-1144" in (await client.get("/counties/santa-clara/detained")).text
    assert {"line_retired", "line_back"} <= await actions()


async def test_a_new_line_is_seen_once_it_is_confirmed(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    done = await ana.post("/desk/detained/lines/new", **NEW_LINE)
    assert done.status_code == 303, done.text
    here = done.headers["location"]
    assert "530-555-0142" not in (await client.get("/counties/lassen/detained")).text
    await ana.post(f"{here}/confirm")
    html = (await client.get("/counties/lassen/detained")).text
    assert "530-555-0142" in html
    assert "We called" in html
    assert "line_added" in await actions()


async def test_a_new_place_and_its_end(at_the_desk: AtTheDesk, client: httpx.AsyncClient) -> None:
    ana = await at_the_desk("editor", name="Ana")
    fields = {"name": "Delta Annex", "status": "open", "county": "yolo", "operator": "ICE",
              "beds": "12", "opened": "2026-10", "source0_publisher": "ICE", "source0_grade": "A",
              "confidence": "high"}  # fmt: skip
    done = await ana.post("/desk/detained/places/new", **fields)
    here = done.headers["location"]
    await ana.post(f"{here}/confirm")
    assert "Delta Annex" in (await client.get("/detained/places")).text
    done = await ana.post(here, **await typed(ana, here, status="closed", ended="2026-11"))
    assert done.status_code == 303, done.text
    assert "From October 2026 to November 2026." in (await client.get("/detained/places")).text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("phone", "call me", "Write ten digits"),
        ("phone", "1" * 10_000, "Write ten digits"),
        ("name", "", "This is missing."),
        ("name", "x" * 10_000, "This is too long."),
        ("counties", "atlantis", "Choose a county, or all of California."),
        ("hours_es", "", "Write it in both languages."),
        ("confidence", "very", "Choose one of these."),
        ("source0_publisher", "", "Name a source"),
        ("source0_grade", "Z", "Choose one of these."),
        ("source0_url", "javascript:alert(1)", "Write the whole address"),
        ("source0_published_on", "2026-13-45", "Write a day like"),
        ("source0_read_on", "10000-01-01", "Write a day like"),
    ],
)
async def test_a_mistake_is_told_and_what_was_typed_stays(
    at_the_desk: AtTheDesk, field: str, value: str, words: str
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    answer = await ana.post("/desk/detained/lines/new", **{**NEW_LINE, field: value})
    assert answer.status_code == 422
    assert words in answer.text
    assert "Todos los días." in answer.text or field == "hours_es"


@pytest.mark.parametrize(
    ("field", "value"),
    [("county", "mars"), ("status", "odd"), ("beds", "many"), ("beds", "9" * 30),
     ("ended", "2026-11-24"), ("opened", "soon")],
)  # fmt: skip
async def test_a_mistake_about_a_place_is_told(
    at_the_desk: AtTheDesk, field: str, value: str
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    fields = {"name": "Delta Annex", "status": "open", "county": "yolo", "operator": "ICE",
              "source0_publisher": "ICE", "source0_grade": "A", "confidence": "high"}  # fmt: skip
    answer = await ana.post("/desk/detained/places/new", **{**fields, field: value})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text


async def test_two_editors_at_once_lose_nothing(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("editor", name="Ana"), await at_the_desk("editor", name="Ben")
    here = f"/desk/detained/lines/{(await line('monterey')).id}"
    as_ben_saw_it = await typed(ben, here, name="Ben’s name")
    await ana.post(here, **await typed(ana, here, name="Ana’s name"))
    answer = await ben.post(here, **as_ben_saw_it)
    assert answer.status_code == 422
    assert "Somebody changed this while you wrote" in answer.text
    assert "Ben’s name" in answer.text
    assert (await line("monterey")).name == "Ana’s name"


@pytest.mark.parametrize(
    "address",
    ["/desk/detained/lines/0", f"/desk/detained/lines/{2**40}", "/desk/detained/prisons/1",
     "/desk/detained/prisons/new", f"/desk/detained/places/{2**70}"],
)  # fmt: skip
async def test_what_is_not_there_has_words(at_the_desk: AtTheDesk, address: str) -> None:
    ana = await at_the_desk("editor", name="Ana")
    answer = await ana.get(address)
    assert answer.status_code == 404
    assert "desk" in answer.text


async def test_a_campaigner_may_not_touch_the_numbers(at_the_desk: AtTheDesk) -> None:
    kim = await at_the_desk("campaigner", name="Kim")
    here = f"/desk/detained/lines/{(await line('chirla')).id}"
    for answer in (await kim.get("/desk/detained"), await kim.post(f"{here}/retire")):
        assert answer.status_code == 403
    queries.forget()
    assert (await line("chirla")).retired_at is None
