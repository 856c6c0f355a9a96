"""A person's browser: a fresh one each time, that minds every error and every other host."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.ringing import alerts_url, ringing  # noqa: F401
from tests.serving import Served

# A machine may be busy; a page that does not come at all fails all the same.
expect.set_options(timeout=20_000)

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def visit(chromium: Browser, served: Served) -> AsyncIterator[Open]:
    """`visit("/laws", width=360, javaScriptEnabled=False, …)`: a page in a new browser context.

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
                locale=options.pop("locale", "en-US"),
                **options,
            )
            stack.push_async_callback(context.close)
            watch(context, served, complaints)
            page = await context.new_page()
            await page.goto(address)
            return page

        yield open_page
    assert complaints == []


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
