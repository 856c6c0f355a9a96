"""Finding a county: the first page, and what becomes of what people type."""

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.counties.finder import find
from backend.web.language import gettext as _
from backend.web.pages import Page, kept_page, page
from backend.web.responses import AnyRequest, see


@get("/")
async def show_home(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        counties = gazetteer.counties()
        places = {
            county.fips: {"name": county.name, "url": f"/counties/{county.slug}"}
            for county in counties
        }
        return Page("counties/home.html", {"counties": counties, "places": places})

    return await kept_page(request, "home", make)


@get("/find")
async def find_county(request: AnyRequest) -> ASGIResponse:
    typed = (request.query_params.getall("q", [""]) or [""])[-1]
    found = find(typed)
    if found.kind == "county":
        return see(f"/counties/{found.counties[0].slug}")
    if found.kind == "counties":
        several = {"typed": typed[:200], "place": found.place, "counties": found.counties}
        return page(request, Page("counties/which.html", several, query={"q": typed[:200]}))
    nothing = {
        "typed": typed[:200],
        "sentence": _sentence(found.reason),
        "suggestions": found.suggestions,
        "counties": gazetteer.counties(),
    }
    return page(
        request, Page("counties/nothing.html", nothing, status=404, query={"q": typed[:200]})
    )


@get("/find/forms/{kind:str}")
async def show_form(request: AnyRequest, kind: FromPath[str]) -> ASGIResponse:
    """What /find answers, with every county in it and gaps for what was typed: a phone that
    looks up by itself takes out what does not fit."""
    every = gazetteer.counties()
    if kind in ("place", "typed"):
        place = "{place}" if kind == "place" else ""
        several = {"typed": "{typed}", "place": place, "counties": every}
        return page(request, Page("counties/which.html", several))
    sentence = _sentence(kind)
    if sentence is None:
        raise NotFoundException
    nothing = {
        "typed": "{typed}",
        "sentence": sentence,
        "suggestions": every,
        "counties": every,
    }
    return page(request, Page("counties/nothing.html", nothing))


def _sentence(reason: str) -> str | None:
    """What was wrong with what was typed, and what would do; None for a foreign reason."""
    return {
        "empty": _("Type a ZIP code, a city or a county."),
        "outside_california": _("That ZIP code is not in California. We only know California."),
        "unknown_zip": _("We do not know that ZIP code. Check the numbers, or type your city."),
        "not_a_zip": _("A ZIP code has five numbers. Check them, or type your city."),
        "no_match": _("We know no ZIP code, city or county like that in California."),
    }.get(reason)
