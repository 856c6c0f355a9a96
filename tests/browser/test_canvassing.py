"""Signing people up at a market: without a signal, on phones that break, and each exactly once."""

import asyncio
import contextlib
import datetime
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Error, Page, expect

from backend.canvass import files
from tests.browser.canvassers import (
    PIN,
    Line,
    Market,
    Person,
    everything_kept,
    fill_in,
    is_ready,
    leaks,
    on_the_home_screen,
    open_site,
    records,
    seal_many,
    set_up,
    sign,
    unlock,
    unsent,
    until_unsent,
)
from tests.browser.conftest import Open
from tests.browser.test_accessibility import violations
from tests.databases import copied
from tests.serving import HOUSE, Served

PICTURES = HOUSE / "var" / "screenshots"
CANARY = "Canaria Canario"
ANA = Person("Ana López", "ana@example.org", language="es")


@pytest.fixture(scope="module")
def canvass_url(server_url: str, database_url: str) -> Iterator[str]:
    with copied(server_url, "canvass") as url:
        yield url


@pytest.fixture(scope="module")
def site(canvass_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with open_site(canvass_url, tmp_path_factory.mktemp("canvass")) as site:
        yield site


@pytest.fixture
async def line(site: Served) -> AsyncIterator[Line]:
    async with Line(site.port) as line:
        yield line


@pytest.fixture
async def market(site: Served) -> Market:
    return await Market.open(site)


Phone = contextlib._AsyncGeneratorContextManager[Page]


def phone(chromium: Browser, line: Line, profile: Path, code: str = "", **options: Any) -> Phone:
    address = f"{line.url}/canvass" + (f"#{code}" if code else "")
    return on_the_home_screen(chromium.browser_type, address, profile, **options)


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
    await own.goto(f"/pledges/{receipt}?lang=es")
    await expect(own.locator("h1")).to_have_text("Usted firmó. Falta un paso")
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
        assert receipt[:4] not in await page.content()
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
        for word in ("Canari", "canary-9314", receipt, receipt[:4] + "-" + receipt[4:]):
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


async def test_a_full_phone_says_so_and_keeps_what_was_typed(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await is_ready(page)
        line.connected = False
        async with little_room(page, line.url, 20_000):
            await expect(page.locator("#locked")).to_be_visible()
            with pytest.raises(Error, match="QuotaExceededError"):
                await seal_many(page, people(100, 50), market.shift)
            kept = await unsent(page)
            await fill_in(page, ANA)
            submit = page.locator("#signing [type=submit]")
            await submit.click()
            await expect(page.locator("#save-error")).to_contain_text("ya no tiene espacio")
            await expect(page.locator("#signing #name")).to_have_value(ANA.name)
            assert await unsent(page) == kept
            # What waits can be sent all the same, and with room this one is saved too.
            line.connected = True
            await page.evaluate("dispatchEvent(new Event('online'))")
            await until_unsent(page, 0)
        await submit.click()
        await expect(page.locator("#signing .receipt")).to_be_visible()
        await until_unsent(page, 0)
    rows = await market.ask("SELECT 1 FROM canvass_record WHERE shift = $1", market.shift)
    assert len(rows) == kept + 1


@contextlib.asynccontextmanager
async def little_room(page: Page, address: str, bytes: int) -> AsyncIterator[None]:
    """The app opened anew on a phone that has only so many bytes left."""
    usage = await page.evaluate("navigator.storage.estimate().then(({usage}) => usage)")
    cdp = await page.context.new_cdp_session(page)
    await page.goto("about:blank")
    # Chromium remembers for two seconds how much room there was.
    await page.wait_for_timeout(3_000)
    quota = {"origin": address, "quotaSize": usage + bytes}
    await cdp.send("Storage.overrideQuotaForOrigin", quota)
    await page.goto(f"{address}/canvass")
    yield
    await cdp.send("Storage.overrideQuotaForOrigin", {"origin": address})


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


async def test_on_a_full_phone_what_waits_is_sent_and_then_it_works_again(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await is_ready(page)
        line.connected = False
        await seal_many(page, people(40, 800), market.shift)
        async with little_room(page, line.url, -10_000):
            await expect(page.locator("#broken")).to_be_visible()
            await expect(page.locator("#broken .waiting")).to_contain_text("40")
            assert len(files.read_file(await saved_file(page, "#broken"))) == 40
            line.connected = True
            await page.locator("#broken .send-now").click()
            await until_unsent(page, 0)
        await page.locator("#broken .try-again").click()
        await expect(page.locator("#locked")).to_be_visible()


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


async def test_what_waits_is_told_in_words_and_sent_on_a_tap(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        waiting = page.locator("#home .waiting")
        await expect(waiting).to_have_text("Nothing waits. Everything was sent.")
        await expect(page.locator("#sent-at")).to_have_text("Nothing was sent yet.")
        line.connected = False
        await seal_many(page, people(3), market.shift)
        await page.locator("#home .send-now").click()
        await expect(waiting).to_contain_text("Waiting to be sent: 3. The oldest since ")
        line.connected = True
        await page.locator("#home .send-now").click()
        await expect(waiting).to_have_text("Nothing waits. Everything was sent.")
        await expect(page.locator("#sent-at")).to_contain_text("Last sent: ")
        await expect(page.locator("#totals tr")).to_contain_text("Sunday market")
        assert await page.locator("#totals td").all_inner_texts() != []
        assert (await page.locator("#totals td").all_inner_texts())[1:] == ["3", "3"]
    row = await market.until(
        "SELECT * FROM canvass_device WHERE unsent = 0 AND label = 'the tangerine one'"
    )
    assert row["unsent_at"] is not None


def people(number: int, first: int = 0, **more: Any) -> list[Person]:
    """With a phone number each, and a name that must be found nowhere."""
    return [
        Person(f"{CANARY} {n}", f"+1 415 {200 + n // 10_000} {n % 10_000:04}", **more)
        for n in range(first, first + number)
    ]


async def test_a_sign_up_that_is_not_taken_blocks_no_other(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        line.connected = False
        await seal_many(page, people(1, 100), market.other_shift)
        await seal_many(page, people(2, 200), market.shift)
        line.connected = True
        await page.locator("#home .send-now").click()
        await expect(page.locator("#home .waiting")).to_contain_text("Waiting to be sent: 1.")
        await expect(page.locator("#attention-list li")).to_contain_text(
            "This phone was not invited to that shift."
        )
        found = await market.ask("SELECT 1 FROM canvass_record WHERE shift = $1", market.shift)
        assert len(found) == 2
        # Invited there after all, the phone sends it.
        await page.locator("#home > p .invited-again").click()
        await set_up(page, await market.invite(market.other_shift))
        await until_unsent(page, 0)
        await expect(page.locator("#home .waiting")).to_have_text(
            "Nothing waits. Everything was sent."
        )
        await expect(page.locator("#attention")).to_be_hidden()


async def test_a_site_that_fails_is_asked_less_and_less_often(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await page.clock.install()
        await page.reload()
        await expect(page.locator("#locked")).to_be_visible()
        line.fates.extend(["500"] * 100)
        await sign(page, ANA)
        tries: list[int] = []
        for second in range(0, 1_500, 5):
            await page.clock.run_for(5_000)
            await asyncio.sleep(0.03)
            tries += [second] * (100 - len(line.fates) - len(tries))
        gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert 6 <= len(tries) <= 13, tries
        # Each wait is twice as long as the one before, up to five minutes; what is due between two
        # beats of the minute waits for the next one, and this clock runs ahead of the network.
        assert gaps[0] < 150 < 290 <= max(gaps) <= 400, gaps

        # A line that comes back is used at once.
        line.fates.clear()
        await page.evaluate("dispatchEvent(new Event('online'))")
        await until_unsent(page, 0)


async def test_a_phone_that_is_signed_out_keeps_all_and_asks_for_a_code(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        [before] = await page.evaluate(DEVICE)
        await market.ask("UPDATE canvass_device SET ends_at = now() - interval '1 day'")
        await seal_many(page, people(2, 300), market.shift)
        await page.locator("#home .send-now").click()
        await expect(page.locator("#signed-out")).to_contain_text("What you have saved stays here.")
        assert await unsent(page) == 2
        # Signing goes on meanwhile.
        await page.locator("#hand-over").click()
        await sign(page, Person("Luz", "+1 415 200 0303"))
        assert await unsent(page) == 3
        await unlock(page)
        await page.locator("#signed-out .invited-again").click()
        await expect(page.locator("#enrol-waiting")).to_be_visible()
        await set_up(page, await market.invite())
        await expect(page.locator("#home .waiting")).to_have_text(
            "Nothing waits. Everything was sent."
        )
        assert await page.evaluate(DEVICE) == [before]


DEVICE = """new Promise((done) => {
    const open = indexedDB.open("canvass");
    open.onsuccess = () => {
        const asked = open.result.transaction("facts").objectStore("facts").get("device");
        asked.onsuccess = () => { open.result.close(); done([asked.result?.id]); };
    };
})"""


async def test_a_revoked_phone_sends_nothing_and_shows_nothing_old(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await is_ready(page)
        await seal_many(page, people(2, 400), market.shift)
        await page.locator("#home .send-now").click()
        await until_unsent(page, 0)
        line.connected = False
        await seal_many(page, people(2, 410), market.shift)
        await market.ask("UPDATE canvass_device SET revoked_at = now()")
        line.connected = True
        await page.locator("#home .send-now").click()
        revoked = page.locator("#revoked")
        await expect(revoked.locator("h1")).to_have_text("This phone was taken off")
        await expect(revoked.locator(".waiting")).to_contain_text("Waiting here, locked: 2.")
        came = line.came
        await page.reload()
        await expect(revoked).to_be_visible()
        await page.wait_for_timeout(500)
        assert line.came == came, "it still tries to send"
        seen = await page.locator("body").inner_text()
        for word in ("Sunday market", "the tangerine one", "Main Street"):
            assert word not in seen
            assert word not in await everything_kept(page)
        assert (
            len(await market.ask("SELECT 1 FROM canvass_record WHERE shift = $1", market.shift))
            == 2
        )
        # What is sealed can be handed over all the same.
        sent = files.read_file(await saved_file(page, "#revoked"))
        assert len(sent) == 2
        assert {str(each.id) for each in sent} == {each["id"] for each in await records(page)}
        # A new invitation makes it another phone; the file stays the way for what waited.
        await revoked.locator(".invited-again").click()
        await set_up(page, await market.invite())
        await expect(page.locator("#attention-list li")).to_have_count(2)


async def saved_file(page: Page, part: str) -> bytes:
    async with page.expect_download() as loading:
        await page.locator(f"{part} .save-file").click()
    download = await loading.value
    assert re.fullmatch(r"sign-ups-\d{4}-\d\d-\d\d\.txt", download.suggested_filename)
    return Path(await download.path()).read_bytes()


async def test_forgetting_the_phone_warns_while_something_waits(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        line.connected = False
        await seal_many(page, people(3, 500), market.shift)
        line.connected = True
        for address in (f"{line.url}/privacy?lang=en", None):
            if address:
                await page.goto(address)
            else:
                await page.goto(f"{line.url}/canvass?lang=en")
                await page.evaluate("caches.delete('nothing')")
                await unlock(page)
                await expect(page.locator("#home")).to_be_visible()
                line.connected = False
                await seal_many(page, people(3, 500), market.shift)
                line.connected = True
            form = page.locator("form.forget:visible")
            await form.get_by_role("button").click()
            await expect(form.locator("[role=status]")).to_contain_text(
                re.compile(r"not sent are on this phone: \d\. Press again")
            )
            assert await unsent(page) >= 3
        await form.get_by_role("button").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("This phone has forgotten")
        assert await page.evaluate("indexedDB.databases()") == []


async def test_a_new_key_is_taken_when_there_is_a_line_and_old_sign_ups_arrive(
    chromium: Browser, line: Line, market: Market, tmp_path: Path
) -> None:
    async with phone(chromium, line, tmp_path / "phone", await market.invite()) as page:
        await set_up(page)
        await is_ready(page)
        line.connected = False
        await seal_many(page, people(2, 600), market.shift)
        market.command("keys", "rotate", "canvass")
        await seal_many(page, people(2, 610), market.shift)
        assert len({each["key"] for each in await records(page)}) == 1
        line.connected = True
        await page.reload()
        await unlock(page)
        await until_unsent(page, 0)
        await until_kit_is_new(page)
        await seal_many(page, people(1, 620), market.shift)
        await page.locator("#home .send-now").click()
        await until_unsent(page, 0)
    rows = await market.ask(
        "SELECT key_id, problem FROM canvass_record WHERE shift = $1", market.shift
    )
    assert len(rows) == 5
    assert len({row["key_id"] for row in rows}) == 2
    assert {row["problem"] for row in rows} == {None}


async def until_kit_is_new(page: Page) -> None:
    await page.evaluate(
        """async () => {
            const wanted = (await (await fetch("/canvass/kit.json")).json()).key.id;
            for (let n = 0; n < 100; n++) {
                const kept = await (await caches.match("/canvass/kit.json")).json();
                if (kept.key.id === wanted) return;
                await new Promise((r) => setTimeout(r, 100));
            }
            throw new Error("the old key stays");
        }"""
    )


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
