"""Public addresses for when someone was detained. None of them asks the server anything: what
people type stays in the page."""

from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.counties.gazetteer import County
from backend.detained import reading, wording
from backend.detained.facts import Sentence, checked_on, facts
from backend.policies import headline
from backend.policies import queries as record
from backend.policies import wording as record_wording
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page, kept_page
from backend.web.qr import qr
from backend.web.responses import AnyRequest

Json = dict[str, Any]


@get("/detained")
async def show_now(request: AnyRequest) -> ASGIResponse:
    return await _now(request, None)


@get("/counties/{slug:str}/detained")
async def show_now_in(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    county = gazetteer.county(slug)
    if county is None:
        told = _("We know no county by that name.")
        raise CannotAnswer(told, status=404, way_on=("/detained", _("Someone was detained")))
    return await _now(request, county)


@get("/detained/find")
async def show_find(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole = facts()
        parts = {name: whole.everywhere(name) for name in ("jail", "ice", "court", "child")}
        parts["consulate"] = whole.everywhere("consulate")
        return Page("detained/find.html", {**_told(parts), "lines": await _lines(None)})

    return await kept_page(request, ("detained find", today()), make)


@get("/detained/places")
async def show_places(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        places = await reading.places()
        context = {
            **_told({"jail": [each for each in facts().of("jail") if each.id == "jail-not-ice"]}),
            "places": {
                status: [place for place in places if place.status == status]
                for status in ("open", "no_ice", "closed")
            },
        }
        return Page("detained/places.html", context)

    return await kept_page(request, ("detained places", today()), make)


@get("/detained/calls")
async def show_calls(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole = facts()
        parts = {name: whole.everywhere(name) for name in ("arrest", "unsure")}
        return Page("detained/calls.html", {**_told(parts), "costs": whole.costs})

    return await kept_page(request, ("detained calls", today()), make)


@get("/detained/family")
async def show_family(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole = facts()
        sections = ("bond", "lawyer", "notario", "family")
        parts = {name: whole.everywhere(name) for name in sections}
        return Page("detained/family.html", {**_told(parts), "lines": await _lines(None)})

    return await kept_page(request, ("detained family", today()), make)


@get("/detained/card")
async def show_card(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole = facts()
        parts = {name: whole.everywhere(name) for name in ("say", "keep", "sign", "door")}
        parts["court"] = whole.everywhere("court")
        context = {**_told(parts), "lines": await _lines(None), "qr": qr("/detained")}
        return Page("detained/card.html", context)

    return await kept_page(request, ("detained card", today()), make)


async def _now(request: AnyRequest, county: County | None) -> ASGIResponse:
    slug = county.slug if county else None

    async def make() -> Page:
        whole = facts()
        parts = {name: whole.of(name, slug=slug) for name in ("say", "keep", "sign", "truth")}
        if county:
            parts["lawyer"] = [each for each in whole.of("lawyer", slug=slug) if each.counties]
        context = {
            **_told(parts),
            "county": county,
            "counties": gazetteer.counties(),
            "lines": await _lines(slug),
            **(await _jail_of(slug) if slug else {"headline": None}),
        }
        return Page("detained/now.html", context)

    return await kept_page(request, ("detained", slug, today()), make)


async def _jail_of(slug: str) -> dict[str, Any]:
    """What can happen to somebody in this county's jail, as its own page says it first."""
    found = await record.county_record(slug)
    return {
        "headline": headline.of(found, today()),
        "standings": found.standings(today()),
        "rows": headline.ROWS,
    }


async def _lines(slug: str | None) -> reading.Lines:
    return await reading.lines_of(slug, today())


def _told(parts: dict[str, list[Sentence]]) -> Json:
    """What every page of sentences needs."""
    every = [each for part in parts.values() for each in part]
    return {
        "parts": parts,
        "checked": checked_on(every) if every else today(),
        "citations": wording.Sources(),
        "today": today(),
        "wording": wording,
        "record_wording": record_wording,
        "names": {county.slug: county.name for county in gazetteer.counties()},
    }
