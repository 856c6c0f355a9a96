"""The record as data."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from backend.counties import gazetteer, outlines
from backend.policies.questions import ANSWERS, NOT_KNOWN, Question


async def test_all_counties_come_with_an_answer_to_every_question(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/api/v1/counties")
    assert answer.headers["content-type"] == "application/json"
    counties = answer.json()
    assert len(counties) == 58
    assert set(counties[0]) == {
        "slug", "name", "fips", "ocd_id", "headline", "disputed", "answers",
    }  # fmt: skip
    for county in counties:
        assert set(county["answers"]) == set(Question)
        for question, given in county["answers"].items():
            assert given in (*ANSWERS[Question(question)], NOT_KNOWN)
        assert county["answers"]["hold"] == "prohibited"


async def test_one_county_comes_whole(client: httpx.AsyncClient) -> None:
    county = (await client.get("/api/v1/counties/san-diego")).json()
    answers = {each["question"]: each for each in county["answers"]}
    assert answers["transfer"]["answer"] == "judicial_warrant_only"
    assert answers["transfer"]["disagreement"] is True
    assert answers["transfer"]["disputed_by"][0]["sources"]
    assert answers["transfer"]["also"][0]["rule"]["law"] == "values-act"
    assert answers["hold"]["since"] == "2018-01-01"
    assert answers["hold"]["rule"]["issuer"] == "state_law"
    assert set(answers["hold"]["sources"][0]) == {
        "title", "publisher", "url", "published_on", "checked_on", "read", "grade",
    }  # fmt: skip
    assert answers["handoff"] == {
        "question": "handoff", "answer": "not_known", "since": None, "rule": None, "also": [],
        "disagreement": False, "disputed_by": [], "reported": None,
        "sources": [], "review_by": None,
    }  # fmt: skip
    assert county["figures"]
    assert county["practice"]
    assert county["history"]


async def test_a_day_in_the_past_is_answered_for(client: httpx.AsyncClient) -> None:
    county = (await client.get("/api/v1/counties/modoc?on=2015-06-01")).json()
    assert county["on"] == "2015-06-01"
    assert county["answers"][0]["answer"] == "limited"
    every = (await client.get("/api/v1/counties?on=2010-01-01")).json()
    assert {each["answers"]["transfer"] for each in every} == {"not_known"}


async def test_csv_comes_by_name_and_by_accept(client: httpx.AsyncClient) -> None:
    by_name = await client.get("/api/v1/counties.csv")
    by_accept = await client.get("/api/v1/counties", headers={"Accept": "text/csv"})
    assert by_name.text == by_accept.text
    assert by_name.headers["content-type"] == "text/csv; charset=utf-8"
    assert "Accept" in by_accept.headers["vary"]
    rows = list(csv.DictReader(io.StringIO(by_name.text)))
    assert len(rows) == 58
    assert rows[0]["slug"] == "alameda"
    assert rows[0]["hold"] == "prohibited"


async def test_geojson_has_a_shape_and_the_answers_for_each(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/counties.geojson")
    assert answer.headers["content-type"].startswith("application/geo+json")
    features = answer.json()["features"]
    assert len(features) == 58
    for feature in features:
        assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
        assert feature["properties"]["hold"] == "prohibited"
    assert {feature["id"] for feature in features} == set(outlines.geojson())


async def test_a_zip_names_its_counties(client: httpx.AsyncClient) -> None:
    one = (await client.get("/api/v1/zips/90012")).json()
    assert one["counties"] == [{"slug": "los-angeles", "name": "Los Angeles", "fips": "06037"}]
    shared = next(z for z in gazetteer.zips().values() if len(z.counties) > 1)
    several = (await client.get(f"/api/v1/zips/{shared.zip}")).json()
    assert [c["slug"] for c in several["counties"]] == [c.slug for c in shared.counties]


async def test_laws_come_in_order(client: httpx.AsyncClient) -> None:
    laws = (await client.get("/api/v1/laws")).json()
    assert len(laws) >= 30
    assert [law["on"][:4] for law in laws] == sorted(law["on"][:4] for law in laws)
    assert all(law["sources"] for law in laws)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/counties/atlantis", 404),
        ("/api/v1/zips/10001", 404),
        ("/api/v1/zips/abc", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/counties?on=yesterday", 400),
        ("/api/v1/counties/modoc?on=2007-12-31", 400),
        ("/api/v1/counties/modoc?on=2999-01-01", 400),
        ("/api/v1/counties/modoc?on=10000-01-01", 400),
        ("/api/v1/counties/modoc?on=2014-01-01&on=2015-01-01", 400),
        ("/api/v1/counties.csv?on=2014", 400),
        ("/api/v1/counties.geojson?on=%00", 400),
    ],
)
async def test_errors_are_problem_objects(
    client: httpx.AsyncClient, address: str, status: int
) -> None:
    answer = await client.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")


async def test_a_format_we_do_not_have_is_not_acceptable(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/counties", headers={"Accept": "image/png"})
    assert answer.status_code == 406


async def test_other_sites_may_read_it(client: httpx.AsyncClient) -> None:
    for address in ("/api/v1/counties", "/api/v1/zips/90012", "/api/v1/nothing"):
        answer = await client.get(address, headers={"Origin": "https://elsewhere.test"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    page = await client.get("/counties/alameda")
    assert "access-control-allow-origin" not in page.headers
    assert page.headers["cross-origin-resource-policy"] == "same-origin"


async def test_what_a_program_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    for address in ("/api/v1/counties", "/api/v1/counties.csv", "/api/v1/counties/modoc", "/laws"):
        first = await client.get(address)
        again = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, address
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]


async def test_the_schema_describes_what_is_answered(client: httpx.AsyncClient) -> None:
    schema: dict[str, Any] = (await client.get("/api/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) == {
        "/api/v1/counties",
        "/api/v1/counties.csv",
        "/api/v1/counties.geojson",
        "/api/v1/counties/{slug}",
        "/api/v1/zips/{code}",
        "/api/v1/hearings",
        "/api/v1/laws",
        "/api/v1/campaigns",
        "/api/v1/forums",
        "/hearings/forums.csv",
    }
    for path in schema["paths"].values():
        answers = path["get"]["responses"]
        assert {"413", "414"} <= set(answers)
        for status in answers.keys() - {"200"}:
            assert list(answers[status]["content"]) == ["application/problem+json"]
    shape = schema["components"]["schemas"]
    county = (await client.get("/api/v1/counties/san-diego")).json()
    named = next(shape[name] for name in shape if name.endswith("CountyAnswer"))
    assert set(named["properties"]) == set(county)
    question = next(shape[name] for name in shape if name.endswith("QuestionAnswer"))
    assert set(question["properties"]) == set(county["answers"][0])


async def test_the_schema_has_no_examples_of_chance_letters(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/api/openapi.json")).json()
    shapes = json.dumps(schema["components"])
    assert "CountyAnswer" in shapes
    assert "example" not in shapes
