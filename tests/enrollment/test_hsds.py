"""The directory for other programs: it is HSDS 3, whole, and what it says can be read back."""

import json
from typing import Any

import httpx
import msgspec
import pytest

from backend.enrollment import search
from backend.enrollment.tables import HelpPlace
from tests.enrollment import hsds_shapes as shapes
from tests.enrollment.making import hrsa, hrsa_row
from tests.enrollment.test_importers import SERVICE, bring

LISTS = {
    "services": (shapes.Services, shapes.Service),
    "organizations": (shapes.Organizations, shapes.Organization),
    "service_at_locations": (shapes.ServiceAtLocations, shapes.ServiceAtLocation),
}


async def read(client: httpx.AsyncClient, address: str, shape: Any) -> Any:
    answer = await client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return msgspec.json.decode(answer.content, type=shape)


@pytest.fixture
async def full(record: None) -> None:
    """Places of every kind, with every field."""
    await bring("hrsa", hrsa([hrsa_row(number) for number in range(30)]))
    await bring("hsds", json.dumps([SERVICE]).encode())
    await HelpPlace.update({HelpPlace.serves_everyone: True}).where(HelpPlace.source == "hsds")


def test_the_shapes_would_notice_a_mistake() -> None:
    good = {"id": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "name": "x", "description": "y"}
    msgspec.convert(good, shapes.PlainOrganization)
    for bad in ({**good, "id": "7"}, {**good, "extra": 1}, {"id": good["id"], "name": "x"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, shapes.PlainOrganization)


async def test_it_says_which_version_it_is(client: httpx.AsyncClient) -> None:
    for address in ("/hsds", "/hsds/"):
        await read(client, address, shapes.Entry)
    answer = await client.get("/hsds/services")
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_and_everything_in_it_has_the_right_shape(
    full: None, client: httpx.AsyncClient, name: str
) -> None:
    page_shape, whole_shape = LISTS[name]
    seen: list[str] = []
    number = 1
    while True:
        page = await read(client, f"/hsds/{name}?page={number}&per_page=20", page_shape)
        assert page.page_number == number
        assert page.size == len(page.contents) <= 20
        assert page.first_page == (number == 1)
        seen += [each.id for each in page.contents]
        if page.last_page:
            break
        number += 1
    assert len(seen) == len(set(seen)) == page.total_items > 20
    for id in seen:
        whole = await read(client, f"/hsds/{name}/{id}", whole_shape)
        assert whole.id == id


async def test_a_page_past_the_end_is_empty(client: httpx.AsyncClient) -> None:
    page = await read(client, "/hsds/services?page=1000000", shapes.Services)
    assert (page.empty, page.last_page, page.contents) == (True, True, [])


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/hsds/services?page=0", 400), ("/hsds/services?per_page=x", 400),
        ("/hsds/services?page=99999999999999999999", 400), ("/hsds/services/x", 404),
        ("/hsds/services/00000000-0000-0000-0000-000000000000", 404), ("/hsds/nothing", 404),
        ("/hsds/organizations/00000000-0000-0000-0000-000000000000", 404),
        ("/hsds/service_at_locations/00000000-0000-0000-0000-000000000000", 404),
    ],
)  # fmt: skip
async def test_a_wrong_question_gets_a_problem_object(
    client: httpx.AsyncClient, address: str, status: int
) -> None:
    answer = await client.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_ids_stay_when_everything_is_loaded_anew(
    full: None, client: httpx.AsyncClient
) -> None:
    before = (await client.get("/hsds/services")).json()["contents"]
    await bring("hrsa", hrsa([hrsa_row(number) for number in range(30)]))
    after = (await client.get("/hsds/services")).json()["contents"]
    assert [each["id"] for each in before] == [each["id"] for each in after]


async def test_what_we_give_can_be_read_back(full: None, client: httpx.AsyncClient) -> None:
    ids = [
        each["id"] for each in (await client.get("/hsds/services?per_page=100")).json()["contents"]
    ]
    whole = [(await client.get(f"/hsds/services/{id}")).json() for id in ids]
    report = await bring("hsds", json.dumps(whole).encode(), let_vanish=True)
    assert (report.number, report.refused) == (0, "")
    places = await search.fetch("p.source = 'hsds' AND p.vanished_on IS NULL")
    shown = await search.fetch(f"p.source <> 'hsds' AND {search.SHOWN}")
    physical = [place for place in shown if place.location_type == "physical"]
    assert {place.name for place in places} >= {place.name for place in physical}
    line = next(place for place in places if place.name == "Covered California")
    assert line.statewide
    assert len(line.phones) == 13


async def test_a_service_for_everyone_says_so(full: None, client: httpx.AsyncClient) -> None:
    services = (await client.get("/hsds/services?per_page=100")).json()["contents"]
    id = next(each["id"] for each in services if each["name"] == "Enrollment counseling")
    whole = (await client.get(f"/hsds/services/{id}")).json()
    assert whole["attributes"][0]["link_type"] == "eligibility"
    assert whole["service_areas"][0]["uri"].endswith("county:fresno")
    assert whole["required_documents"][0]["document"] == "Proof of income"
