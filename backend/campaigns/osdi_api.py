"""Pagination: what coalition partners' programs read, OSDI 1.2 in HAL+JSON, by token. Only signers
who confirmed and agreed to just that partner, each fetch in the audit trail, and before anything
else those the partner was given and may keep no more."""

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.campaigns import export, partners, pledges, publishing
from backend.campaigns.partners import Reader
from backend.campaigns.pledges import Opened
from backend.campaigns.tables import Campaign, Pledge
from backend.campaigns.tallies import Numbers
from backend.web.errors import CannotAnswer
from backend.web.json import json_answer
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import Answer, AnyRequest, Sent, send

BASE = "/osdi/api/v1"
MEDIA_TYPE = "application/hal+json"
HEADER = "osdi-api-token"
MOST_A_PAGE = 100
LAST_PAGE = 10**6
# Pages of 25 make 15,000 people an hour.
FETCHES = Limit("OSDI fetches", 600, 3600)
WRONG_TOKENS = NetworkLimit("wrong OSDI tokens", 20, 3600, closed=True)
Body = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which page of a list: `page` from 1, `size` entries each."""

    page: int
    size: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size


@get([BASE, f"{BASE}/"])
async def show_entry(request: AnyRequest) -> ASGIResponse:
    """The API entry point: where everything else is."""
    reader = await _reader(request)
    await partners.note_reading(reader, "entry point", 0)
    links = {f"osdi:{kind}": _link(f"/{kind}") for kind in ("people", "petitions", "signatures")}
    about = {"motd": "", "vendor_name": "Confianza", "product_name": "Confianza",
             "osdi_version": "1.2.0", "max_pagesize": MOST_A_PAGE, "namespace": "confianza",
             "_links": {"self": _link("/"), **links}}  # fmt: skip
    return _answer(request, about)


@get(f"{BASE}/petitions")
async def list_petitions(request: AnyRequest) -> ASGIResponse:
    reader, wanted = await _reader(request), _wanted(request)
    shown = reader.campaigns[wanted.offset : wanted.offset + wanted.size]
    numbers = await publishing.all_numbers([each.id for each in shown])
    petitions = [_petition(each, numbers.get(each.id)) for each in shown]
    await partners.note_reading(reader, "petitions", 0)
    return _list(request, "petitions", wanted, petitions, len(reader.campaigns), "/petitions")


@get(f"{BASE}/petitions/{{id:str}}")
async def show_petition(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    reader = await _reader(request)
    campaign = _campaign(reader, id)
    await partners.note_reading(reader, "petition", 0, campaign)
    return _answer(request, _petition(campaign, await publishing.numbers(campaign.id)))


@get(f"{BASE}/petitions/{{id:str}}/signatures")
async def list_signatures_of(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    reader = await _reader(request)
    campaign = _campaign(reader, id)
    where = await partners.shared([campaign], reader.name)
    address = f"/petitions/{_petition_id(campaign)}/signatures"
    return await _pledges(request, reader, "signatures", where, _signature, address, campaign)


@get(f"{BASE}/signatures")
async def list_signatures(request: AnyRequest) -> ASGIResponse:
    reader = await _reader(request)
    where = await partners.shared(list(reader.campaigns), reader.name)
    return await _pledges(request, reader, "signatures", where, _signature, "/signatures")


@get(f"{BASE}/signatures/{{id:str}}")
async def show_signature(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    reader = await _reader(request)
    return _answer(request, _signature(await _pledge(reader, id, "signature"), {}))


@get(f"{BASE}/people")
async def list_people(request: AnyRequest) -> ASGIResponse:
    """First those who have withdrawn or changed their mind since this partner was given them, as
    unsubscribed and without a name; then everyone who agreed."""
    reader, wanted = await _reader(request), _wanted(request)
    where = await partners.shared(list(reader.campaigns), reader.name)
    gone, number_gone = await partners.no_longer_shared(reader, wanted.size, wanted.offset)
    people = [_opted_out(id) for id in gone]
    room = wanted.size - len(people)
    total = number_gone + int(await Pledge.count().where(*where))
    if room:
        found = await pledges.page_of(where, room, max(0, wanted.offset - number_gone))
        await partners.remember(reader, found)
        counties = await export.county_names()
        people += [_person(pledge, counties) for pledge in found]
    await partners.note_reading(reader, "people", len(people), gone=len(gone))
    return _list(request, "people", wanted, people, total, "/people")


@get(f"{BASE}/people/{{id:str}}")
async def show_person(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    reader = await _reader(request)
    pledge = await _pledge(reader, id, "person")
    return _answer(request, _person(pledge, await export.county_names()))


@get(f"{BASE}/people/{{id:str}}/signatures")
async def list_signatures_by(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    """A person here is who signed one campaign: nobody is followed from one to another."""
    reader = await _reader(request)
    where = [*await partners.shared(list(reader.campaigns), reader.name), Pledge.id == _uuid(id)]
    return await _pledges(
        request, reader, "signatures", where, _signature, f"/people/{_uuid(id)}/signatures"
    )


async def _reader(request: AnyRequest) -> Reader:
    """Who shows a token that opens something. Raises CannotAnswer."""
    given = request.headers.get(HEADER, "")
    reader = await partners.carried_as(given) if 0 < len(given) <= 200 else None
    if reader is None:
        if not await WRONG_TOKENS.take(request):
            raise CannotAnswer("That was too often. Please wait an hour.", status=429)
        raise CannotAnswer(
            "Send a token that is valid in the header OSDI-API-Token. Tokens end after 90 days; "
            "whoever gave you yours can make a new one.",
            status=401,
        )
    if not await FETCHES.take(str(reader.token.id).encode()):
        raise CannotAnswer("This token has read 600 pages within an hour. Please wait.", status=429)
    return reader


async def _pledges(
    request: AnyRequest,
    reader: Reader,
    kind: str,
    where: list[Any],
    shown: Callable[[Opened, dict[int, str]], Body],
    address: str,
    campaign: Campaign | None = None,
) -> Sent:
    wanted = _wanted(request)
    total = int(await Pledge.count().where(*where))
    found = await pledges.page_of(where, wanted.size, wanted.offset)
    await partners.remember(reader, found)
    await partners.note_reading(reader, kind, len(found), campaign)
    return _list(request, kind, wanted, [shown(pledge, {}) for pledge in found], total, address)


async def _pledge(reader: Reader, id: str, what: str) -> Opened:
    where = [*await partners.shared(list(reader.campaigns), reader.name), Pledge.id == _uuid(id)]
    found = await pledges.page_of(where, 1, 0)
    await partners.remember(reader, found)
    await partners.note_reading(reader, what, len(found))
    if not found:
        raise CannotAnswer(
            "There is nobody by this identifier whom you may read. If you were given them before, "
            "they have withdrawn: delete what you keep of them.",
            status=404,
        )
    return found[0]


def _person(pledge: Opened, counties: dict[int, str]) -> Body:
    name, contact = pledge.name or "", pledge.contact or ""
    person: Body = {
        "identifiers": [_identifier(pledge.id)],
        # Names are as their owners write them: which part is the family's, nobody was asked.
        "given_name": name,
        "family_name": "",
        "languages_spoken": [pledge.language],
        "postal_addresses": [
            {"primary": True, "region": "CA", "country": "US",
             "locality": "", "county": counties.get(pledge.county, "")}
        ],
        "email_addresses": [],
        "phone_numbers": [],
        "created_date": _moment(pledge.signed_at),
        "modified_date": _moment(pledge.confirmed_at or pledge.signed_at),
        "_links": {
            "self": _link(f"/people/{pledge.id}"),
            "osdi:signatures": _link(f"/people/{pledge.id}/signatures"),
        },
    }  # fmt: skip
    if pledge.kind == "email":
        person["email_addresses"] = [{"primary": True, "address": contact, "status": "subscribed"}]
    else:
        person["phone_numbers"] = [{"primary": True, "number": contact, "do_not_call": False}]
    return person


def _opted_out(id: uuid.UUID) -> Body:
    """Someone the partner was given and may keep no more: delete by identifier."""
    return {
        "identifiers": [_identifier(id)],
        "given_name": "",
        "family_name": "",
        "email_addresses": [{"primary": True, "status": "unsubscribed"}],
        "phone_numbers": [{"primary": True, "do_not_call": True}],
        "custom_fields": {"delete": True},
        "_links": {"self": _link(f"/people/{id}")},
    }


def _signature(pledge: Opened, _counties: dict[int, str]) -> Body:
    petition = f"/petitions/{pledge.campaign}"
    return {
        "identifiers": [_identifier(pledge.id)],
        "created_date": _moment(pledge.signed_at),
        "modified_date": _moment(pledge.confirmed_at or pledge.signed_at),
        "_links": {
            "self": _link(f"/signatures/{pledge.id}"),
            "osdi:person": _link(f"/people/{pledge.id}"),
            "osdi:petition": _link(petition),
        },
    }


def _petition(campaign: Any, numbers: Numbers | None) -> Body:
    id = _petition_id(campaign)
    return {
        "identifiers": [_identifier(id)],
        "name": campaign.slug,
        "title": campaign.title["en"],
        "summary": campaign.ask["en"],
        "petition_text": campaign.pledge_words["en"],
        "browser_url": f"{settings.read().site_url}/campaigns/{campaign.slug}",
        "origin_system": "Confianza",
        "created_date": _moment(campaign.made_at),
        "total_signatures": numbers.confirmed if numbers else 0,
        "target": [{"name": target["name"]["en"]} for target in campaign.targets or []],
        "_links": {
            "self": _link(f"/petitions/{id}"),
            "osdi:signatures": _link(f"/petitions/{id}/signatures"),
        },
    }


def _petition_id(campaign: Campaign) -> str:
    return str(campaign.id)


def _campaign(reader: Reader, id: str) -> Campaign:
    for campaign in reader.campaigns:
        if _petition_id(campaign) == id:
            return campaign
    raise CannotAnswer("There is no petition by this identifier that you may read.", status=404)


def _list(
    request: AnyRequest, kind: str, wanted: Wanted, entries: list[Body], total: int, address: str
) -> Sent:
    pages = max(1, -(-total // wanted.size))
    links = {"self": _page_link(address, wanted.page, wanted.size)}
    if wanted.page < pages:
        links["next"] = _page_link(address, wanted.page + 1, wanted.size)
    if wanted.page > 1:
        links["previous"] = _page_link(address, wanted.page - 1, wanted.size)
    links[f"osdi:{kind}"] = [entry["_links"]["self"] for entry in entries]  # type: ignore[assignment]
    body = {
        "page": wanted.page,
        "per_page": wanted.size,
        "total_pages": pages,
        "total_records": total,
        "_links": links,
        "_embedded": {f"osdi:{kind}": entries},
    }
    return _answer(request, body)


def _answer(request: AnyRequest, body: Body) -> Sent:
    plain = json_answer(body, MEDIA_TYPE)
    return send(request, Answer(plain.body, MEDIA_TYPE, (("cache-control", "no-store"),)))


def _wanted(request: AnyRequest) -> Wanted:
    return Wanted(
        _number(request, "page", 1, LAST_PAGE), _number(request, "per_page", 25, MOST_A_PAGE)
    )


def _number(request: AnyRequest, name: str, usual: int, most: int) -> int:
    """A number from the query. More than `most` a page becomes that; anything else is refused."""
    given = request.query_params.get(name, "") or str(usual)
    if not (given.isascii() and given.isdecimal() and len(given) < 9 and int(given) > 0):
        raise CannotAnswer(f"“{name}” is a number from 1 on.", status=400)
    return min(int(given), most)


def _uuid(id: str) -> uuid.UUID:
    try:
        return uuid.UUID(id.removeprefix("confianza:"))
    except ValueError:
        raise CannotAnswer("This is not one of our identifiers.", status=404) from None


def _identifier(id: object) -> str:
    return f"confianza:{id}"


def _link(path: str) -> Body:
    return {"href": f"{settings.read().site_url}{BASE}{path}"}


def _page_link(address: str, page: int, size: int) -> Body:
    return _link(f"{address}?{urlencode({'page': page, 'per_page': size})}")


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
