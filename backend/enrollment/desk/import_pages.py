"""Other people's lists for the directory of help: hand a file in, see what it would change, and put
it in or drop it."""

from typing import Any

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.enrollment import importing, jobs
from backend.enrollment.tables import DirectoryImport
from backend.staff.auth import visitor_of
from backend.staff.forms import tidy
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.bodies import LARGEST_FILE
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

IMPORTS = "/desk/directory/imports"
LARGEST_ID = 2**31 - 1
ONGOING = ("waiting", "looking", "asked", "applying")


@get(IMPORTS, may=Right.EDIT_RECORD)
async def list_imports(request: AnyRequest) -> ASGIResponse:
    return await _list_page(request, {}, {})


@post(
    IMPORTS,
    may=Right.EDIT_RECORD,
    files=True,
    body=LARGEST_FILE,
    request_max_body_size=LARGEST_FILE,
)
async def hand_in(request: AnyRequest) -> ASGIResponse:
    form = await request.form()
    typed = {name: tidy(str(form.get(name) or ""))[:500] for name in ("source", "columns")}
    file, mistakes = form.get("file"), {}
    source = importing.SOURCES.get(typed["source"])
    content = b""
    if source is None:
        mistakes["source"] = _("Choose one of these.")
    if not isinstance(file, UploadFile) or not file.filename:
        mistakes["file"] = _("Choose a file.")
    else:
        content = await file.read()
        if not content:
            mistakes["file"] = _("The file is empty.")
        elif source is not None and not file.filename.casefold().endswith(source.endings):
            told = _("Such a list is a file whose name ends with %(endings)s.")
            mistakes["file"] = told % {"endings": ", ".join(source.endings)}
    try:
        importing.read_columns(typed["columns"])
    except ValueError as error:
        mistakes["columns"] = str(error)
    if mistakes:
        return await _list_page(request, typed, mistakes)
    assert isinstance(file, UploadFile)
    name = tidy("".join(sign for sign in file.filename if sign.isprintable()))[-120:]
    id = await jobs.hand_in(
        visitor_of(request).account, typed["source"], name, content, typed["columns"]
    )
    return see(f"{IMPORTS}/{id}")


@get("/desk/directory/imports/{id:int}", may=Right.EDIT_RECORD)
async def show_import(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return _import_page(request, await _import(id))


@post("/desk/directory/imports/{id:int}/apply", may=Right.EDIT_RECORD)
async def apply(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    found, form = await _import(id), await request.form()
    await jobs.look_again(
        found["id"],
        visitor_of(request).account,
        skip_mistakes=bool(form.get("skip_mistakes")),
        let_vanish=bool(form.get("let_vanish")),
    )
    return see(f"{IMPORTS}/{found['id']}")


@post("/desk/directory/imports/{id:int}/drop", may=Right.EDIT_RECORD)
async def drop(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    found = await _import(id)
    await jobs.drop(found["id"], visitor_of(request).account)
    return see(IMPORTS)


async def _import(id: int) -> dict[str, Any]:
    row: dict[str, Any] | None = None
    if 0 < id <= LARGEST_ID:
        row = await DirectoryImport.select(*_COLUMNS).where(DirectoryImport.id == id).first()
    if row is None:
        told = _("There is no such import.")
        raise CannotAnswer(told, status=404, way_on=(IMPORTS, _("Imports")))
    return row


async def _list_page(request: AnyRequest, typed: dict[str, str], mistakes: dict[str, str]) -> Sent:
    rows = await (
        DirectoryImport.select(*_COLUMNS).order_by(DirectoryImport.id, ascending=False).limit(20)
    )
    context = {
        "imports": rows,
        "typed": typed,
        "mistakes_told": mistakes,
        "largest": LARGEST_FILE // 1_000_000,
        **_words(),
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("enrollment/desk/imports.html", context, status=status))


def _import_page(request: AnyRequest, found: dict[str, Any]) -> Sent:
    report = found["report"] or {}
    context = {
        "found": found,
        "report": report,
        "ongoing": found["state"] in ONGOING,
        "refused": _(report["refused"]) if report.get("refused") else "",
        "wrong_lines": report.get("refused") == importing.WRONG_LINES,
        "many_vanish": report.get("refused") == importing.TOO_MANY_VANISH,
        **_words(),
    }
    return desk_page(request, Page("enrollment/desk/import.html", context, "import"))


def _words() -> dict[str, Any]:
    return {
        "sources": {name: _(each.label) for name, each in importing.SOURCES.items()},
        "states": {
            "waiting": _("waits to be looked at"),
            "looked": _("looked at"),
            "asked": _("is being put in"),
            "applied": _("put in"),
            "dropped": _("dropped"),
        },
    }


# All but the file itself.
_COLUMNS = (
    DirectoryImport.id,
    DirectoryImport.source,
    DirectoryImport.file_name,
    DirectoryImport.state,
    DirectoryImport.progress,
    DirectoryImport.report,
    DirectoryImport.made_at,
    DirectoryImport.applied_at,
    DirectoryImport.made_by.name,
    DirectoryImport.skip_mistakes,
    DirectoryImport.let_vanish,
)
