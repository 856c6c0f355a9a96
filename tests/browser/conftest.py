"""A person's browser: a fresh one each time, that minds every error and every other host."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.ringing import alerts_url, ringing  # noqa: F401
from tests.serving import Served, serving

# A machine may be busy; a page that does not come at all fails all the same.
expect.set_options(timeout=20_000)

Open = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def developed(served_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site in development, where there are the pseudo-language and /design."""
    log = tmp_path_factory.mktemp("developed") / "log"
    with serving(log, DATABASE_URL=served_url, DEVELOPMENT="1") as site:
        yield site


@pytest.fixture
async def visit(chromium: Browser, served: Served) -> AsyncIterator[Open]:
    """`visit("/laws", width=360, java_script_enabled=False, …)`: a page in a new browser context.

    At the end the test fails for any script error, any complaint about the CSP and any request
    to another host.
    """
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(
            address: str, width: int = 360, height: int = 740, **options: Any
        ) -> Page:
            context = await chromium.new_context(
                base_url=served.url,
                viewport={"width": width, "height": height},
                **{"locale": "en-US", **options},
            )
            stack.push_async_callback(context.close)
            watch(context, served, complaints)
            page = await context.new_page()
            await page.goto(address)
            return page

        yield open_page
    assert complaints == []


@pytest.fixture(scope="session")
async def reader(chromium: Browser) -> AsyncIterator["Reader"]:
    reader = Reader(chromium)
    yield reader
    for page in reader.pages.values():
        await page.context.close()


@pytest.fixture
async def read(reader: "Reader", served: Served) -> AsyncIterator[Open]:
    """`read("/laws", width=360, locale="es-US", …)`: a page as it comes over the network, at rest,
    in the browser of somebody who has read others before: a new browser costs three times as much.
    For walks that look, and leave nothing behind. Minds what `visit` minds."""
    reader.complaints.clear()
    yield partial(reader.read, served)
    assert reader.complaints == []


class Reader:
    """Reads one page after the other, in one tab for each kind of browser."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium = chromium
        self.pages: dict[str, Page] = {}
        self.complaints: list[str] = []

    async def read(
        self, served: Served, address: str, width: int = 360, height: int = 740, **options: Any
    ) -> Page:
        options = {"locale": "en-US", **options, "base_url": served.url}
        kind = repr(sorted(options.items()))
        if kind not in self.pages:
            context = await self.chromium.new_context(
                service_workers="block", reduced_motion="reduce", **options
            )
            watch(context, served, self.complaints)
            self.pages[kind] = await context.new_page()
        page = self.pages[kind]
        if page.url.startswith(served.url):
            await page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        await page.context.clear_cookies()
        await page.emulate_media(media="null", color_scheme=options.get("color_scheme", "light"))
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto(address)
        return page


def watch(context: BrowserContext, served: Served, complaints: list[str]) -> None:
    ours = urlsplit(served.url).netloc

    def on_request(request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https") and address.netloc != ours:
            complaints.append(f"asked another host: {request.url}")

    def on_console(message: Any) -> None:
        # A 404 that a test asks for is told there too; everything else is a fault of ours.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    context.on("request", on_request)
    context.on("console", on_console)
    context.on("weberror", lambda error: complaints.append(str(error.error)))


@pytest.fixture
async def limits_are_new(served_url: str) -> None:
    """Whoever signs here is the first of this network in a while."""
    connection = await asyncpg.connect(served_url)
    await connection.execute("DELETE FROM rate_limit")
    await connection.close()
