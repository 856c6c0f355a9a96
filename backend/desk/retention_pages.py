"""What is kept how long, when the rest was removed, and the switch that stops all removal."""

from urllib.parse import urlencode

from litestar import get, post
from litestar.response.base import ASGIResponse

from backend.staff import retention
from backend.staff.auth import STEP_UP, visitor_of
from backend.staff.forms import field, tidy
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import RetentionHold, RetentionRun
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

RETENTION = "/desk/retention"
LONGEST = 500


@get(RETENTION, may=Right.RUN_THE_HOUSE)
async def show_retention(request: AnyRequest) -> ASGIResponse:
    return await _page(request, "", {})


@post("/desk/retention/hold", may=Right.RUN_THE_HOUSE, fresh=True, back=RETENTION)
async def hold(request: AnyRequest) -> ASGIResponse:
    given = await field(request, "reason")
    reason = tidy(given).strip()
    if mistake := _mistake(reason):
        return await _page(request, given, {"reason": mistake})
    await retention.hold(visitor_of(request).name, reason)
    return see(RETENTION)


@post("/desk/retention/lift", may=Right.RUN_THE_HOUSE, fresh=True, back=RETENTION)
async def lift(request: AnyRequest) -> ASGIResponse:
    await retention.lift(visitor_of(request).name)
    return see(RETENTION)


def _mistake(reason: str) -> str | None:
    if not reason:
        return _("Write the reason. Whoever lifts the hold must know it.")
    if len(reason) > LONGEST:
        return _("The reason is too long: %(count)d letters are the most.") % {"count": LONGEST}
    if not all(sign.isprintable() or sign in "\r\n\t" for sign in reason):
        return _("The reason holds signs that cannot be seen. Write it anew.")
    return None


async def _page(request: AnyRequest, reason: str, mistakes: dict[str, str]) -> Sent:
    last = await RetentionRun.last()
    holds = await RetentionHold.objects().order_by(RetentionHold.id, ascending=False).limit(20)
    context = {
        "hold": await RetentionHold.now_standing(),
        "holds": [each for each in holds if each.lifted_at],
        "last": last,
        "late": await retention.is_late(last),
        "reason": reason,
        "mistakes": mistakes,
        "longest": LONGEST,
        # Asked for before anyone writes a reason: a form that comes too late is lost.
        "fresh": visitor_of(request).session.is_fresh(),
        "step_up": f"{STEP_UP}?{urlencode({'next': RETENTION})}",
    }
    return desk_page(request, Page("desk/retention.html", context, status=422 if mistakes else 200))
