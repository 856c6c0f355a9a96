"""Lines and places of detention at the desk: what is due, what waits to be confirmed, and each as
it stands with its history."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.detained import calls, editing, wording
from backend.detained.desk import forms
from backend.detained.desk.forms import CheckedForm
from backend.detained.editing import Row
from backend.policies import wording as record_wording
from backend.staff.actions import ACTIONS
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import Account
from backend.web.clock import today
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import sent, storable
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

HOME = "/desk/detained"


@get(HOME, may=Right.EDIT_RECORD)
async def list_all(request: AnyRequest) -> ASGIResponse:
    on = today()
    rows = [(kind, row) for kind in editing.KINDS for row in await editing.all_of(kind)]
    context = {
        "due": [each for each in rows if editing.is_due(each[1], on)],
        "waiting": [each for each in rows if editing.waits(each[1])],
        "wrong": [row for _kind, row in rows if editing.is_wrong(row)],
        "to_call": await calls.how_many(),
        "lines": [row for kind, row in rows if kind == "lines"],
        "places": [row for kind, row in rows if kind == "places"],
        "wording": wording,
    }
    return desk_page(request, Page("detained/desk/lines.html", context))


@get("/desk/detained/{kind:str}/new", may=Right.EDIT_RECORD)
async def show_new(request: AnyRequest, kind: FromPath[str]) -> ASGIResponse:
    form = CheckedForm({"confidence": "medium", "status": "open"})
    return _page(request, _kind(kind), None, form)


@post("/desk/detained/{kind:str}/new", may=Right.EDIT_RECORD)
async def add(request: AnyRequest, kind: FromPath[str]) -> ASGIResponse:
    form = forms.read(_kind(kind), storable(await sent(request)))
    if form.mistakes:
        return _page(request, kind, None, form)
    row = await editing.add(kind, visitor_of(request).account, form.fields)
    return see(f"{HOME}/{kind}/{row.id}")


@get("/desk/detained/{kind:str}/{id:int}", may=Right.EDIT_RECORD)
async def show_one(request: AnyRequest, kind: FromPath[str], id: FromPath[int]) -> ASGIResponse:
    row = await _row(kind, id)
    return _page(request, kind, row, forms.filled(kind, row), await editing.history(row))


@post("/desk/detained/{kind:str}/{id:int}", may=Right.EDIT_RECORD)
async def change(request: AnyRequest, kind: FromPath[str], id: FromPath[int]) -> ASGIResponse:
    row = await _row(kind, id)
    form = forms.read(kind, storable(await sent(request)))
    if not form.mistakes:
        try:
            seen = form.typed.get("seen", "")
            await editing.change(row, visitor_of(request).account, seen, form.fields)
        except Refused as refused:
            form.mistakes["name"] = str(refused)
        else:
            return see(f"{HOME}/{kind}/{row.id}")
    return _page(request, kind, row, form, await editing.history(row))


@post("/desk/detained/{kind:str}/{id:int}/confirm", may=Right.EDIT_RECORD)
async def confirm(request: AnyRequest, kind: FromPath[str], id: FromPath[int]) -> ASGIResponse:
    return await _do(request, kind, id, editing.confirm)


@post("/desk/detained/{kind:str}/{id:int}/retire", may=Right.EDIT_RECORD)
async def retire(request: AnyRequest, kind: FromPath[str], id: FromPath[int]) -> ASGIResponse:
    return await _do(request, kind, id, lambda row, by: editing.retire(row, by, True))


@post("/desk/detained/{kind:str}/{id:int}/back", may=Right.EDIT_RECORD)
async def bring_back(request: AnyRequest, kind: FromPath[str], id: FromPath[int]) -> ASGIResponse:
    return await _do(request, kind, id, lambda row, by: editing.retire(row, by, False))


async def _do(
    request: AnyRequest, kind: str, id: int, verb: Callable[[Row, Account], Awaitable[None]]
) -> ASGIResponse:
    row = await _row(kind, id)
    await verb(row, visitor_of(request).account)
    return see(f"{HOME}/{kind}/{row.id}")


def _kind(kind: str) -> str:
    if kind not in editing.KINDS:
        raise _no_such()
    return kind


async def _row(kind: str, id: int) -> Row:
    row = await editing.one(kind, id)
    if row is None:
        raise _no_such()
    return row


def _no_such() -> CannotAnswer:
    told = _("There is no such line or place.")
    return CannotAnswer(told, status=404, way_on=(HOME, _("Lines and places of detention")))


def _page(
    request: AnyRequest,
    kind: str,
    row: Row | None,
    form: CheckedForm,
    history: list[Any] | None = None,
) -> Sent:
    context = {
        "kind": kind,
        "row": row,
        "form": form,
        "history": history or [],
        "actions": {each.action: _(ACTIONS[each.action]) for each in history or []},
        "counties": gazetteer.counties(),
        "codes": {code: wording.language_name(code) for code in wording.LANGUAGES},
        "statuses": {each: _(words) for each, words in wording.STATUSES.items()},
        "confidences": {"high": _("sure"), "medium": _("fairly sure"), "low": _("not sure")},
        "record_wording": record_wording,
        "due": row is not None and editing.is_due(row, today()),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("detained/desk/one.html", context, status=status))
