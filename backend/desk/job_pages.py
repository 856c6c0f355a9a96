"""Background work: what waits, what runs, what failed and what a person does about that."""

import datetime
from collections.abc import Awaitable, Callable

from babel.dates import format_timedelta
from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.database import DB
from backend.staff import audit
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web import language, queue_status
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

WORK = "/desk/work"
LARGEST_ID = 2**63 - 1


@get(WORK, may=Right.RUN_THE_HOUSE)
async def show_work(request: AnyRequest) -> ASGIResponse:
    context = {"work": await queue_status.look(), "span": span_in_words, "ago": ago_in_words}
    return desk_page(request, Page("desk/work.html", context, "work"))


@post("/desk/work/{id:int}/again", may=Right.RUN_THE_HOUSE)
async def try_again(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _do(request, id, queue_status.try_again, "job_tried_again")


@post("/desk/work/{id:int}/drop", may=Right.RUN_THE_HOUSE)
async def drop(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _do(request, id, queue_status.drop, "job_dropped")


async def _do(
    request: AnyRequest, id: int, act: Callable[[int], Awaitable[str | None]], action: str
) -> Sent:
    async with DB.transaction():
        name = await act(id) if 0 < id <= LARGEST_ID else None
        if name is not None:
            await audit.write(visitor_of(request).name, action, f"{name} {id}")
    if name is None:
        said = _("This job does not stand as failed any more. Somebody may have been first.")
        raise CannotAnswer(said, status=404, way_on=(WORK, _("Background work")))
    return see(WORK)


def span_in_words(span: datetime.timedelta) -> str:
    """12 minutes."""
    return format_timedelta(span, locale=language.current.get().locale)


def ago_in_words(moment: datetime.datetime) -> str:
    """12 minutes ago · in 3 hours."""
    span = moment - datetime.datetime.now(datetime.UTC)
    return format_timedelta(span, add_direction=True, locale=language.current.get().locale)
