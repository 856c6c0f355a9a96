"""Who we are, privacy, and where everything is."""

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.response.base import ASGIResponse

from backend import settings
from backend.about.tables import RENEWED_WITHIN, DemandStatement
from backend.policies import queries, wording
from backend.policies.citations import Citations
from backend.policies.questions import LOOKS, Question
from backend.web.clock import CALIFORNIA, today
from backend.web.pages import Page, fixed_page, kept_page, page
from backend.web.responses import Answer, AnyRequest, send


@get("/about")
async def show_about(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        facts, lines = await queries.how_read()
        return Page("about/about.html", {"facts": facts, "lines": lines})

    return await kept_page(request, "about", make)


@get("/more")
async def show_more(request: AnyRequest) -> ASGIResponse:
    """Where everything is that the five places do not name."""
    return await fixed_page(request, "about/more.html")


@get("/privacy")
async def show_privacy(request: AnyRequest) -> ASGIResponse:
    """Where one process does everything, nothing is said of parts."""
    apart = settings.serves_public_only()
    return await fixed_page(request, "about/privacy.html", apart=apart)


@get("/legal-demands")
async def show_legal_demands(request: AnyRequest) -> ASGIResponse:
    """How a demand for people's data is answered, how many came, and when somebody last said so."""
    last = await DemandStatement.last()
    context = {
        "last": last,
        "said_on": last.said_at.astimezone(CALIFORNIA).date() if last else None,
        "overdue": last is not None and last.is_overdue(),
        "within": RENEWED_WITHIN.days,
        "contact": settings.read().security_contact,
    }
    return page(request, Page("about/legal_demands.html", context))


@get("/design")
async def show_design(request: AnyRequest) -> ASGIResponse:
    """Every piece of the pages in every state: for those who build this, in development only."""
    if not settings.read().development:
        raise NotFoundException
    record = await queries.county_record("san-diego")  # it has a disagreement and disputed numbers
    pieces = {
        "looks": LOOKS,
        "standings": record.standings(today()),
        "record": record,
        "today": today(),
        "citations": Citations(),
        "wording": wording,
        "Question": Question,
    }
    return page(request, Page("about/design.html", pieces))


@get("/robots.txt")
async def answer_robots(request: AnyRequest) -> ASGIResponse:
    """Search engines may read everything but what people type."""
    return send(request, Answer(b"User-agent: *\nDisallow: /find\n", "text/plain"))
