"""A thousand sign-ups through everything that breaks at a market: each arrives once, and counts;
nothing on the phone or in the database tells who signed."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
from playwright.async_api import Browser, Page, expect

from backend import database
from tests.browser.bad_line import Line
from tests.browser.canvassers import (
    Market,
    Person,
    everything_kept,
    fill_in,
    is_ready,
    leaks,
    on_the_home_screen,
    open_site,
    seal_many,
    set_up,
    sign,
    unlock,
    unsent,
    until,
    until_unsent,
)

ALL = 1_000
CANARY = f"Canaria {secrets.token_hex(4)}"
SHARED_ZIP = ("94303", "san-mateo")


def person(number: int, **more: Any) -> Person:
    """Each with a phone number of their own."""
    contact = f"+1 415 {200 + number // 10_000} {number % 10_000:04}"
    return Person(f"{CANARY} {number}", contact, **more)


async def test_a_thousand_sign_ups_arrive_exactly_once_whatever_breaks(
    chromium: Browser, own_url: str, tmp_path: Path
) -> None:
    folder, profile = tmp_path / "site", tmp_path / "phone"
    folder.mkdir()
    with open_site(own_url, folder, RELEASE="1") as site:
        async with Line(site.port) as line:
            market = await Market.open(site)
            async with hours_pass(own_url):
                await take_them(chromium, market, line, profile)
    # The app is updated in the middle of the shift.
    with open_site(own_url, folder, port=site.port, RELEASE="2") as newer:
        async with Line(site.port, port=line.port) as line:
            market.site = newer
            async with hours_pass(own_url):
                await update_and_send(chromium, market, line, profile)
            await all_are_there(market)
            await nobody_is_named(market, profile)
            await revoked_means_nothing(chromium, market, line, profile)


@contextlib.asynccontextmanager
async def hours_pass(url: str) -> AsyncIterator[None]:
    """What came a moment ago came hours ago: a thousand in one hour would wait for somebody to look
    at them, which is another test's business."""

    async def pass_them() -> None:
        connection = await asyncpg.connect(url)
        try:
            while True:
                await connection.execute(
                    "UPDATE canvass_record SET received_at = received_at - interval '2 hours'"
                    " WHERE received_at > now() - interval '1 hour'"
                )
                await asyncio.sleep(0.2)
        finally:
            connection.terminate()

    passing = asyncio.create_task(pass_them())
    try:
        yield
        assert not passing.done(), passing.exception()
    finally:
        passing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await passing


async def take_them(chromium: Browser, market: Market, line: Line, profile: Path) -> None:
    """Without a signal: twelve by hand, the rest as fast as the app seals; then the line breaks in
    every way while they are sent."""
    address = f"{line.url}/canvass#{await market.invite()}"
    async with on_the_home_screen(chromium.browser_type, address, profile) as page:
        await set_up(page)
        await is_ready(page)
        line.connected = False
        await page.context.set_offline(True)
        await page.goto(f"{line.url}/canvass")
        await expect(page.locator("#locked")).to_be_visible()
        for number in range(6):
            await sign(page, person(number, language="es" if number % 2 else "en"))
        zip, county = SHARED_ZIP
        await sign(page, person(6, zip=zip, county=county, aloud=True, news=True))
        await seal_many(page, [person(n) for n in range(7, 500)], market.shift)
        # Not invited there (422), until the end.
        await seal_many(page, [person(n) for n in range(500, 505)], market.other_shift)
        await close_by_force(page)
        await sign(page, person(505))
        assert await unsent(page) == 506

        line.fates.extend(["500", None, None, "unheard", None, None, "lost", None, None, None] * 12)
        line.connected = True
        await page.context.set_offline(False)
        await until(lambda: line.came > 120)
    # The window closed while they were on their way; now the same phone is taken up again.
    async with on_the_home_screen(chromium.browser_type, f"{line.url}/canvass", profile) as page:
        assert 0 < await unsent(page) < 506
        line.fates.extend(["unheard", None, None] * 20)
        # Twice open, and both send.
        async with page.context.expect_page() as opening:
            await page.evaluate("window.open(location.href, '_blank', 'popup') && 1")
        twin = await opening.value
        await expect(twin.locator("#locked")).to_be_visible()
        await asyncio.gather(
            *(each.evaluate("dispatchEvent(new Event('online'))") for each in (page, twin))
        )
        await unlock(page)
        await page.locator("#home .send-now").click()
        await until_unsent(page, 5)
        await expect(page.locator("#attention-list li")).to_have_count(5)
        await twin.close()


async def update_and_send(chromium: Browser, market: Market, line: Line, profile: Path) -> None:
    async with on_the_home_screen(chromium.browser_type, f"{line.url}/canvass", profile) as page:
        await expect(page.locator("#locked")).to_be_visible()
        line.connected = False
        await seal_many(page, [person(n) for n in range(506, 990)], market.shift)
        line.connected = True
        # Half-way through a form the new version comes: nothing of it is lost.
        await fill_in(page, person(990))
        await page.evaluate("navigator.serviceWorker.getRegistration().then(r => r.update())")
        await page.evaluate(
            """async () => {
                for (let n = 0; n < 600; n++) {
                    if ((await navigator.serviceWorker.getRegistration()).waiting) return;
                    await new Promise((r) => setTimeout(r, 50));
                }
                throw new Error("no new version came");
            }"""
        )
        await expect(page.locator("#signing #name")).to_have_value(person(990).name)
        await page.locator("#signing [type=submit]").click()
        await page.locator("#signing .receipt .leave").click()
        await unlock(page)
        async with page.expect_navigation():
            await page.get_by_role("button", name="Update").click()
        await expect(page.locator("#locked")).to_be_visible()
        for number in range(991, ALL):
            await sign(page, person(number))
        await unlock(page)
        # The lead puts right what was refused.
        await page.locator("#home > p .invited-again").click()
        await set_up(page, await market.invite(market.other_shift))
        await page.locator("#home .send-now").click()
        await until_unsent(page, 0)
        await expect(page.locator("#home .waiting")).to_contain_text("Everything was sent.")


async def all_are_there(market: Market) -> None:
    """Each once, with where it came from and what was agreed to; and the public count says so."""
    await market.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM pledge WHERE state = 5)")
    [row] = await market.ask(
        """SELECT count(*) AS records, count(DISTINCT r.pledge) AS pledges,
                  count(DISTINCT p.place) AS people,
                  count(*) FILTER (WHERE r.shift = $1) AS here,
                  count(*) FILTER (WHERE r.how = 'aloud') AS aloud,
                  count(*) FILTER (WHERE p.source = 'canvass' AND p.via = s.code) AS attributed,
                  count(*) FILTER (WHERE cardinality(p.consents) >= 1) AS consented,
                  count(DISTINCT r.device) AS devices, count(DISTINCT r.campaign) AS campaigns
           FROM canvass_record r JOIN pledge p ON p.id = r.pledge JOIN shift s ON s.id = r.shift""",
        market.shift,
    )
    assert dict(row) == {
        "records": ALL, "pledges": ALL, "people": ALL, "here": ALL - 5, "aloud": 1,
        "attributed": ALL, "consented": ALL, "devices": 1, "campaigns": 1,
    }  # fmt: skip
    assert await market.number("pledge") == await market.number("canvass_record") == ALL
    connection = await asyncpg.connect(market.site.database)
    await database.queue(connection).enqueue("count_pledges", b"{}", 1)
    await connection.close()
    counted = await market.until(
        "SELECT sum(confirmed + awaiting + phones) AS number FROM pledge_count WHERE campaign = $1"
        " HAVING sum(confirmed + awaiting + phones) = $2",
        market.campaign,
        ALL,
    )
    assert counted["number"] == ALL


async def nobody_is_named(market: Market, profile: Path) -> None:
    assert leaks(profile, CANARY, CANARY.split()[1]) == []
    tables = await market.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 40
    for [table] in tables:
        text = "\n".join(str(tuple(row)) for row in await market.ask(f'SELECT * FROM "{table}"'))
        assert CANARY.split()[1] not in text, table
    assert CANARY.split()[1] not in market.site.written()


async def revoked_means_nothing(
    chromium: Browser, market: Market, line: Line, profile: Path
) -> None:
    async with on_the_home_screen(chromium.browser_type, f"{line.url}/canvass", profile) as page:
        kept = await everything_kept(page)
        assert CANARY.split()[1] not in kept
        assert "Sunday market" in kept
        await seal_many(page, [person(ALL)], market.shift)
        await market.ask("UPDATE canvass_device SET revoked_at = now()")
        await unlock(page)
        await page.locator("#home .send-now").click()
        await expect(page.locator("#revoked")).to_be_visible()
        await expect(page.locator("#revoked .waiting")).to_contain_text("locked: 1.")
        assert "Sunday market" not in await everything_kept(page)
    assert await market.number("canvass_record") == ALL


async def close_by_force(page: Page) -> None:
    """As a phone's system does in the background: Chromium's own page for it has a button."""
    await page.evaluate(
        """() => new Promise((ready) => {
            const open = indexedDB.open("canvass");
            open.onsuccess = () => {
                open.result.onclose = () => { window.wasClosed = true; };
                ready();
            };
        })"""
    )
    tools = await page.context.new_page()
    await tools.goto("chrome://indexeddb-internals")
    await tools.get_by_text(re.compile("Force close", re.IGNORECASE)).first.click()
    for _ in range(100):
        if await page.evaluate("window.wasClosed"):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("nothing was closed")
    await tools.close()
