"""How the pages look: nothing runs off a small screen, targets can be hit, pictures for README."""

import io

import pytest
from PIL import Image

from tests.browser.conftest import Open
from tests.serving import HOUSE

PAGES = [
    "/",
    "/counties/san-diego",
    "/counties/modoc?on=2010-01-01",
    "/counties",
    "/counties?question=rule_maker",
    "/laws",
    "/laws/values-act",
    "/data",
    "/alerts",
    "/hearings",
    "/hearings?county=modoc",
    "/hearings/past",
    "/hearings/forums",
    "/counties/tulare/hearings",
    "/about",
    "/privacy",
    "/changes",
    "/find?q=10001",
    "/find?q=95033",
    "/install",
    "/offline",
    "/forgotten",
    "/enrollment",
    "/enrollment/guide",
    "/enrollment/safe",
    "/detained",
    "/counties/fresno/detained",
    "/counties/modoc/detained",
    "/detained/find",
    "/detained/places",
    "/detained/calls",
    "/detained/family",
    "/detained/card",
    "/enrollment/places",
    "/enrollment/places?zip=93721",
    "/enrollment/places?zip=94303",
    "/nothing-here",
]

PICTURES = {
    "home": ("/", {"color_scheme": "light"}),
    "county": ("/counties/san-diego", {"color_scheme": "light"}),
    "county-es-dark": ("/counties/los-angeles", {"color_scheme": "dark", "locale": "es-US"}),
    "past": ("/counties/orange?on=2014-06-10", {"color_scheme": "light"}),
    "counties": ("/counties?question=transfer", {"color_scheme": "light"}),
    "laws": ("/laws", {"color_scheme": "dark"}),
}

TEN = (
    ("san-diego", "en-US", "light"),
    ("santa-clara", "en-US", "light"),
    ("fresno", "es-US", "light"),
    ("modoc", "en-US", "light"),
    ("los-angeles", "es-US", "dark"),
    ("humboldt", "es-US", "light"),
    ("san-francisco", "en-US", "dark"),
    ("marin", "en-US", "light"),
    ("orange", "es-US", "light"),
    ("tulare", "en-US", "dark"),
)


@pytest.mark.parametrize("locale", ["en-US", "es-US"])
@pytest.mark.parametrize("address", PAGES)
async def test_nothing_runs_off_a_screen_of_320_pixels(
    read: Open, address: str, locale: str
) -> None:
    page = await read(address, width=320, locale=locale)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320, "unfolded"
    assert await page.locator("h1").count() == 1


@pytest.mark.parametrize("address", PAGES)
async def test_text_at_twice_its_size_still_fits(read: Open, address: str) -> None:
    page = await read(address, width=640)
    await page.evaluate("document.documentElement.style.fontSize = '212.5%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640


@pytest.mark.parametrize("address", ["/", "/counties/san-diego", "/counties", "/find?q=95033"])
async def test_what_can_be_tapped_is_large_enough(read: Open, address: str) -> None:
    page = await read(address)
    small = await page.evaluate(
        """() => [...document.querySelectorAll("button, input, .button, .choice, .places a,"
            + " .languages a, .tabs a, .county-list a, .county-answers a, .phone")]
            .filter(e => e.checkVisibility() && e.type !== "hidden" && e.getBoundingClientRect().height < 44)
            .map(e => e.outerHTML.slice(0, 80))"""  # noqa: E501
    )
    assert small == []


async def test_paper_shows_the_record_its_sources_and_the_way_back(read: Open) -> None:
    page = await read("/counties/san-diego")
    await page.emulate_media(media="print")
    assert await page.locator(".paper .qr").is_visible()
    assert await page.locator(".sources").is_visible()
    assert not await page.locator(".places").is_visible()
    assert not await page.locator("form.go-back").is_visible()


@pytest.mark.parametrize("name", PICTURES)
async def test_pictures_for_the_readme(visit: Open, name: str) -> None:
    address, options = PICTURES[name]
    page = await visit(address, **options)
    folder = HOUSE / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    picture = await page.screenshot(path=folder / f"{name}.png", scale="css")
    assert len(picture) > 5000
    shown = HOUSE / "frontend" / "assets" / "img" / "screens" / f"{name}.png"
    assert shown.exists(), "README shows this picture: copy it from var/screenshots/"


async def test_ten_counties_for_the_readme(read: Open) -> None:
    """Their first screens: one disputed, one whose words nobody read, one with figures, one with
    nothing of its own, and others."""
    sheet = Image.new("RGB", (5 * 372, 2 * 652), "#8a8177")
    for number, (slug, locale, scheme) in enumerate(TEN):
        page = await read(
            f"/counties/{slug}", width=360, height=640, locale=locale, color_scheme=scheme
        )
        picture = Image.open(io.BytesIO(await page.screenshot(scale="css")))
        sheet.paste(picture, (6 + number % 5 * 372, 6 + number // 5 * 652))
    folder = HOUSE / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    sheet.quantize(128).save(folder / "ten-counties.png", optimize=True)
    shown = HOUSE / "frontend" / "assets" / "img" / "screens" / "ten-counties.png"
    assert shown.exists(), "README shows this picture: copy it from var/screenshots/"


async def test_a_county_with_the_states_rules_alone_prints_on_one_sheet(read: Open) -> None:
    page = await read("/counties/modoc")
    sheet = await page.pdf(format="Letter", prefer_css_page_size=True)
    assert sheet.count(b"/Type /Page\n") + sheet.count(b"/Type /Page/") == 1
