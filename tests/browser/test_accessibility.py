"""Everyone can use it: axe finds nothing, and it holds right to left, in forced colors, by keys."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Open
from tests.serving import HOUSE, Served

AXE = HOUSE / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

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
    "/counties/tulare/hearings",
    "/about",
    "/privacy",
    "/legal-demands",
    "/more",
    "/campaigns",
    "/campaigns/end-ice-holds-and-transfers",
    "/pledges",
    "/pledges/leave",
    "/changes",
    "/install",
    "/offline",
    "/find?q=10001",
    "/find?q=95033",
    "/nothing-here",
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
    "/canvass",
    "/design",
]
RIGHT_TO_LEFT = "qps"


@pytest.fixture
def served(developed: Served) -> Served:
    """The site in development, where there are the pseudo-language and /design."""
    return developed


async def see(read: Open, address: str, language: str = "en", **options: Any) -> Page:
    """The page in that language."""
    question = "&" if "?" in address else "?"
    return await read(f"{address}{question}lang={language}", **options)


@pytest.mark.parametrize("language", ["en", "es", RIGHT_TO_LEFT])
@pytest.mark.parametrize("address", PAGES)
async def test_axe_finds_nothing_in_light_or_dark(read: Open, address: str, language: str) -> None:
    page = await see(read, address, language)
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, "color-contrast") == []


async def test_axe_finds_nothing_when_the_bars_show(read: Open) -> None:
    page = await see(read, "/counties/san-diego")
    await page.evaluate("document.querySelectorAll('.bar').forEach(bar => { bar.hidden = false; })")
    await expect(page.locator(".bar")).to_have_count(2)
    assert await violations(page) == []


async def test_axe_finds_nothing_when_the_first_page_opens_on_a_county(read: Open) -> None:
    page = await see(read, "/")
    await page.evaluate("localStorage.setItem('county', 'san-diego')")
    await page.reload()
    await expect(page.locator("#my-county .verdict")).to_be_visible()
    assert await violations(page) == []


async def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong, by these rules of its own or by all."""
    if not await page.evaluate("'axe' in window"):
        # Evaluated, since the site's own policy lets no foreign script in.
        await page.evaluate(AXE.read_text("utf-8"))
        # The standard keeps qaa to qtz for private use, which axe's own list does not know.
        await page.evaluate(
            "axe.configure({checks: [{id: 'valid-lang', options: {value: ['en', 'es', 'qps']}}]})"
        )
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    answer = await page.evaluate("options => axe.run(options)", options)
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in answer["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("address", PAGES)
async def test_nothing_runs_off_a_small_screen_from_right_to_left(read: Open, address: str) -> None:
    page = await see(read, address, RIGHT_TO_LEFT, width=320)
    assert await page.evaluate("document.documentElement.dir") == "rtl"
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize(
    "address",
    ["/privacy", "/legal-demands", "/pledges", "/pledges/leave", "/alerts", "/alerts/mail"],
)
async def test_nothing_runs_off_a_phone_whose_letters_are_twice_as_large(
    read: Open, address: str
) -> None:
    page = await see(read, address, "es")
    await page.evaluate("document.documentElement.style.fontSize = '212.5%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


# Each of these says something with a background, which forced colors take away.
@pytest.mark.parametrize(
    ("address", "selector"),
    [
        ("/counties/san-diego", ".verdict, .card, .disagreement, .warning, .call, .choice"),
        ("/counties/modoc?on=2010-01-01", ".verdict, .then"),
        ("/counties", ".swatch, .tabs a[aria-current], .places a[aria-current]"),
        ("/laws/values-act", ".status"),
        ("/find?q=10001", "input[aria-invalid], button"),
        ("/design", ".bar, .as-of, .notice, .button, button, .status"),
    ],
)
async def test_forced_colors_leave_every_answer_its_border(
    read: Open, address: str, selector: str
) -> None:
    page = await see(read, address, forced_colors="active")
    borders = await page.evaluate(
        """selector => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility())
            .map(e => [e.className, getComputedStyle(e)])
            .map(([name, s]) => [name, s.borderTopStyle, parseFloat(s.borderTopWidth)])
        """,
        selector,
    )
    assert borders
    assert [each for each in borders if each[1] == "none" or each[2] < 1] == []


async def test_forced_colors_leave_every_answer_its_sign(read: Open) -> None:
    page = await see(read, "/design", forced_colors="active")
    signs = page.locator("section[aria-labelledby=looks] .look use")
    drawn = {str(await sign.get_attribute("href")).partition("#")[2] for sign in await signs.all()}
    assert drawn >= {"shield", "warrant", "limit", "charges", "open", "unknown", "pen"}
    box = await signs.first.bounding_box()
    assert box
    assert box["width"] > 10


@pytest.mark.parametrize("forced", ["none", "active"])
@pytest.mark.parametrize("address", ["/", "/counties/san-diego", "/counties", "/find?q=10001"])
async def test_whatever_the_keys_reach_shows_that_it_is_reached(
    read: Open, address: str, forced: str
) -> None:
    page = await see(read, address, forced_colors=forced)
    kinds, hidden = set(), []
    for _step in range(40):
        await page.keyboard.press("Tab")
        name, mark, width = await page.evaluate(
            """() => {
                const e = document.activeElement, path = e.querySelector(":scope > path");
                const s = getComputedStyle(path ?? e);
                // A county on the map has a thicker line instead: an outline would be a rectangle.
                return path ? [e.localName, "solid", parseFloat(s.strokeWidth)]
                    : [e.localName, s.outlineStyle, parseFloat(s.outlineWidth)];
            }"""
        )
        kinds.add(name)
        if name != "body" and (mark == "none" or width < 2):
            hidden.append((name, mark, width))
    assert hidden == []
    assert "a" in kinds


@pytest.mark.parametrize("address", ["/pledges", "/alerts/mail"])
async def test_whatever_the_keys_reach_is_not_behind_the_bar_at_the_bottom(
    read: Open, address: str
) -> None:
    page = await see(read, address, height=700)
    link = page.locator(".foot a").last
    for _step in range(40):
        await page.keyboard.press("Tab")
        if await link.evaluate("link => link === document.activeElement"):
            break
    await page.wait_for_function(
        """() => {
            const box = document.activeElement.getBoundingClientRect();
            const x = box.x + box.width / 2, y = box.y + box.height / 2;
            return document.elementFromPoint(x, y) === document.activeElement;
        }""",
        timeout=3000,
    )


@pytest.mark.parametrize("address", ["/", "/counties/san-diego", "/counties", "/design"])
async def test_nothing_moves_for_those_who_want_no_motion(read: Open, address: str) -> None:
    page = await see(read, address)
    moving = await page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(e => {
            const s = getComputedStyle(e);
            return s.animationName !== "none" || s.scrollBehavior === "smooth"
                || s.transitionDuration.split(", ").some(each => parseFloat(each) > 0);
        }).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert moving == []
    await page.get_by_role("link").nth(2).hover()
    assert await page.evaluate("document.getAnimations().length") == 0
