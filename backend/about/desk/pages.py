"""How many demands for people's data came: said on the public page, and renewed here by hand."""

from litestar import get, post
from litestar.response.base import ASGIResponse

from backend.about.tables import RENEWED_WITHIN, DemandStatement
from backend.database import DB
from backend.staff import audit
from backend.staff.auth import visitor_of
from backend.staff.forms import field
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

DEMANDS = "/desk/legal-demands"
MOST = 1_000_000


@get(DEMANDS, may=Right.RUN_THE_HOUSE, fresh=True)
async def show_demands(request: AnyRequest) -> ASGIResponse:
    return await _page(request, None, {})


@post(DEMANDS, may=Right.RUN_THE_HOUSE, fresh=True, back=DEMANDS)
async def state_demands(request: AnyRequest) -> ASGIResponse:
    """Say how many came until today, also when it is as many as before."""
    given = (await field(request, "demands")).strip()[:20]
    last = await DemandStatement.last()
    at_least = last.demands if last else 0
    number = int(given) if given.isascii() and given.isdecimal() else -1
    if not at_least <= number <= MOST:
        said = _("Write a number: all that ever came, so at least %(least)d.") % {"least": at_least}
        return await _page(request, given, {"demands": said})
    name = visitor_of(request).name
    async with DB.transaction():
        await DemandStatement(said_by=name, demands=number).save()
        await audit.write(name, "demands_stated", "", demands=number)
    return see(DEMANDS)


async def _page(request: AnyRequest, typed: str | None, mistakes: dict[str, str]) -> Sent:
    said = await DemandStatement.objects().order_by(DemandStatement.id, ascending=False).limit(20)
    last = said[0] if said else None
    context = {
        "said": said,
        "typed": typed if typed is not None else (last.demands if last else ""),
        "overdue": last is not None and last.is_overdue(),
        "within": RENEWED_WITHIN.days,
        "mistakes": mistakes,
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("about/desk/demands.html", context, status=status))
