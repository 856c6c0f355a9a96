"""The site on the phone: installed, without a network, discreet, and forgotten again."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Error, Page, expect

from backend.counties import gazetteer
from tests.browser.conftest import watch
from tests.serving import Recorder, Served, serving

ANSWER = "Yes, in some cases."
LOS_ANGELES = "Not without a judge’s warrant."
SAN_DIEGO = "Officials disagree."
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
async def wire(served: Served) -> AsyncIterator[Recorder]:
    async with Recorder(served.port) as recorder:
        yield recorder


@pytest.fixture
async def phone(chromium: Browser, wire: Recorder) -> AsyncIterator[BrowserContext]:
    async with recorded(chromium, wire) as context:
        yield context


@contextlib.asynccontextmanager
async def recorded(browser: Browser, wire: Recorder) -> AsyncIterator[BrowserContext]:
    """A small phone whose every request is on record."""
    complaints: list[str] = []
    context = await browser.new_context(
        base_url=wire.url, viewport={"width": 360, "height": 740}, locale="en-US"
    )
    watch(context, Served(wire.url, wire.port, None, Path()), complaints)  # type: ignore[arg-type]
    yield context
    await context.close()
    # What a test cuts off, the browser reports; everything else is ours.
    expected = ("ERR_", "fetch", "https://www.weather.gov/")
    assert [each for each in complaints if not any(word in each for word in expected)] == []


async def first_visit(phone: BrowserContext, address: str = "/") -> Page:
    """Open the site and wait until its worker answers."""
    page = await phone.new_page()
    await page.goto(address)
    await page.evaluate(
        """async () => {
            await navigator.serviceWorker.ready;
            if (!navigator.serviceWorker.controller)
                await new Promise(r => navigator.serviceWorker.oncontrollerchange = r);
        }"""
    )
    return page


async def until(page: Page, condition: str, given: Any = None) -> None:
    """Wait for a condition in the page; Playwright's own way needs eval, which the CSP forbids."""
    for _ in range(300):
        with contextlib.suppress(Error):  # a page that is just being left answers nothing
            if await page.evaluate(condition, given):
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"never came true: {condition}")


async def asked_besides(page: Page, wire: Recorder) -> list[str]:
    """What came over the wire until now: it was sent before what we ask for here."""
    last = "/healthz?the-last-one"
    await page.evaluate("(last) => fetch(last, { cache: 'no-store' })", last)
    return [path for path in wire.paths() if path != last]


async def look_up(page: Page, typed: str) -> None:
    await page.goto("/")
    await page.get_by_label("ZIP code, city or county").fill(typed)
    await page.get_by_label("ZIP code, city or county").press("Enter")


async def test_after_one_visit_everything_that_matters_opens_without_a_network(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone)
    wire.connected = False
    await phone.set_offline(True)

    await look_up(page, "90012")
    await expect(page).to_have_url(re.compile("/counties/los-angeles$"))
    await expect(page.locator(".verdict")).to_have_text(LOS_ANGELES)
    await expect(page.locator(".as-of")).to_contain_text("Saved on this phone. As of")

    await look_up(page, "95112")
    await expect(page).to_have_url(re.compile("/counties/santa-clara$"))

    shared = next(z for z in gazetteer.zips().values() if len(z.counties) == 2)
    await look_up(page, shared.zip)
    await expect(page.get_by_role("heading", name="Which county?")).to_be_visible()
    await expect(page.locator(".choice")).to_have_count(2)
    await page.locator(".choice").first.click()
    await expect(page.locator(".verdict")).to_have_text(LOS_ANGELES)

    await look_up(page, "san fran")
    await expect(page).to_have_url(re.compile("/counties/san-francisco$"))
    await look_up(page, 'Lozz"Ann<b>')
    await expect(page.get_by_label("ZIP code, city or county")).to_have_value('Lozz"Ann<b>')
    await expect(page.get_by_text("We know no ZIP code, city or county")).to_be_visible()

    await page.goto("/laws")
    await page.get_by_role("link", name="California Values Act").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("California Values Act")
    await expect(page.locator(".places a[aria-current]")).to_have_text("More")

    await page.get_by_role("link", name="Español").click()
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await page.get_by_role("link", name="Más", exact=True).click()
    await page.get_by_role("link", name="Los 58 condados").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Los 58 condados")
    await page.goto("/counties/alameda")
    await expect(page.locator("h1")).to_have_text("Condado de Alameda")

    for address in (
        "/about",
        "/privacy",
        "/legal-demands",
        "/data",
        "/install",
        "/counties?question=transfer",
    ):
        await page.goto(address)
        await expect(page.locator(".as-of")).to_be_visible()

    await page.goto("/counties/alameda?on=2014-03-01")
    await expect(page.get_by_role("heading", level=1)).to_have_text("No tiene conexión")


async def test_a_phone_set_to_spanish_reads_spanish_without_a_network(
    chromium: Browser, served: Served
) -> None:
    context = await chromium.new_context(base_url=served.url, locale="es-MX")
    page = await first_visit(context)
    await until(page, "caches.match('/offline/language').then(kept => Boolean(kept))")
    await context.set_offline(True)
    await page.goto("/counties/kern")
    await expect(page.locator("h1")).to_have_text("Condado de Kern")
    await expect(page.locator(".as-of")).to_contain_text("Guardado en este teléfono")
    await context.close()


async def test_once_the_worker_is_there_no_county_is_asked_of_the_server(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone)
    wire.lines.clear()
    for typed, slug in (("93701", "fresno"), ("Bakersfield", "kern"), ("oc", "orange")):
        await look_up(page, typed)
        await expect(page).to_have_url(re.compile(f"/counties/{slug}$"))
        await expect(page.locator(".verdict")).to_have_text(ANSWER)
    await page.goto("/counties")
    await page.locator(".county-answers a", has_text="Modoc").click()
    await expect(page.locator("h1")).to_have_text("Modoc County")
    told = " ".join(await asked_besides(page, wire))
    assert not re.search("fresno|kern|orange|modoc|93701|akersfield|/find|/counties", told), told


async def test_a_location_is_worked_out_without_a_network_too(
    phone: BrowserContext, wire: Recorder
) -> None:
    await phone.grant_permissions(["geolocation"])
    await phone.set_geolocation({"longitude": -118.2427, "latitude": 34.0537})
    page = await first_visit(phone)
    wire.connected = False
    await phone.set_offline(True)
    await page.goto("/")
    await page.get_by_role("button", name="Use my location").click()
    await expect(page).to_have_url(re.compile("/counties/los-angeles$"))


async def test_another_day_is_asked_of_the_server_and_today_is_not(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone)
    await page.goto("/counties/san-diego")
    wire.lines.clear()
    await page.get_by_text("What changed over time").click()
    await page.get_by_role("link", name="January 1, 2014").click()
    await expect(page.get_by_text("This held on January 1, 2014.")).to_be_visible()
    assert "/counties/san-diego?on=2014-01-01" in wire.paths()
    wire.lines.clear()
    await page.get_by_role("link", name="Show today").click()
    await expect(page.locator(".verdict")).to_have_text(SAN_DIEGO)
    assert not any("san-diego" in path for path in wire.paths())


async def test_an_update_is_offered_and_taken_on_a_tap(
    chromium: Browser, served: Served, served_url: str, tmp_path: Path
) -> None:
    context = await chromium.new_context(viewport={"width": 360, "height": 740}, locale="en-US")
    with serving(tmp_path / "first", DATABASE_URL=served_url, RELEASE="1") as site:
        phone, port = context, site.port
        page = await phone.new_page()
        await page.goto(f"{site.url}/counties/modoc")
        await until(page, "Boolean(navigator.serviceWorker.controller)")
        await expect(page.locator("#update-bar")).to_be_hidden()
        before = await page.evaluate("caches.keys()")
    # Nobody answers now; what is on the phone does.
    await page.goto(f"{site.url}/counties/inyo")
    await expect(page.locator(".verdict")).to_have_text(ANSWER)
    with serving(tmp_path / "second", port=port, DATABASE_URL=served_url, RELEASE="2"):
        await page.goto(f"{site.url}/")
        await page.get_by_label("ZIP code, city or county").fill("half typ")
        await page.evaluate("navigator.serviceWorker.getRegistration().then(r => r.update())")
        # The new release first fetches the whole record, which the server then makes anew.
        await expect(page.locator("#update-bar")).to_be_visible(timeout=30_000)
        # Not forced: what was typed is still there, the old release still answers.
        box = page.get_by_label("ZIP code, city or county")
        await expect(box).to_have_value("half typ")
        async with page.expect_navigation():
            await page.get_by_role("button", name="Update").click()
        await expect(page.locator("#update-bar")).to_be_hidden()
        old = [name for name in before if name != "record"]
        assert len(old) == 1
        await until(page, f"caches.keys().then(names => !names.includes({old[0]!r}))")
    await context.close()


async def test_the_kill_switch_takes_the_worker_and_its_caches_away(
    chromium: Browser, served_url: str, tmp_path: Path
) -> None:
    context = await chromium.new_context(locale="en-US")
    with serving(tmp_path / "first", DATABASE_URL=served_url) as site:
        page = await context.new_page()
        await page.goto(site.url)
        await until(page, "Boolean(navigator.serviceWorker.controller)")
    with serving(tmp_path / "second", port=site.port, DATABASE_URL=served_url, KILL_WORKER="1"):
        await page.goto(f"{site.url}/about")
        await page.evaluate("navigator.serviceWorker.getRegistration().then(r => r?.update())")
        await until(
            page,
            """(async () => !(await navigator.serviceWorker.getRegistrations()).length
                && !(await caches.keys()).length)()""",
        )
    await context.close()


async def test_my_county_is_kept_on_the_phone_and_opens_first(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, "/counties/kern")
    wire.lines.clear()
    await page.get_by_role("button", name="This is my county").click()
    await expect(page.get_by_role("button", name="My county: kept")).to_be_visible()
    await page.goto("/")
    mine = page.locator("#my-county")
    await expect(mine.locator("h2")).to_have_text("Kern County")
    await expect(mine.locator(".verdict")).to_have_text(ANSWER)
    await expect(mine.get_by_text("Nothing changed since you were last here.")).to_be_visible()
    # All of the block that the county's own page has, and nothing of it in another's place.
    here = await mine.locator(".first-screen > :not(h2)").all_inner_texts()
    await page.goto("/counties/kern")
    assert here == await page.locator(".first-screen > :not(h1)").all_inner_texts()
    assert "Keep someone longer for ICE" in " ".join(here)
    await page.goto("/")
    for link in await mine.locator(".first-screen a").all():
        assert (await link.get_attribute("href") or "").startswith("/"), "it would lead nowhere"
    assert await phone.cookies() == [] or "kern" not in str(await phone.cookies())
    assert not any("kern" in path for path in wire.paths())

    # As if the last visit had been long ago, before anything was on record.
    await page.evaluate("localStorage.setItem('seen', '2020-01-01')")
    await page.goto("/")
    await expect(mine.get_by_role("heading", name="Changed since")).to_be_visible()
    await mine.get_by_role("link", name="January 1, 2014").click()
    await expect(page).to_have_url(re.compile(r"/counties/kern\?on=2014-01-01$"))

    await page.goto("/counties/kern")
    await page.get_by_role("button", name="My county: kept").click()
    await page.goto("/")
    await expect(mine).to_be_hidden()


@pytest.mark.parametrize("connected", [True, False], ids=["online", "offline"])
async def test_forget_this_phone_clears_every_local_thing(
    phone: BrowserContext, wire: Recorder, connected: bool
) -> None:
    page = await first_visit(phone, "/?lang=es")
    await page.evaluate("localStorage.setItem('county', 'kern')")
    await page.goto("/privacy?lang=en")
    if not connected:
        wire.connected = False
        await phone.set_offline(True)
    await page.get_by_role("button", name="Forget this phone").click()
    if connected:
        await expect(page.get_by_role("heading", level=1)).to_have_text("This phone has forgotten")
    else:
        await expect(
            page.get_by_text("There is no connection. Gone from this phone")
        ).to_be_visible()
    await expect(page.locator("html[data-ready]")).to_have_count(1)
    await until(
        page,
        """async (kept) => JSON.stringify([Object.keys(localStorage), sessionStorage.length,
            document.cookie, (await caches.keys()).length, (await indexedDB.databases()).length,
            (await navigator.serviceWorker.getRegistrations()).length])
            === JSON.stringify([kept, 0, "", 0, 0, 0])""",
        [] if connected else ["forget"],
    )
    assert await phone.cookies() == []


async def test_what_a_script_cannot_reach_is_forgotten_at_the_next_connection(
    phone: BrowserContext, wire: Recorder
) -> None:
    """Cookies that no script may read, and what they open."""
    page = await first_visit(phone, "/privacy?lang=en")
    hidden = [
        {"name": name, "value": "x" * 43, "url": wire.url, "httpOnly": True, "sameSite": "Lax"}
        for name in ("alerts", "pledge", "sheet")
    ]
    await phone.add_cookies(hidden)  # type: ignore[arg-type]
    wire.connected = False
    await phone.set_offline(True)
    await page.get_by_role("button", name="Forget this phone").click()
    await expect(page.get_by_text("Still there until there is a connection")).to_be_visible()
    assert {each["name"] for each in await phone.cookies()} == {"alerts", "pledge", "sheet"}
    wire.connected = True
    await phone.set_offline(False)
    async with page.expect_response("**/forget"):
        await page.goto("/")
    await until(page, "() => localStorage.getItem('forget') === null")
    assert not {each["name"] for each in await phone.cookies()} & {"alerts", "pledge", "sheet"}


@pytest.fixture
async def ringing_phone(whole_chromium: Browser, wire: Recorder) -> AsyncIterator[BrowserContext]:
    async with recorded(whole_chromium, wire) as context:
        yield context


async def test_alerts_that_lie_on_the_screen_are_closed(ringing_phone: BrowserContext) -> None:
    phone = ringing_phone
    await phone.grant_permissions(["notifications"])
    page = await first_visit(phone, "/privacy?lang=en")
    await page.evaluate(
        "navigator.serviceWorker.ready.then((it) => it.showNotification('Forum in Kern'))"
    )
    shown = (
        "navigator.serviceWorker.ready.then((it) => it.getNotifications()).then((a) => a.length)"
    )
    assert await page.evaluate(shown) == 1
    # Before the worker goes, which alone could tell of them.
    await page.evaluate(
        """() => { ServiceWorkerRegistration.prototype.unregister = async () => {
            window.left = (await (await navigator.serviceWorker.ready).getNotifications()).length;
        }; }"""
    )
    await page.route("**/forget", lambda route: route.abort())
    await page.get_by_role("button", name="Forget this phone").click()
    await expect(page.get_by_text("There is no connection")).to_be_visible()
    assert await page.evaluate("window.left") == 0


async def test_without_scripts_the_server_tells_the_browser_to_forget(
    chromium: Browser, served: Served
) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="en-US")
    page = await context.new_page()
    await page.goto(f"{served.url}/privacy?lang=es")
    await page.get_by_role("button", name="Borrar todo de este teléfono").click()
    await expect(page).to_have_url(re.compile("/forgotten$"))
    assert await context.cookies() == []
    await context.close()


async def test_exit_leaves_without_a_way_back_to_the_page(phone: BrowserContext) -> None:
    left = []

    async def weather(route: object) -> None:
        left.append(route.request.url)  # type: ignore[attr-defined]
        await route.fulfill(body="Sunny", content_type="text/plain")  # type: ignore[attr-defined]

    await phone.route("https://www.weather.gov/**", weather)
    page = await phone.new_page()
    await page.goto("/about")
    await page.goto("/counties/kern")
    await page.get_by_role("link", name="Exit").click()
    await expect(page).to_have_url("https://www.weather.gov/")
    await page.go_back()
    await expect(page).to_have_url(re.compile("/about$"))


async def test_installing_is_asked_after_something_useful_and_not_again_after_a_no(
    phone: BrowserContext,
) -> None:
    page = await first_visit(phone)
    bar = page.locator("#install-bar")
    await expect(bar).to_be_hidden()
    await page.goto("/counties/kern")
    await expect(bar).to_be_hidden()
    await page.goto("/counties/modoc")
    await expect(bar).to_be_visible()
    await bar.get_by_role("button", name="Not now").click()
    await expect(bar).to_be_hidden()
    await page.goto("/counties/inyo")
    await expect(page.locator("html[data-ready=yes]")).to_be_attached()
    await expect(bar).to_be_hidden()
    await page.evaluate("localStorage.setItem('install-no', Date.now() - 31 * 24 * 3600 * 1000)")
    await page.goto("/counties/mono")
    await expect(bar).to_be_visible()


@pytest.mark.parametrize(
    ("agent", "heading"),
    [
        (IPHONE, "iPhone or iPad with Safari"),
        (IPHONE.replace("Version/19.1", "CriOS/140.0"), "iPhone or iPad with Chrome"),
        ("Mozilla/5.0 (Linux; Android 12; K) Chrome/140 Mobile Safari/537.36", "with Chrome"),
        ("Mozilla/5.0 (Linux; Android 12) SamsungBrowser/28.0 Chrome/130", "Samsung Internet"),
        ("Mozilla/5.0 (Android 12; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0", "with Firefox"),
        (IPHONE + " [FBAN/FBIOS;FBAV/500.0]", "Inside WhatsApp"),
        ("Mozilla/5.0 (Linux; Android 12; K; wv) Chrome/140 Mobile", "Inside WhatsApp"),
    ],
)
async def test_each_browser_gets_its_own_steps(
    chromium: Browser, served: Served, agent: str, heading: str
) -> None:
    context = await chromium.new_context(user_agent=agent, locale="en-US")
    page = await context.new_page()
    await page.goto(f"{served.url}/install")
    await expect(page.locator("html[data-ready=yes]")).to_be_attached()
    visible = page.locator(".coach:visible h2")
    await expect(visible).to_have_count(1)
    await expect(visible).to_contain_text(heading)
    await context.close()


async def test_chromium_finds_nothing_that_keeps_it_from_installing(
    phone: BrowserContext,
) -> None:
    page = await first_visit(phone)
    session = await phone.new_cdp_session(page)
    errors = await session.send("Page.getInstallabilityErrors")
    # A context without a profile is private browsing, which never installs anything.
    found = [e for e in errors["installabilityErrors"] if e["errorId"] != "in-incognito"]
    assert found == []
    manifest = await session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest?lang=en")
