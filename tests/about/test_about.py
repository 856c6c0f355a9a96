"""Who we are, and whose data we use."""

import httpx


async def test_the_sources_of_zip_codes_are_credited(client: httpx.AsyncClient) -> None:
    page = (await client.get("/about")).text
    for name in ("GeoNames", "HUD", "Creative Commons Attribution 4.0", "U.S. Census Bureau"):
        assert name in page


async def test_privacy_promises_nothing_it_cannot_keep(client: httpx.AsyncClient) -> None:
    page = (await client.get("/privacy")).text
    assert "never shared" not in page
    assert "We never ask for immigration status" in page
