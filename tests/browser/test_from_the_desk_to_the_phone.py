"""A whole shift: planned at the desk, its code scanned by a phone, signed on it, taken off, and
what waited on it handed in as a file and looked at."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.bad_line import Line
from tests.browser.canvassers import (
    SLUG,
    Market,
    Person,
    on_the_home_screen,
    open_site,
    saved_file,
    set_up,
    sign,
)
from tests.browser.staff import joined
from tests.browser.test_canvassing_at_the_desk import STILL, look
from tests.databases import copied
from tests.serving import Served

ANA = Person("Ana López", "ana@example.org", language="es", zip="95404")
LUZ = Person("Luz Díaz", "luz@example.org", zip="94601")


@pytest.fixture
def site(server_url: str, database_url: str, tmp_path: Path) -> Iterator[Served]:
    with copied(server_url, "shift") as url, open_site(url, tmp_path) as site:
        yield site


async def test_a_shift_from_its_plan_to_the_last_sign_up(
    chromium: Browser, site: Served, tmp_path: Path
) -> None:
    market = await Market.open(site, "Somebody else’s market")
    async with (
        joined(chromium, site, "Lola of the shift", "canvass_lead", **STILL) as lola,
        joined(chromium, site, "Carla of the shift", "campaigner", **STILL) as carla,
        Line(site.port) as line,
    ):
        desk = lola.page
        await desk.goto("/desk/canvass/new")
        await desk.locator("#event").fill("Sunday market")
        await desk.locator("#names").fill("Rosa")
        await desk.locator("#first").select_option(label="End ICE holds and transfers")
        await desk.get_by_role("button", name="Save").click()
        await expect(desk.get_by_role("heading", level=1)).to_have_text("Sunday market")
        shift = desk.url
        await desk.get_by_role("button", name="Show a code for Rosa").click()
        letters = await desk.locator(".code-in-letters").inner_text()
        address = f"{line.url}/canvass#{letters.replace('-', '')}"
        async with on_the_home_screen(chromium.browser_type, address, tmp_path / "phone") as phone:
            await set_up(phone)
            # The lead sees it without doing anything.
            await expect(desk.locator("#work")).to_contain_text("Rosa · the tangerine one")
            await phone.locator("#hand-over").click()
            await sign(phone, ANA)
            await market.until("SELECT 1 FROM pledge WHERE via IS NOT NULL")
            await desk.goto(shift)
            await expect(desk.locator(".tallies")).to_contain_text(
                re.compile(r"1\s*signed|signed\s*1")
            )
            line.connected = False
            await sign(phone, LUZ)
            await desk.locator("#work summary").click()
            await look(desk, "canvass-phones")
            await desk.get_by_role("button", name="Take this phone off").click()
            await expect(desk.get_by_text("Taken off on")).to_be_visible()
            line.connected = True
            await phone.reload()
            await expect(phone.locator("#revoked")).to_be_visible()
            content = await saved_file(phone, "#revoked")

        await desk.goto("/desk/canvass/files")
        file = {"name": "queue.txt", "mimeType": "text/plain", "buffer": content}
        await desk.locator("#file").set_input_files(files=[file])
        await desk.get_by_role("button", name="Hand it in").click()
        await expect(desk.get_by_text("All of it is done.")).to_be_visible(timeout=30_000)
        await expect(desk.locator("table")).to_contain_text("Somebody has to look at them first")
        await look(desk, "canvass-file")

        review = carla.page
        await review.goto("/desk")
        await review.get_by_role("link", name="sign-up from a canvasser waits").click()
        await expect(review.get_by_role("link", name="It came from a phone")).to_be_visible()
        await look(review, "canvass-review-list")
        await review.get_by_role("link", name="It came from a phone").click()
        await expect(review.locator("#name")).to_have_value("Luz Díaz")
        await look(review, "canvass-review-one")
        await review.get_by_role("button", name="It is right: take it").click()
        await expect(review.get_by_text("Nothing waits for you.")).to_be_visible()
        await desk.goto(f"{shift}/totals")
        await expect(
            desk.get_by_role("row", name=re.compile("a canvasser’s phone 2"))
        ).to_be_visible()
        rows = await market.ask(
            "SELECT source, via FROM pledge JOIN campaign ON campaign.id = pledge.campaign"
            " WHERE campaign.slug = $1",
            SLUG,
        )
        assert len({row["via"] for row in rows}) == 1
        assert [row["source"] for row in rows] == ["canvass", "canvass"]
