"""Who comes by the code on a table is counted for it, and nobody else notices."""

import re
from typing import Any

import httpx
import pytest

from backend.campaigns.tables import Campaign, Pledge
from backend.web import page_cache
from tests.campaigns.conftest import boxes
from tests.campaigns.working import confirm, receipt_in

ANA = {"name": "Ana López", "contact": "ana@example.org", "zip": "95404"}
OURS = {"Sec-Fetch-Site": "same-origin"}
PAGE = "/campaigns/end-holds-here"


def hidden(page: httpx.Response) -> list[str]:
    return re.findall(r'<input type="hidden" name="via" value="([^"]*)">', page.text)


async def sent(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    data = {**ANA, **await boxes("pledge"), **fields}
    return await client.post(f"{PAGE}/pledges", data=data, headers=OURS)


async def vias() -> list[str | None]:
    return [row["via"] for row in await Pledge.select(Pledge.via)]


async def test_the_form_carries_the_code_to_the_pledge_without_a_script(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await client.get(f"{PAGE}?via=K7QM-X9RT")
    assert hidden(page) == ["K7QMX9RT"]
    assert (await sent(client, via=hidden(page)[0])).status_code == 200
    assert await vias() == ["K7QMX9RT"]


async def test_it_goes_through_a_mistake_with_and_without_htmx(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    plain = await sent(client, via="K7QMX9RT", name="")
    assert plain.status_code == 422
    assert hidden(plain) == ["K7QMX9RT"]
    part = await client.post(
        f"{PAGE}/pledges",
        data={**ANA, "via": "K7QMX9RT", "zip": "1"},
        headers={**OURS, "HX-Request": "true", "HX-Request-Type": "partial"},
    )
    assert hidden(part) == ["K7QMX9RT"]
    assert "<html" not in part.text


async def test_it_goes_through_the_choice_of_another_language(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await client.get(f"{PAGE}?via=K7QMX9RT")
    assert 'href="?via=K7QMX9RT&amp;lang=es"' in page.text
    assert hidden(await client.get(f"{PAGE}?via=K7QMX9RT&lang=es")) == ["K7QMX9RT"]


async def test_it_stays_when_the_signer_confirms(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await sent(client, via="K7QMX9RT")
    assert await confirm(receipt_in(page))
    assert await vias() == ["K7QMX9RT"]


@pytest.mark.parametrize(
    "given", ["", "K7QM", "K7QMX9RTX", "<script>", "~via~", "%00%00", "ü" * 8, "x" * 2000]
)
async def test_what_cannot_be_a_code_is_left_out_in_silence(
    client: httpx.AsyncClient, campaign: Campaign, given: str
) -> None:
    page = await client.get(PAGE, params={"via": given})
    assert page.status_code == 200
    assert hidden(page) == []
    assert "~via~" not in page.text
    assert (await sent(client, via=given.replace("%00", "\0"))).status_code == 200
    assert await vias() == [None]


async def test_a_code_that_nobody_gave_out_is_taken_like_any(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    """Which codes there are is known to another room: it counts only its own."""
    assert (await sent(client, via="ZZZZZZZZ")).status_code == 200
    assert await vias() == ["ZZZZZZZZ"]


async def test_however_many_codes_there_are_two_pages_are_kept(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page_cache.clear()
    for number in range(10, 60):
        page = await client.get(f"{PAGE}?via=K7QMX9{number}")
        assert hidden(page) == [f"K7QMX9{number}"]
        assert page.headers["cache-control"] == "no-cache"
    await client.get(PAGE)
    mine = [key for key in page_cache._kept if key[0][:2] == ("campaign", "end-holds-here")]  # type: ignore[index]
    assert len(mine) == 2
    one, other = [await client.get(f"{PAGE}?via=K7QMX9{each}") for each in ("10", "11")]
    assert one.headers["etag"] != other.headers["etag"]
    again = await client.get(f"{PAGE}?via=K7QMX910", headers={"If-None-Match": one.headers["etag"]})
    assert again.status_code == 304


async def test_the_link_to_pass_on_holds_no_code(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = (await client.get(f"{PAGE}?via=K7QMX9RT")).text
    shared = re.findall(r'id="link" value="([^"]*)"', page)
    assert shared
    assert "via" not in shared[0]
