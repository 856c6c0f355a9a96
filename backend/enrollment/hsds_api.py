"""The directory for other programs: Open Referral HSDS 3, read-only (https://docs.openreferral.org).

Lists come in pages (`page`, `per_page`, at most 100) of what has one value each; one thing by its
id comes with all that belongs to it. Ids are UUIDs made from what the source calls a thing, so they
stay. Nobody's name is in it: organizations have no contacts here.
"""

import datetime
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import database, settings
from backend.counties import gazetteer
from backend.enrollment import search
from backend.enrollment.places import Json, Place, id_of, kind_in_words, language_in_words
from backend.web import language
from backend.web.errors import CannotAnswer
from backend.web.json import json_answer
from backend.web.responses import AnyRequest, Sent, send

BASE = "/hsds"
VERSION = "3.0"
PROFILE = "https://docs.openreferral.org/en/v3.0.1/"
MOST_A_PAGE = 100
LAST_PAGE = 10**6
TERM = "Serves people whatever their immigration papers"


@get([BASE, f"{BASE}/"])
async def show_entry(request: AnyRequest) -> ASGIResponse:
    """What this API is."""
    site = settings.read().site_url
    return _answer(
        request,
        {
            "version": VERSION,
            "profile": PROFILE,
            "openapi_url": f"{site}/api/openapi.json",
            "description": "Help with enrolling in health coverage in California.",
            "services": f"{site}{BASE}/services",
            "organizations": f"{site}{BASE}/organizations",
            "service_at_locations": f"{site}{BASE}/service_at_locations",
        },
    )


@get(f"{BASE}/services")
async def list_services(request: AnyRequest) -> ASGIResponse:
    page, size = _wanted(request)
    total = await _number("help_service v", f"{_HAS_PLACES}")
    rows = await _rows(f"{_SERVICE} WHERE {_HAS_PLACES} ORDER BY v.id LIMIT $1 OFFSET $2",
                       size, (page - 1) * size)  # fmt: skip
    return _page(request, [_service(row) for row in rows], total, page, size)


@get(f"{BASE}/services/{{id:str}}")
async def show_service(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    wanted = _uuid(id)
    row = await _one(f"{_SERVICE} WHERE v.id = $1 AND {_HAS_PLACES}", wanted)
    found = await search.fetch(f"{search.SHOWN} AND p.service = $1 ORDER BY p.id", wanted)
    whole = _service(row)
    virtual = [place for place in found if place.location_type != "physical"]
    # A service on the phone has no location: what is its place's is its own.
    whole |= _filled(
        phones=_phones(virtual[0]) if virtual else [],
        schedules=_schedules(virtual[0]) if virtual else [],
        languages=_languages(virtual[0]) if virtual else [],
        service_areas=_areas(found),
        required_documents=_documents(found),
        attributes=_attributes(found),
        service_at_locations=[_at(place) for place in found if place.location_type == "physical"],
    )
    return _answer(request, whole)


@get(f"{BASE}/organizations")
async def list_organizations(request: AnyRequest) -> ASGIResponse:
    page, size = _wanted(request)
    has = _HAS_PLACES.replace("p.service = v.id", "p.organization = o.id")
    total = await _number("help_organization o", has)
    rows = await _rows(f"SELECT o.* FROM help_organization o WHERE {has}"  # noqa: S608
                       " ORDER BY o.id LIMIT $1 OFFSET $2", size, (page - 1) * size)  # fmt: skip
    return _page(request, [_organization(row) for row in rows], total, page, size)


@get(f"{BASE}/organizations/{{id:str}}")
async def show_organization(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    wanted = _uuid(id)
    row = await _one("SELECT o.* FROM help_organization o WHERE o.id = $1", wanted)
    services = await _rows(f"{_SERVICE} WHERE v.organization = $1 AND {_HAS_PLACES} ORDER BY v.id",
                           wanted)  # fmt: skip
    found = await search.fetch(
        f"{search.SHOWN} AND p.organization = $1 AND p.location_type = 'physical' ORDER BY p.id",
        wanted,
    )
    locations = {place.location_key: _location(place) for place in found}
    whole = _organization(row) | _filled(
        services=[
            {name: value for name, value in _service(each).items() if name != "organization"}
            for each in services
        ],
        locations=list(locations.values()),
    )
    return _answer(request, whole)


@get(f"{BASE}/service_at_locations")
async def list_at_locations(request: AnyRequest) -> ASGIResponse:
    page, size = _wanted(request)
    where = f"{search.SHOWN} AND p.location_type = 'physical'"
    total = await _number("help_place p", where)
    found = await search.fetch(f"{where} ORDER BY p.id LIMIT $1 OFFSET $2", size, (page - 1) * size)
    services = await _services_of(found)
    return _page(
        request,
        [
            {
                "id": str(place.id),
                "description": place.name,
                "service_id": str(place.service_id),
                "location_id": str(_location_id(place)),
                "service": services[place.service_id],
                "location": _plain_location(place),
            }
            for place in found
        ],
        total,
        page,
        size,
    )


@get(f"{BASE}/service_at_locations/{{id:str}}")
async def show_at_location(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    found = await search.fetch(
        f"{search.SHOWN} AND p.location_type = 'physical' AND p.id = $1", _uuid(id)
    )
    if not found:
        raise CannotAnswer("There is nothing with this id.", status=404)
    services = await _services_of(found)
    return _answer(request, _at(found[0]) | {"service": services[found[0].service_id]})


# The shapes. A value that is not known is left out.

_HAS_PLACES = ("EXISTS (SELECT 1 FROM help_place p WHERE p.service = v.id"
               " AND p.vanished_on IS NULL AND p.hidden_at IS NULL)")  # fmt: skip
_SERVICE = """SELECT v.*, to_jsonb(o) AS of, t.alert, t.assured, t.modified FROM help_service v
    JOIN help_organization o ON o.id = v.organization
    CROSS JOIN LATERAL (SELECT max(p.alert->>'en') AS alert, min(p.assured_date) AS assured,
        max(p.changed_at) AS modified FROM help_place p
        WHERE p.service = v.id AND p.vanished_on IS NULL AND p.hidden_at IS NULL) t"""


def _service(row: Mapping[str, Any]) -> Json:
    return {
        "id": str(row["id"]),
        "organization_id": str(row["organization"]),
        "name": row["name"],
        "status": "active",
        **_filled(
            description=row["description"] or _in_english(row["kind"]),
            eligibility_description=row["eligibility"],
            fees_description=row["fees"],
            alert=row["alert"],
            assured_date=row["assured"].isoformat() if row["assured"] else "",
            last_modified=_moment(row["modified"]),
        ),
        "organization": _organization(row["of"]),
    }


def _organization(row: Mapping[str, Any]) -> Json:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        # HSDS asks for one; most lists have none.
        "description": row["description"] or row["name"],
        **_filled(website=row["website"]),
    }


def _at(place: Place) -> Json:
    return {
        "id": str(place.id),
        "description": place.name,
        **_filled(
            phones=_phones(place),
            schedules=_schedules(place),
            service_areas=_areas([place]),
        ),
        "location": _location(place),
    }


def _plain_location(place: Place) -> Json:
    return {
        "id": str(_location_id(place)),
        "location_type": place.location_type,
        "name": place.name,
        **_filled(
            latitude=place.latitude if place.point_of == "place" else None,
            longitude=place.longitude if place.point_of == "place" else None,
            external_identifier=place.source_key,
            external_identifier_type=place.source,
        ),
    }


def _location(place: Place) -> Json:
    return _plain_location(place) | _filled(
        languages=_languages(place),
        addresses=_addresses(place),
        accessibility=[
            {"id": _part(place, "accessibility", number), "description": words}
            for number, words in enumerate(place.accessibility)
        ],
        phones=[],
    )


def _addresses(place: Place) -> list[Json]:
    """Whole ones only: HSDS knows no address without a street."""
    if not (place.address and place.city and place.zip):
        return []
    return [
        {
            "id": _part(place, "address", 0),
            "address_1": place.address,
            "city": place.city,
            "state_province": "CA",
            "postal_code": place.zip,
            "country": "US",
            "address_type": "physical",
        }
    ]


def _phones(place: Place) -> list[Json]:
    return [
        {
            "id": _part(place, "phone", number),
            "number": phone["number"],
            "type": phone.get("type") or "voice",
            **(
                {"extension": int(phone["extension"])}
                if str(phone.get("extension", "")).isdecimal()
                else {}
            ),
            **_filled(
                languages=[
                    _language(place, f"phone {number}", code)
                    for code in phone.get("languages") or ()
                ]
            ),
        }
        for number, phone in enumerate(place.phones)
    ]


def _schedules(place: Place) -> list[Json]:
    return [
        {
            "id": _part(place, "schedule", number),
            "freq": "WEEKLY",
            "interval": 1,
            "byday": each["byday"],
            "opens_at": each["opens_at"],
            "closes_at": each["closes_at"],
            "notes": "Local time in California (America/Los_Angeles).",
        }
        for number, each in enumerate(place.schedules)
    ]


def _languages(place: Place) -> list[Json]:
    return [_language(place, "language", code) for code in place.languages]


def _language(place: Place, what: str, code: str) -> Json:
    name = language_in_words(code)
    return {"id": str(id_of(what, f"{place.id}/{code}", "hsds")), "code": code, "name": name}


def _areas(found: list[Place]) -> list[Json]:
    """The counties that are served, by their Open Civic Data ids; or all of California."""
    first = found[0] if found else None
    if first is None:
        return []
    if any(place.statewide for place in found):
        return [{"id": _part(first, "area", 0), "name": "California",
                 "uri": "ocd-division/country:us/state:ca"}]  # fmt: skip
    slugs = sorted({slug for place in found for slug in place.covers})
    return [
        {
            "id": str(id_of("area", f"{first.id}/{slug}", "hsds")),
            "name": f"{county.name} County",
            "uri": county.ocd_id,
        }
        for slug in slugs
        if (county := gazetteer.county(slug)) is not None
    ]


def _documents(found: list[Place]) -> list[Json]:
    every = list(dict.fromkeys(words for place in found for words in place.documents))
    return [
        {"id": str(id_of("document", f"{found[0].service_id}/{words}", "hsds")), "document": words}
        for words in every
    ]


def _attributes(found: list[Place]) -> list[Json]:
    """HSDS has no field for it; an attribute says that papers do not matter, where they all do."""
    if not found or not all(place.serves_everyone for place in found):
        return []
    term = {"id": str(id_of("term", TERM, "hsds")), "name": TERM, "description": TERM}
    id = str(id_of("attribute", str(found[0].service_id), "hsds"))
    return [{"id": id, "link_type": "eligibility", "taxonomy_term": term}]


def _location_id(place: Place) -> UUID:
    return id_of(place.source, place.location_key, "location")


def _part(place: Place, what: str, number: int) -> str:
    return str(id_of(what, f"{place.id}/{number}", "hsds"))


def _in_english(kind: str) -> str:
    token = language.current.set(language.ENGLISH)
    try:
        return kind_in_words(kind)
    finally:
        language.current.reset(token)


def _filled(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _moment(at: datetime.datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Asking and answering


def _wanted(request: AnyRequest) -> tuple[int, int]:
    """Page and size. Raises CannotAnswer."""
    found = []
    for name, default, most in (("page", "1", LAST_PAGE), ("per_page", "50", MOST_A_PAGE)):
        given = request.query_params.get(name, default)
        if not (given.isascii() and given.isdecimal() and len(given) < 8 and int(given) > 0):
            raise CannotAnswer(f"{name} is a number from 1 to {most}.", status=400)
        found.append(min(int(given), most))
    return found[0], found[1]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CannotAnswer("There is nothing with this id.", status=404) from None


async def _rows(question: str, *values: Any) -> list[Any]:
    async with database.connection() as connection:
        return list(await connection.fetch(question, *values))


async def _one(question: str, *values: Any) -> Any:
    rows = await _rows(question, *values)
    if not rows:
        raise CannotAnswer("There is nothing with this id.", status=404)
    return rows[0]


async def _number(table: str, where: str) -> int:
    return int((await _rows(f"SELECT count(*) FROM {table} WHERE {where}"))[0][0])  # noqa: S608


async def _services_of(found: list[Place]) -> dict[UUID, Json]:
    ids = list({place.service_id for place in found})
    rows = await _rows(f"{_SERVICE} WHERE v.id = ANY($1)", ids)
    return {row["id"]: _service(row) for row in rows}


def _page(request: AnyRequest, contents: list[Json], total: int, page: int, size: int) -> Sent:
    pages = -(-total // size)
    whole = {
        "total_items": total,
        "total_pages": pages,
        "page_number": page,
        "size": len(contents),
        "first_page": page == 1,
        "last_page": page >= pages,
        "empty": not contents,
        "contents": contents,
    }
    return _answer(request, whole)


def _answer(request: AnyRequest, body: Json) -> Sent:
    return send(request, json_answer(body))
