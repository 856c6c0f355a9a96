"""Campaigns on a small phone, on paper and in other people's pages: looking and sharing."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Open
from tests.browser.test_accessibility import violations
from tests.serving import HOUSE, Served

ONE = "/campaigns/end-ice-holds-and-transfers"
PAGES = [
    "/campaigns",
    ONE,
    "/campaigns/health-for-all",
    "/campaigns/no-profit-from-detention/poster",
    "/campaigns/no-profit-from-detention/sheet?sheet=999",
]


@pytest.fixture
async def watched(served_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A campaign of this test's own that the served site knows, gone again afterwards. It is in
    the database itself: the site is another process."""
    connection = await asyncpg.connect(served_url)
    await connection.execute(
        """INSERT INTO campaign (slug, state, title, ask, story, pledge_words, counties, goals)
           VALUES ('watched', 'live', '{"en": "Watched"}', '{"en": "Look."}', '{"en": "Why."}',
                   '{"en": "I ask."}', '{}', '{100}')"""
    )
    yield connection
    for table in ("pledge_count", "published_count"):
        await connection.execute(
            f"""DELETE FROM {table}
                WHERE campaign = (SELECT id FROM campaign WHERE slug = 'watched')"""
        )
    await connection.execute("DELETE FROM campaign WHERE slug = 'watched'")
    await connection.execute("SELECT pg_notify('record_changed', '')")
    await connection.close()


@pytest.mark.parametrize("locale", ["en-US", "es-US"])
@pytest.mark.parametrize("address", PAGES)
async def test_nothing_runs_off_a_screen_of_320_pixels(
    read: Open, address: str, locale: str
) -> None:
    page = await read(address, width=320, locale=locale)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert await page.locator("h1").count() == 1
    places = page.locator(".places a")
    assert await places.count() == 5
    for index in range(5):
        box = await places.nth(index).bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= 320.5


async def test_numbers_of_every_size_fit_a_screen_of_320_pixels(
    read: Open, watched: asyncpg.Connection
) -> None:
    await watched.execute(
        """INSERT INTO published_count
               (campaign, county, confirmed, awaiting, phones, set_aside, counted_at)
           SELECT campaign.id, county.id, 1234560, 1234560, 1234560, 1234560, now()
           FROM campaign LEFT JOIN county ON county.slug LIKE 'san-%'
           WHERE campaign.slug = 'watched'
           UNION ALL
           SELECT id, NULL, 1234560, 1234560, 1234560, 1234560, now() FROM campaign
           WHERE slug = 'watched'"""
    )
    for address in ("/campaigns", "/campaigns/watched", "/campaigns/watched/poster"):
        page = await read(address, width=320, locale="es-US")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, address
    await page.goto("/campaigns/watched")
    row = page.locator(".by-county tr", has_text="San Bernardino")
    await expect(row).to_contain_text("1,234,560")
    for summary in await page.locator("#share summary").all():
        await summary.click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("address", PAGES)
async def test_text_at_twice_its_size_still_fits(read: Open, address: str) -> None:
    page = await read(address, width=640)
    await page.evaluate("document.documentElement.style.fontSize = '212.5%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640


@pytest.mark.parametrize("locale", ["en-US", "es-US"])
@pytest.mark.parametrize("address", PAGES)
async def test_axe_finds_nothing_in_light_or_dark(read: Open, address: str, locale: str) -> None:
    page = await read(address, locale=locale)
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, "color-contrast") == []


async def test_what_can_be_tapped_is_large_enough(read: Open) -> None:
    page = await read(ONE)
    await page.locator("#share details summary").click()
    small = await page.evaluate(
        """() => [...document.querySelectorAll("main button, main .button, summary, main input"
            + ":not([type=checkbox]), #share li a")]
            .filter(e => e.checkVisibility() && e.type !== "hidden" && !e.closest(".website")
                && e.getBoundingClientRect().height < 44)
            .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert small == []


async def test_the_first_screen_says_what_is_asked_and_how_many_signed(read: Open) -> None:
    page = await read(ONE)
    for part in ("h1", ".lead", ".count strong"):
        box = await page.locator(part).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 740 - 60, part


@pytest.mark.parametrize("size", ["Letter", "A4"])
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("rest", ["", "/poster", "/sheet?sheet=123"])
async def test_every_campaign_prints_on_exactly_one_page(
    read: Open, rest: str, language: str, size: str
) -> None:
    page = await read("/campaigns", locale=f"{language}-US")
    found = await page.locator(".campaigns h2 a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    started = [address for address in found if address != "/campaigns/watched"]
    assert len(started) >= 4
    for address in started:
        await page.goto(address + rest)
        paper = await page.pdf(format=size, prefer_css_page_size=True)
        assert len(re.findall(rb"/Type /Page[\n/ ]", paper)) == 1, address + rest


async def test_paper_shows_what_is_asked_and_a_large_code_and_nothing_else(read: Open) -> None:
    page = await read(ONE)
    await page.emulate_media(media="print")
    for part in ("h1", ".lead", ".scan .qr", ".scan .address"):
        assert await page.locator(part).first.is_visible(), part
    for part in ("form", ".places", "#share", ".map", ".story", ".sources"):
        for each in await page.locator(part).all():
            assert not await each.is_visible(), part
    box = await page.locator(".scan .qr").bounding_box()
    assert box is not None
    assert box["width"] > 300


async def test_the_link_is_shared_with_the_phones_own_sheet(visit: Open) -> None:
    page = await visit(ONE)
    await expect(page.locator(".share-now")).to_be_hidden()  # this Chromium has no such sheet
    await page.add_init_script(
        "navigator.share = async (what) => { document.documentElement.dataset.shared"
        " = JSON.stringify(what); };"
    )
    await page.reload()
    await page.locator(".share-now").click()
    shared = await page.evaluate("JSON.parse(document.documentElement.dataset.shared)")
    assert shared["title"] == "End ICE holds and transfers"
    assert shared["url"].endswith(f"{ONE}?lang=en")
    assert set(shared) == {"title", "text", "url"}


async def test_the_link_is_copied_with_one_press(visit: Open) -> None:
    page = await visit(ONE, permissions=["clipboard-read", "clipboard-write"])
    await page.locator('.copy[data-copy="link"]').click()
    await expect(page.locator('.copy[data-copy="link"]')).to_have_text("Copied")
    assert (await page.evaluate("navigator.clipboard.readText()")).endswith(f"{ONE}?lang=en")


async def test_without_scripts_the_page_says_and_does_the_same(visit: Open) -> None:
    page = await visit(ONE, java_script_enabled=False)
    await expect(page.locator("form.sign")).to_be_visible()
    await expect(page.locator(".count strong")).to_be_visible()
    await expect(page.locator("#link")).to_be_visible()
    await expect(page.locator(".scan .qr")).to_be_visible()
    for button in await page.locator(".share-now, .copy").all():
        assert not await button.is_visible()


async def test_the_numbers_follow_while_somebody_reads(
    visit: Open, watched: asyncpg.Connection
) -> None:
    page = await visit("/campaigns")
    await page.clock.install()
    await page.goto("/campaigns/watched")
    await expect(page.locator(".count strong")).to_have_text("Fewer than 10")
    await page.locator("#name").fill("Ana")
    await watched.execute(
        """INSERT INTO published_count
               (campaign, confirmed, awaiting, phones, set_aside, counted_at)
           SELECT id, 40, 0, 0, 0, now() FROM campaign WHERE slug = 'watched'"""
    )
    await page.clock.fast_forward(21_000)
    await expect(page.locator(".count strong")).to_have_text("40")
    await expect(page.locator("#name")).to_be_focused()
    await expect(page.locator("#name")).to_have_value("Ana")
    await expect(page.locator("progress")).to_have_attribute("value", "40")


async def test_nobody_asks_for_numbers_while_the_page_is_out_of_sight(visit: Open) -> None:
    page = await visit("/campaigns")
    await page.clock.install()
    await page.add_init_script(
        "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'});"
    )
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(ONE)
    await expect(page.locator("html[data-ready]")).to_have_count(1)
    await page.clock.fast_forward(65_000)
    await page.evaluate("fetch('/healthz')")
    assert not [address for address in asked if "/numbers" in address]


@pytest.fixture
async def other_site() -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """`await other_site(html)`: the address of a page with that in it, on a site of its own."""
    async with AsyncExitStack() as stack:

        async def serve(html: str) -> str:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                head = f"Content-Type: text/html\r\nContent-Length: {len(html.encode())}"
                writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n{html}".encode())
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

        yield serve


async def test_the_counter_stands_in_another_page_and_no_other_page_does(
    whole_chromium: Browser, served: Served, other_site: Callable[[str], Awaitable[str]]
) -> None:
    context = await whole_chromium.new_context(viewport={"width": 360, "height": 740})
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    frame = f'<iframe src="{served.url}{ONE}/embed?lang=es" width="320" height="260"></iframe>'
    await page.goto(await other_site(frame))
    counter = page.frame_locator("iframe")
    await expect(counter.locator("h1")).to_have_text("Fin a las retenciones y entregas a ICE")
    await expect(counter.locator(".count strong")).to_be_visible()
    inside = page.frames[1]
    assert await inside.evaluate("getComputedStyle(document.body).margin") == "0px"
    assert await inside.evaluate("document.documentElement.scrollWidth") <= 320
    assert await inside.evaluate("document.documentElement.scrollHeight") <= 260
    ours = [address.removeprefix(served.url) for address in asked if served.url in address]
    assert len(ours) == 2, "the page and its style"
    await page.goto(await other_site(f'<iframe src="{served.url}{ONE}"></iframe>'))
    await expect(page.frame_locator("iframe").locator("h1")).to_contain_text("blocked")
    await context.close()


async def test_without_a_signal_a_campaign_says_so(visit: Open) -> None:
    page = await visit("/")
    await page.evaluate(
        """async () => {
            await navigator.serviceWorker.ready;
            if (!navigator.serviceWorker.controller)
                await new Promise(r => navigator.serviceWorker.oncontrollerchange = r);
        }"""
    )
    await page.context.set_offline(True)
    await page.goto(ONE)
    await expect(page.locator("h1")).to_contain_text("offline", ignore_case=True)


@pytest.mark.parametrize(
    ("name", "address", "options"),
    [
        ("campaigns", "/campaigns", {"color_scheme": "light"}),
        ("campaign-es-dark", ONE, {"color_scheme": "dark", "locale": "es-US"}),
    ],
)
async def test_pictures_to_look_at(
    visit: Open, name: str, address: str, options: dict[str, str]
) -> None:
    page = await visit(address, **options)
    folder = HOUSE / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    assert len(await page.screenshot(path=folder / f"{name}.png", scale="css")) > 5000
