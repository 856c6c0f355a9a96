"""Numbers to call: a queue in which each number is one person's at a time."""

from collections.abc import Awaitable

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.detained import calls, wording
from backend.detained.desk.pages import HOME
from backend.policies import wording as record_wording
from backend.policies.tables import HelpLine
from backend.staff.actions import ACTIONS
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import Account
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import one_line, sent, storable
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

CALLS = f"{HOME}/calls"


@get(CALLS, may=Right.EDIT_RECORD)
async def show_calls(request: AnyRequest) -> ASGIResponse:
    account = visitor_of(request).account
    context = {
        "queue": await calls.queue(account),
        "undoable": await calls.can_be_undone(),
        "actions": {action: _(ACTIONS[action]) for action in calls.OUTCOMES},
        "place": place,
        "codes": {code: wording.language_name(code) for code in wording.LANGUAGES},
        "wording": wording,
        "record_wording": record_wording,
        "longest": calls.LONGEST_WHY,
    }
    return desk_page(request, Page("detained/desk/calls.html", context))


@post(f"{CALLS}/{{id:int}}/claim", may=Right.EDIT_RECORD)
async def claim(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _done(calls.claim(id, visitor_of(request).account), f"#line-{id}")


@post(f"{CALLS}/{{id:int}}/let-go", may=Right.EDIT_RECORD)
async def let_go(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _done(calls.let_go(id, visitor_of(request).account))


@post(f"{CALLS}/{{id:int}}", may=Right.EDIT_RECORD)
async def note(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """What came of the call."""
    return await _done(_outcome(id, visitor_of(request).account, storable(await sent(request))))


@post(f"{CALLS}/{{change:int}}/undo", may=Right.EDIT_RECORD)
async def undo(request: AnyRequest, change: FromPath[int]) -> ASGIResponse:
    return await _done(calls.take_back(change, visitor_of(request).account))


def place(line: HelpLine, language: str) -> str:
    """What the script names, in the language it is read in: Fresno County, Kern County."""
    names = [county.name for slug in line.counties if (county := gazetteer.county(slug))]
    if line.statewide or not names:
        return "California"
    joint = " or " if language == "en" else " o "
    said = ", ".join(names[:-1]) + joint + names[-1] if len(names) > 1 else names[0]
    if language == "en":
        return f"{said} County"
    return f"el condado de {said}"


async def _outcome(id: int, account: Account, form: list[tuple[str, str]]) -> None:
    typed = dict(form)
    seen = typed.get("seen", "")
    match typed.get("outcome"):
        case "answered":
            await calls.answered(id, account, seen)
        case "spoke":
            ticked = {value for key, value in form if key == "languages"}
            languages = [code for code in wording.LANGUAGES if code in ticked]
            if not languages:
                raise _refused(_("Tick the languages that they spoke."), 422)
            await calls.spoke(id, account, seen, languages)
        case "nobody":
            await calls.nobody_answered(id, account, seen)
        case "wrong":
            why = one_line(typed.get("why", ""))
            if not why:
                raise _refused(_("Say in a few words why it is wrong."), 422)
            await calls.wrong(id, account, seen, why)
        case _other:
            raise _refused(_("Say what came of the call."), 422)


async def _done(act: Awaitable[None], where: str = "") -> Sent:
    try:
        await act
    except Refused as refused:
        raise _refused(str(refused), 409) from None
    return see(CALLS + where)


def _refused(told: str, status: int) -> CannotAnswer:
    return CannotAnswer(told, status=status, way_on=(CALLS, _("Numbers to call")))
