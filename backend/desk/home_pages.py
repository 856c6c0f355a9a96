"""The desk's first page."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.database import DB
from backend.staff import alarms, audit, rooms
from backend.staff.auth import DESK, visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import Alarm, Invitation, RetentionRun
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, see


@get("/desk", may=Right.ENTER)
async def show_desk(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    runs_it = visitor.may(Right.RUN_THE_HOUSE)
    context = {
        "alarms": await Alarm.all_standing() if runs_it else [],
        "alarm_in_words": alarms.in_words,
        "what_to_do": alarms.what_to_do,
        "todo": await rooms.gathered(request.app.state.todo, visitor),
        "invitation": await Invitation.waiting_for(visitor.account),
        "removed": await RetentionRun.last() if runs_it else None,
    }
    return desk_page(request, Page("desk/home.html", context))


@post("/desk/alarms/{id:int}/settle", may=Right.RUN_THE_HOUSE)
async def settle_alarm(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    alarm = await Alarm.with_id(id)
    if alarm is None:
        said = _("There is no such alarm. Retention may have removed it.")
        raise CannotAnswer(said, status=404, way_on=(DESK, _("To the desk")))
    visitor = visitor_of(request)
    details: Any = alarm.details
    own = visitor.name in (details.get("by"), details.get("who"))
    if own and not await visitor.account.is_last_admin():
        said = _("This alarm is about you: another admin has to look at it.")
        raise CannotAnswer(said, status=403, way_on=(DESK, _("To the desk")))
    async with DB.transaction():
        if await alarm.settle(visitor.name):
            await audit.write(visitor.name, "alarm_settled", alarm.name)
    return see(DESK)
