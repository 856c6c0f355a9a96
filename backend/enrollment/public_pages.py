"""Public addresses of the directory: find help, see one place, say that it is wrong."""

import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.counties import gazetteer
from backend.enrollment import flags, kept_on_phone, places, search
from backend.enrollment.places import Place
from backend.enrollment.search import Results, Wanted
from backend.web import language
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.page_cache import kept
from backend.web.pages import Page, page
from backend.web.qr import qr
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import AnyRequest, Sent, see, send

PLACES = "/enrollment/places"
FLAGS = NetworkLimit("wrong flags", 10, 3600)
# More than the desk could read.
FLAGS_IN_ALL = Limit("wrong flags in all", 300, 3600)
# A list's files are made anew at least so often: "due for review" is a matter of the day.
KEPT = 3600


@get(PLACES)
async def list_places(request: AnyRequest) -> ASGIResponse:
    wanted = search.read(request.query_params)
    now = datetime.datetime.now(datetime.UTC)
    results = await search.search(wanted, now)
    what = {
        **_words(now),
        "wanted": wanted,
        "results": results,
        "sentence": _sentence(wanted.unknown),
        "counties": gazetteer.counties(),
        "by_fips": {county.fips: county.slug for county in gazetteer.counties()},
        "text": _list_as_text(wanted, results),
        "qr": qr(_list_address(wanted)),
        "address": settings.read().site_url.partition("//")[2] + _list_address(wanted),
        "next_page": f"{PLACES}?{urlencode(wanted.query(page=wanted.page + 1))}",
        "link": lambda **other: f"{PLACES}?{urlencode(wanted.query(**other))}",
    }
    status = 404 if wanted.typed and not wanted.counties else 200
    return page(request, Page("enrollment/places.html", what, status=status, query=wanted.query()))


@get("/enrollment/places/{id:str}")
async def show_place(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    place = await _place(id)
    told = request.query_params.get("told", "") == "1"
    return _place_page(request, place, told=told)


@post("/enrollment/places/{id:str}/wrong")
async def say_wrong(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    """ "This is wrong", from somebody who need not say who they are."""
    place = await _place(id)
    form = await request.form()
    what, words = (str(form.get(name) or "") for name in ("what", "words"))
    if form.get("website"):  # no person sees that field
        return see(f"{PLACES}/{place.id}?told=1")
    if mistakes := flags.mistakes_in(what, words):
        return _place_page(request, place, typed={"what": what, "words": words}, mistakes=mistakes)
    if not await FLAGS.take(request) or not await FLAGS_IN_ALL.take(b"everyone"):
        told = _("That was often today. Thank you. Please try again in an hour.")
        raise CannotAnswer(told, status=429, way_on=(f"{PLACES}/{place.id}", _("Back")))
    await flags.flag(place.id, what, words)
    return see(f"{PLACES}/{place.id}?told=1")


@get("/offline/counties/{slug:str}/help.json")
async def show_kept(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """The directory of one county and what helps all of California, for the phone to keep."""
    county = gazetteer.county(slug)
    if county is None:
        raise CannotAnswer("", status=404)
    return send(request, await kept(("help", slug, today()), lambda: kept_on_phone.make(county),
                                    KEPT))  # fmt: skip


def _place_page(
    request: AnyRequest,
    place: Place,
    *,
    told: bool = False,
    typed: dict[str, str] | None = None,
    mistakes: dict[str, str] | None = None,
) -> Sent:
    address = f"{settings.read().site_url}{PLACES}/{place.id}"
    what = {
        **_words(datetime.datetime.now(datetime.UTC)),
        "place": place,
        "told": told,
        "typed": typed or {"what": "", "words": ""},
        "mistakes_told": mistakes or {},
        "reasons": flags.reasons(),
        "most_words": flags.MOST_WORDS,
        "days_kept": flags.KEPT.days,
        "qr": qr(f"{PLACES}/{place.id}"),
        "address": address,
        "text": places.as_text(place, language.current.get().code, address),
        "county": gazetteer.county(place.county),
    }
    status = 422 if mistakes else 410 if place.vanished_on else 200
    return page(request, Page("enrollment/place.html", what, status=status))


def _words(now: datetime.datetime) -> dict[str, Any]:
    return {
        "places": places,
        "now": now,
        "today": today(),
        "kinds": places.KINDS,
        "codes": places.LANGUAGES,
        "own_names": places.OWN_NAMES,
        "worded": _,
        "county_names": {county.slug: county.name for county in gazetteer.counties()},
    }


def _list_address(wanted: Wanted) -> str:
    """The list's address for paper: by county, so that nobody's ZIP code is on it."""
    county = wanted.slugs[0] if len(wanted.counties) == 1 else ""
    given = {"county": county, "language": wanted.language}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{PLACES}?{query}" if query else PLACES


def _list_as_text(wanted: Wanted, results: Results) -> str:
    """The first few, to send to someone."""
    code = wanted.language or language.current.get().code
    first = [*results.mine[:3], *results.near[:3], *results.statewide[:2]]
    site = settings.read().site_url
    return "\n\n".join(places.as_text(place, code, f"{site}{PLACES}/{place.id}") for place in first)


def _sentence(reason: str) -> str:
    return {
        "outside_california": _("That ZIP code is not in California. We only know California."),
        "unknown_zip": _("We do not know that ZIP code. Check the numbers, or type your city."),
        "not_a_zip": _("A ZIP code has five numbers. Check them, or type your city."),
        "no_match": _("We know no ZIP code, city or county like that in California."),
    }.get(reason, "")


async def _place(id: str) -> Place:
    try:
        found = await search.with_id(UUID(id))
    except ValueError:
        found = None
    if found is None:
        told = _("We know no such place. It may have been taken off the list.")
        raise CannotAnswer(told, status=404, way_on=(PLACES, _("Find help")))
    return found
