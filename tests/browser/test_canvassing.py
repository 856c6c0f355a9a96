"""Signing people up at a market, in the app on a canvasser’s home screen."""

import datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.bad_line import Line
from tests.browser.canvassers import (
    ANA,
    CANARY,
    PIN,
    Market,
    Person,
    canvass_url,
    everything_kept,
    fill_in,
    is_ready,
    leaks,
    line,
    market,
    people,
    phone,
    seal_many,
    set_up,
    sign,
    site,
    unlock,
    unsent,
    until_unsent,
)
from tests.browser.conftest import Open
from tests.browser.test_accessibility import violations
from tests.serving import HOUSE

__all__ = ["canvass_url", "line", "market", "site"]

PICTURES = HOUSE / "var" / "screenshots"


async def test_in_a_tab_it_keeps_nothing_and_says_how_to_install(visit: Open) -> None:
    page = await visit("/canvass#K7QMX9RT2Z")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign people up at events")
    await expect(page.locator("#tab-code")).to_contain_text("K7QMX9RT2Z")
    assert "#" not in page.url
    await expect(page.get_by_text("Add to Home Screen").first).to_be_visible()
    for part in ("enrol", "locked", "home", "signing", "revoked"):
        await expect(page.locator(f"#{part}")).to_be_hidden()
    assert await page.evaluate("indexedDB.databases()") == []
    assert "canvass" not in await page.evaluate("caches.keys()")


async def test_without_a_script_it_says_that_too(visit: Open) -> None:
    page = await visit("/canvass", java_script_enabled=False)
    await expect(page.get_by_text("It needs JavaScript")).to_be_visible()
    await expect(page.get_by_text("iPhone or iPad with Safari")).to_be_visible()
    assert await page.locator("main form:visible").count() == 0


async def test_other_peoples_phones_carry_nothing_of_it(visit: Open) -> None:
    page = await visit("/")
    await page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    names = await page.evaluate("caches.keys()")
    assert names
    kept = await page.evaluate(
        """async () => {
            const all = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
            const kept = await Promise.all(all.map((cache) => cache.keys()));
            return kept.flat().map(({url}) => url);
        }"""
    )
    assert not [address for address in kept if "canvass" in address]


async def test_from_the_code_to_a_row_on_the_server(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    code = await market.invite()
    before = await market.number("pledge")
    async with phone(chromium, line, tmp_path / "phone", code) as page:
        await expect(page.locator("#code")).to_have_value(code)
        assert "#" not in page.url
        await set_up(page)
        await expect(page.locator("#home-event")).to_have_text("Sunday market")
        await expect(page.locator("#storage")).not_to_be_empty()
        await page.locator("#hand-over").click()
        receipt = await sign(page, ANA)
        row = await market.until(
            "SELECT r.*, p.source, p.via, p.language FROM canvass_record r"
            " JOIN pledge p ON p.id = r.pledge WHERE r.shift = $1",
            market.shift,
        )
        await until_unsent(page, 0)
    assert (row["source"], row["language"], row["how"]) == ("canvass", "es", "shown")
    assert row["campaign"] == market.campaign
    assert await market.number("pledge") == before + 1
    found = await chromium.new_context(base_url=line.url)
    own = await found.new_page()
    await own.goto(f"/pledges?lang=es#{receipt}")
    await expect(own.locator("h1")).to_contain_text("Usted firmó")
    await found.close()


async def test_what_is_wrong_in_setting_up_is_told_and_what_was_typed_stays(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone") as page:
        await expect(page.locator("#enrol")).to_be_visible()
        submit = page.locator("#enrol-form [type=submit]")
        await submit.click()
        problems = page.locator("#enrol-form .problems")
        await expect(problems.locator("li")).to_have_count(3)
        await expect(problems).to_be_focused()
        await problems.get_by_role("link").first.click()
        await expect(page.locator("#code")).to_be_focused()
        await page.locator("#code").fill("WRONGWRONG")
        await page.locator("#label").fill("red")
        await page.locator("#pin").fill("258036")
        await page.locator("#again").fill("258037")
        await submit.click()
        await expect(page.locator("#again-error")).to_have_text("These two PINs are not the same.")
        await expect(problems.locator("li")).to_have_count(1)
        await page.locator("#again").fill("258036")
        await submit.click()
        await expect(page.locator("#code-error")).to_contain_text("does not work any more")
        await expect(page.locator("#code")).to_have_value("WRONGWRONG")
        await expect(page.locator("#label")).to_have_value("red")
        line.connected = False
        await submit.click()
        await expect(page.locator("#code-error")).to_contain_text("There is no signal here")
        line.connected = True
        await page.locator("#code").fill((await market.invite()).lower())
        await submit.click()
        await expect(page.locator("#home")).to_be_visible()


async def test_nothing_of_a_signer_can_be_read_back(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    profile = tmp_path / "phone"
    canary = Person(CANARY, "canary-9314@example.org", language="es", news=True)
    async with phone(chromium, line, profile, await market.invite()) as page:
        await set_up(page)
        await is_ready(page)
        line.connected = False
        await page.locator("#hand-over").click()
        receipt = await sign(page, canary)
        assert not await page.evaluate("document.documentElement.outerHTML.includes('Canari')")
        assert receipt[:5] not in await page.content()
        # The next signer starts with nothing in any field.
        await page.locator(".start-in[lang=en]").click()
        for name in ("name", "contact", "zip"):
            await expect(page.locator(f"#signing #{name}")).to_have_value("")
        assert await page.locator("#signing :checked").count() == 0
        # Half-way, somebody goes elsewhere and comes back: by Back, by Forward, by loading anew.
        await page.locator("#signing #name").fill(CANARY)
        length = await page.evaluate("history.length")
        await page.goto(f"{line.url}/canvass?lang=es")
        for way in (page.go_back, page.go_forward, page.reload):
            await way()
            await expect(page.locator("#locked")).to_be_visible()
            assert CANARY not in await page.evaluate(
                """document.body.innerHTML
                    + [...document.querySelectorAll("input")].map(({value}) => value)"""
            )
        assert length <= 2
        kept = await everything_kept(page)
        assert await unsent(page) == 1
        for word in ("Canari", "canary-9314", receipt, receipt[:5] + "-" + receipt[5:]):
            assert word not in kept
    assert leaks(profile, "Canari", "canary-9314", receipt) == []


def test_the_search_for_leaks_finds_one(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("x Canaria", encoding="utf-16-le")
    (tmp_path / "two").write_text("x Ana")
    assert leaks(tmp_path, "Canari") == ["one"]


async def test_the_numbers_and_the_way_out_need_the_pin(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await page.locator("#hand-over").click()
        await expect(page.locator("#home")).to_be_hidden()
        await page.reload()
        await expect(page.locator("#locked")).to_be_visible()
        error = page.locator("#pin-typed-error")
        for _ in range(2):
            await unlock(page, "0000")
            await expect(error).to_have_text("That PIN is not right.")
        await unlock(page, "0000")
        await expect(error).to_contain_text("Wait 5 seconds")
        # The right one does not help now, nor does loading the app again.
        await unlock(page)
        await expect(error).to_contain_text("Wait")
        await page.reload()
        await unlock(page)
        await expect(error).to_contain_text("Wait")
        await expect(page.locator("#home")).to_be_hidden()
        await page.wait_for_timeout(5_000)
        await unlock(page)
        await expect(page.locator("#home")).to_be_visible()
        await page.evaluate(
            """() => {
                Object.defineProperty(document, "visibilityState",
                                      { value: "hidden", configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        await expect(page.locator("#locked")).to_be_visible()
        assert PIN not in await everything_kept(page)


async def test_what_a_signer_got_wrong_stands_beside_the_field_and_above(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await page.locator("#hand-over").click()
        await page.locator(".start-in[lang=es]").click()
        signing = page.locator("#signing")
        await expect(signing).to_have_attribute("lang", "es")
        submit = signing.locator("[type=submit]")
        await submit.click()
        await expect(signing.locator(".problems li")).to_have_count(4)
        await expect(signing.locator(".problems h2")).to_have_text("Hay un problema")
        await expect(signing.locator("#name")).to_have_attribute("aria-invalid", "true")
        await expect(signing.locator("#name-error")).to_have_text("Escriba su nombre.")
        wrong = [
            ("name", "x" * 150, "más corto"),
            ("name", "12345", "con letras"),
            ("name", "www.example.org", "solo su nombre"),
            ("contact", "ana@", "letra por letra"),
            ("contact", "555 1234", "diez números"),
            ("zip", "9540", "cinco números"),
            ("zip", "10001", "de California"),
        ]
        for field, typed, told in wrong:
            await signing.locator(f"#{field}").fill(typed)
            await submit.click()
            await expect(signing.locator(f"#{field}-error")).to_contain_text(told)
            await expect(signing.locator(f"#{field}")).to_have_value(typed)
        # A field takes no novel.
        await signing.locator("#name").press_sequentially("")
        await signing.locator("#name").evaluate("field => { field.value = ''; }")
        await signing.locator("#name").focus()
        await page.keyboard.insert_text("ñ" * 10_000)
        assert len(await signing.locator("#name").input_value()) == 300
        await signing.locator("#name").fill("José Ñáñez-O’Neill")
        await signing.locator("#contact").fill("(415) 200-1000")
        await signing.locator("#zip").fill("94303")
        await expect(signing.locator("#county label")).to_have_count(2)
        await signing.locator("#agree_pledge").check()
        await submit.click()
        await expect(signing.locator("#county-error")).to_contain_text("más de un condado")
        await signing.get_by_text("Condado de San Mateo").click()
        await signing.locator("[name=aloud]").check()
        await submit.click()
        await expect(signing.locator(".receipt h1")).to_contain_text("Gracias")
        row = await market.until(
            "SELECT r.*, c.slug FROM canvass_record r JOIN county c ON c.id = r.county"
            " WHERE r.shift = $1", market.shift,
        )  # fmt: skip
        assert (row["slug"], row["how"], row["problem"]) == ("san-mateo", "aloud", None)


async def test_a_browser_that_keeps_nothing_takes_no_sign_up(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await page.context.add_init_script(
            "IDBFactory.prototype.open = () => { throw new DOMException('no', 'UnknownError'); };"
        )
        await page.reload()
        await expect(page.locator("#broken")).to_be_visible()
        await expect(page.locator("#enrol")).to_be_hidden()


@pytest.mark.parametrize("year", ["2025", "2028"])
async def test_a_clock_that_is_a_year_off_harms_nothing(
    chromium: Browser, line: Line, market: Market, tmp_path: Path, year: str
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await page.clock.set_system_time(f"{year}-11-28T10:00:00Z")
        await set_up(page)
        await page.locator("#hand-over").click()
        await unlock(page, "0000")
        await page.clock.set_system_time("2026-01-01T00:00:00Z")
        await sign(page, ANA)
        row = await market.until("SELECT * FROM canvass_record WHERE shift = $1", market.shift)
        assert row["received_at"].year == datetime.datetime.now(datetime.UTC).year
        await unlock(page)
        await expect(page.locator("#home")).to_be_visible()


LOOKS = {
    "en": {"color_scheme": "light"},
    "es-dark": {"color_scheme": "dark"},
}


@pytest.mark.parametrize("name", LOOKS)
async def test_every_part_can_be_used_by_everyone(
    chromium: Browser, line: Line, market: Market, tmp_path: Path, name: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    profile, code = tmp_path / "phone", await market.invite()

    async def look(page: Page, part: str) -> None:
        await page.screenshot(path=PICTURES / f"canvass-{part}-{name}.png", full_page=True)
        for width in (320, 360):
            await page.set_viewport_size({"width": width, "height": 740})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, part
        assert await violations(page) == [], part
        small = await page.evaluate(SMALL)
        assert small == [], part

    async with phone(chromium, line, profile, code, **LOOKS[name]) as page:
        language = name.partition("-")[0]
        await page.goto(f"{line.url}/canvass?lang={language}#{code}")
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await page.locator("#enrol-form [type=submit]").click()
        await look(page, "enrol")
        await set_up(page)
        await is_ready(page)
        line.connected = False
        await page.locator("#hand-over").click()
        await look(page, "start")
        await page.locator(".start-in[lang=es]").click()
        await expect(page.locator("#signing #name")).to_be_visible()
        await look(page, "form")
        await page.locator("#signing #zip").fill("94303")
        await page.locator("#signing [type=submit]").click()
        await look(page, "mistakes")
        await page.locator("#signing form .leave").click()
        await fill_in(page, ANA)
        await page.locator("#signing [type=submit]").click()
        await expect(page.locator("#signing .receipt")).to_be_visible()
        await look(page, "receipt")
        await page.locator("#signing .receipt .leave").click()
        await seal_many(page, people(1, 700), market.other_shift)
        line.connected = True
        await page.evaluate("dispatchEvent(new Event('online'))")
        await until_unsent(page, 1)
        await unlock(page)
        await expect(page.locator("#attention")).to_be_visible()
        await look(page, "home")
        await market.ask("UPDATE canvass_device SET revoked_at = now()")
        await page.locator("#home .send-now").click()
        await expect(page.locator("#revoked")).to_be_visible()
        await look(page, "revoked")


# What is touched in the sun with one thumb, and is too small for it.
SMALL = """[...document.querySelectorAll("main button, main input, main summary, main label.tick")]
    .filter((each) => each.checkVisibility() && !each.closest("label.tick > *"))
    .map((each) => [each.id || each.textContent.trim(), each.getBoundingClientRect().height])
    .filter(([, height]) => height < 48)"""
