"""The guide in a person's browser: answered on the phone, told to nobody, gone with the page."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Open, watch
from tests.browser.test_on_the_phone import asked_besides, first_visit, until
from tests.serving import Recorder, Served

GUIDE = "/enrollment/guide"
FROZEN = "adults 19 and over on this path cannot newly join full Medi-Cal"


@pytest.fixture
async def wire(served: Served) -> AsyncIterator[Recorder]:
    async with Recorder(served.port) as recorder:
        yield recorder


@pytest.fixture
async def phone(chromium: Browser, wire: Recorder) -> AsyncIterator[BrowserContext]:
    """A small phone whose every request is on record."""
    complaints: list[str] = []
    context = await chromium.new_context(
        base_url=wire.url, viewport={"width": 360, "height": 740}, locale="en-US"
    )
    watch(context, Served(wire.url, wire.port, None, Path()), complaints)  # type: ignore[arg-type]
    yield context
    await context.close()
    assert [each for each in complaints if "ERR_" not in each and "fetch" not in each] == []


async def answer(page: Page, **answers: str) -> None:
    for question, value in answers.items():
        if question in ("county", "people"):
            await page.locator(f"#{question}").select_option(value)
        else:
            await page.locator(f'input[name="{question}"][value="{value}"]').check()


async def answer_all(page: Page) -> None:
    """As a single adult of 30 in San Francisco with little income and a child."""
    await answer(
        page,
        age="26-49",
        pregnant="no",
        child="yes",
        county="san-francisco",
        people="3",
        income="up_to_138",
        coverage="none",
    )
    await page.locator("#show").click()


async def test_nothing_that_is_answered_leaves_the_phone(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, GUIDE)
    await expect(page.locator("html[data-ready=yes]")).to_be_attached()
    await page.wait_for_load_state("networkidle")
    wire.lines.clear()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await answer_all(page)
    await expect(page.locator("#adult-frozen")).to_contain_text(FROZEN)
    await expect(page.locator("#child-full")).to_be_visible()
    await expect(page.locator("#county-san-francisco")).to_be_visible()
    await expect(page.locator("#pregnant-full")).to_be_hidden()
    await expect(page.locator("#county-cmsp")).to_be_hidden()
    await answer(page, coverage="medi_cal")
    await expect(page.locator("#member-keep")).to_be_visible()
    await expect(page.locator("#adult-frozen")).to_be_hidden()
    assert asked == []
    assert await asked_besides(page, wire) == []
    assert page.url.endswith(GUIDE)
    left = await page.evaluate(
        """async () => [localStorage.length, document.cookie, location.search, location.hash,
            Object.keys(sessionStorage).join(), (await indexedDB.databases()).length,
            JSON.stringify(history.state)]"""
    )
    assert left == [0, "", "", "", "", 0, "null"]
    kept = await page.evaluate("caches.keys().then(names => names.join())")
    assert "san-francisco" not in kept


async def test_it_works_without_a_network_after_one_visit_to_any_page(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, "/")
    wire.connected = False
    await phone.set_offline(True)
    await page.goto("/enrollment")
    await page.get_by_role("link", name="Is it safe?").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Is it safe to have Medi-Cal?")
    await page.goto("/enrollment")
    await page.get_by_role("link", name="What may I have?").click()
    await answer_all(page)
    await expect(page.locator("#adult-frozen")).to_contain_text(FROZEN)
    await expect(page.locator(".as-of")).to_contain_text("Saved on this phone.")
    await page.get_by_role("link", name="Español").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("¿Qué puedo tener?")


async def test_the_way_back_and_the_clear_button_leave_nothing_filled_in(visit: Open) -> None:
    page = await visit(GUIDE)
    await answer_all(page)
    await expect(page.locator("#answer")).to_be_visible()
    await page.goto("/privacy")
    await page.go_back()
    await expect(page.locator("#guide[data-ready]")).to_be_attached()
    assert await filled_in(page) == [0, "", "1"]
    await expect(page.locator("#answer")).to_be_hidden()

    await answer_all(page)
    await page.locator("#answer .clear").click()
    assert await filled_in(page) == [0, "", "1"]
    await expect(page.locator("#answer")).to_be_hidden()
    await answer_all(page)
    await page.reload()
    await expect(page.locator("#guide[data-ready]")).to_be_attached()
    assert await filled_in(page) == [0, "", "1"]


async def filled_in(page: Page) -> list[object]:
    found: list[object] = await page.evaluate(
        """() => [document.querySelectorAll("#guide input:checked").length,
            document.querySelector("#county").value, document.querySelector("#people").value]"""
    )
    return found


async def test_the_incomes_follow_the_household(visit: Open) -> None:
    page = await visit(GUIDE)
    first = page.locator('[data-percent="138"]')
    await expect(first).to_have_text("Up to about $1,835 a month ($22,025 a year)")
    await answer(page, people="4")
    await expect(first).to_have_text("Up to about $3,795 a month ($45,540 a year)")


async def test_statuses_by_name_are_folded_and_their_sources_stand_below(visit: Open) -> None:
    page = await visit(GUIDE)
    await answer_all(page)
    fold = page.locator(".path.other .statuses")
    await expect(page.locator("#status-daca")).to_be_hidden()
    await fold.locator("summary").click()
    await expect(page.locator("#status-daca")).to_contain_text("Sources disagree: apply, or ask")
    for link in await fold.locator(".cites a").all():
        source = await link.get_attribute("href")
        await expect(page.locator(source or "none")).to_be_visible()


async def test_both_paths_are_told_and_no_status_is_asked(visit: Open) -> None:
    page = await visit(GUIDE)
    asked = await page.locator(".questions").inner_text()
    assert not re.search(r"status|papers|citizen|born|visa|green card", asked, re.IGNORECASE)
    await answer_all(page)
    for title in ("If Medi-Cal counts your immigration status", "If it does not, or you are not"):
        await expect(page.locator("#part-adult h4", has_text=title)).to_be_visible()
    numbers = await page.locator("[data-rule]:visible .cites a").all_inner_texts()
    shown = await page.locator(".sources li:visible").count()
    assert shown == len(set(numbers) | {"1"}) or shown == len(set(numbers))


async def test_a_page_kept_until_another_day_tells_that_days_rules(visit: Open) -> None:
    page = await visit("/enrollment")
    await page.clock.set_fixed_time("2027-07-02T12:00:00-07:00")
    await page.goto(GUIDE)
    await answer(page, age="26-49", pregnant="no", income="up_to_138", coverage="medi_cal")
    await page.get_by_role("button", name="Show what I may have").click()
    await expect(page.locator("#premium-now")).to_be_visible()
    await expect(page.locator("#premium-later")).to_be_hidden()
    await expect(page.locator("#work-now")).to_be_visible()
    await expect(page.locator("#work-later")).to_be_hidden()
    await page.goto("/enrollment")
    if await page.locator("#weeks").count():
        await expect(page.locator("#weeks .left")).to_have_text("That time is over.")


async def test_without_scripts_the_whole_tree_can_be_opened(visit: Open) -> None:
    page = await visit(GUIDE, java_script_enabled=False)
    await expect(page.locator(".questions")).to_be_hidden()
    await expect(page.get_by_text("Open the parts that are about you.")).to_be_visible()
    await expect(page.locator("#child-full")).to_be_hidden()
    await page.get_by_role("heading", name="If the person is under 19").click()
    await expect(page.locator("#child-full")).to_be_visible()
    await page.get_by_role("heading", name="If you are 19 or older").click()
    await expect(page.locator("#adult-frozen")).to_be_visible()
    await expect(page.locator("#premium-now")).to_be_hidden()
    assert await page.locator("form").count() == 0


@pytest.mark.parametrize("locale", ["en-US", "es-US"])
async def test_the_answer_prints_on_one_sheet(visit: Open, locale: str) -> None:
    page = await visit(GUIDE, locale=locale)
    await answer_all(page)
    await page.emulate_media(media="print")
    assert not await page.locator(".questions").is_visible()
    assert not await page.locator(".places").is_visible()
    assert await page.locator(".sources").is_visible()
    sheet = await page.pdf(format="Letter", prefer_css_page_size=True)
    assert sheet.count(b"/Type /Page\n") + sheet.count(b"/Type /Page/") == 1


async def test_is_it_safe_prints_on_one_sheet(visit: Open) -> None:
    page = await visit("/enrollment/safe")
    sheet = await page.pdf(format="Letter", prefer_css_page_size=True)
    assert sheet.count(b"/Type /Page\n") + sheet.count(b"/Type /Page/") == 1


async def test_the_answer_is_reached_by_keys_and_told_to_a_screen_reader(visit: Open) -> None:
    page = await visit(GUIDE)
    await page.locator('input[name="age"]').first.focus()
    await page.keyboard.press("Space")
    await page.get_by_role("button", name="Show what I may have").focus()
    await page.keyboard.press("Enter")
    await until(page, "document.activeElement.id === 'answer'")
    await expect(page.get_by_role("region", name="What you may have")).to_be_visible()
