"""Finding a county through the pages."""

import httpx
import pytest

from backend.counties import gazetteer


async def test_the_first_page_asks_for_a_place_and_lists_every_county(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/")).text
    assert '<form class="finder" action="/find" method="get" role="search">' in page
    for county in gazetteer.counties():
        assert f'href="/counties/{county.slug}"' in page


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("90012", "los-angeles"),
        ("95112-1234", "santa-clara"),
        (" 94103 ", "san-francisco"),
        ("Los Ángeles", "los-angeles"),
        ("LA", "los-angeles"),
        ("OC", "orange"),
        ("san fran", "san-francisco"),
        ("Sacremento", "sacramento"),
        ("Fresno", "fresno"),
        ("condado de kern", "kern"),
        ("Bakersfield, CA", "kern"),
    ],
)
async def test_one_answer_goes_straight_to_the_county(
    client: httpx.AsyncClient, typed: str, slug: str
) -> None:
    answer = await client.get("/find", params={"q": typed})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/counties/{slug}"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_zip_in_two_counties_asks_which(client: httpx.AsyncClient) -> None:
    shared = next(z for z in gazetteer.zips().values() if len(z.counties) == 2)
    answer = await client.get("/find", params={"q": shared.zip})
    assert answer.status_code == 200
    assert "Which county?" in answer.text
    assert f"{shared.zip} is in more than one county" in answer.text
    for county in shared.counties:
        assert f'class="choice" href="/counties/{county.slug}"' in answer.text
    assert "noindex" not in answer.text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("10001", "is not in California"),
        ("00000", "We do not know that ZIP code"),
        ("1234", "A ZIP code has five numbers"),
        ("xqzvw", "We know no ZIP code, city or county like that"),
        ("", "Type a ZIP code, a city or a county."),
        ("   ", "Type a ZIP code, a city or a county."),
    ],
)
async def test_what_cannot_be_found_gets_a_sentence_and_the_list(
    client: httpx.AsyncClient, typed: str, says: str
) -> None:
    answer = await client.get("/find", params={"q": typed})
    assert answer.status_code == 404
    assert says in answer.text
    assert "<title>Error" in answer.text
    assert 'aria-invalid="true" aria-describedby="q-error"' in answer.text
    assert answer.text.count('href="/counties/') >= 58


async def test_a_finding_is_told_in_spanish(client: httpx.AsyncClient) -> None:
    answer = await client.get("/find?q=10001", headers={"Accept-Language": "es"})
    assert "Ese código postal no es de California." in answer.text
