"""Every piece of the pages on one page, to be looked at."""

import httpx
import pytest

from tests.browser.conftest import Open
from tests.serving import HOUSE, Served

LOOKS = {
    "light": ("en", {"color_scheme": "light"}),
    "dark": ("en", {"color_scheme": "dark"}),
    "rtl": ("qps", {"color_scheme": "light"}),
    "forced": ("en", {"forced_colors": "active"}),
}


@pytest.fixture
def served(developed: Served) -> Served:
    """The site in development, where /design is."""
    return developed


@pytest.mark.parametrize("name", LOOKS)
async def test_every_piece_fits_a_phone(visit: Open, name: str) -> None:
    code, options = LOOKS[name]
    page = await visit(f"/design?lang={code}", width=360, service_workers="block", **options)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    folder = HOUSE / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    picture = await page.screenshot(path=folder / f"design-{name}.png", full_page=True, scale="css")
    assert len(picture) > 50_000


async def test_the_page_of_pieces_is_there_in_development_only(
    client: httpx.AsyncClient, served: Served
) -> None:
    assert (await client.get("/design")).status_code == 404
    assert httpx.get(f"{served.url}/design", timeout=30).status_code == 200
