"""What waits on a canvasser’s phone: sent, refused, kept, handed over, and never lost."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page, expect

from backend.canvass import files
from tests.browser.bad_line import Line
from tests.browser.canvassers import (
    ANA,
    Market,
    Person,
    canvass_url,
    everything_kept,
    fill_in,
    is_ready,
    line,
    market,
    people,
    phone,
    records,
    saved_file,
    seal_many,
    set_up,
    sign,
    site,
    unlock,
    unsent,
    until_unsent,
)

__all__ = ["canvass_url", "line", "market", "site"]


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
        await expect(revoked).to_be_visible()
        await expect(revoked.locator("h1")).to_have_text("This phone was taken off")
        await expect(revoked.locator(".waiting")).to_contain_text("Waiting here, locked: 2.")
        came = line.came
        await page.reload()
        await expect(revoked).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert line.came == came, "it still tries to send"
        seen = await page.locator("body").inner_text()
        for word in ("Sunday market", "the tangerine one", "Quetzal Street"):
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
