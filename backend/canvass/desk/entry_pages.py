"""Typing in a sheet of paper: line after line, then a few of them a second time."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.campaigns import contacts, forms
from backend.campaigns.contacts import NotAContact
from backend.campaigns.forms import KEPT, SignForm
from backend.canvass import double_entry, paper, sheets, totals
from backend.canvass.desk.paper_pages import SHEETS, in_letters
from backend.canvass.desk.review_pages import PURPOSES
from backend.canvass.paper import Line, LineTaken
from backend.canvass.states import RowCheck, SheetState
from backend.canvass.tables import PaperRow, PaperSheet, Shift
from backend.staff import audit, names
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import sent
from backend.web.language import LANGUAGES
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see


@get("/desk/canvass/sheets/{id:int}", may=Right.LEAD_CANVASS)
async def show_sheet(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _sheet_page(request, await _sheet(request, id))


@post("/desk/canvass/sheets/{id:int}/count", may=Right.LEAD_CANVASS)
async def begin(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """How many of its lines are signed: counted first, so that none is forgotten."""
    sheet = await _sheet(request, id)
    given = (await _typed(request)).get("filled", "").strip()
    filled = int(given) if given.isascii() and given.isdecimal() and len(given) < 4 else -1
    try:
        await paper.begin(sheet, filled, visitor_of(request).account)
    except Refused as refused:
        return await _sheet_page(request, sheet, mistakes={"filled": str(refused)})
    return see(f"{SHEETS}/{id}")


@post("/desk/canvass/sheets/{id:int}/lines", may=Right.LEAD_CANVASS)
async def type_in(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    sheet = await _sheet(request, id)
    typed = await _typed(request)
    form, line = None, None
    if typed.get("do") != "unreadable":
        form = paper.read_line(typed)
        if form.mistakes:
            return await _sheet_page(request, sheet, form)
        line = await paper.as_line(sheet, form, _language(typed, sheet))
    try:
        await paper.type_in(sheet, _number(typed), line, visitor_of(request).account)
    except LineTaken:
        told = _("Somebody typed this line in meanwhile. Look at the paper which one is next.")
        return await _sheet_page(request, sheet, form, {"name": told})
    except Refused as refused:
        return await _sheet_page(request, sheet, form, {"name": str(refused)})
    return see(f"{SHEETS}/{id}")


@post("/desk/canvass/sheets/{id:int}/undo", may=Right.LEAD_CANVASS)
async def undo(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    sheet = await _sheet(request, id)
    try:
        await paper.undo(sheet, visitor_of(request).account)
    except Refused as refused:
        return await _sheet_page(request, sheet, mistakes={"undo": str(refused)})
    return see(f"{SHEETS}/{id}")


@post("/desk/canvass/sheets/{id:int}/end", may=Right.LEAD_CANVASS)
async def finish(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    sheet = await _sheet(request, id)
    sure = (await _typed(request)).get("sure") == "yes"
    try:
        done = await paper.finish(sheet, visitor_of(request).account, sure)
    except Refused as refused:
        return await _sheet_page(request, sheet, mistakes={"end": str(refused)})
    if not done:
        return await _sheet_page(request, sheet, unsure=True)
    return see(f"{SHEETS}/{id}")


@get("/desk/canvass/sheets/{id:int}/lines/{line:int}/again", may=Right.LEAD_CANVASS)
async def show_again(request: AnyRequest, id: FromPath[int], line: FromPath[int]) -> ASGIResponse:
    """An empty form: who types a line again does not see how it was typed first."""
    sheet = await _sheet(request, id)
    await _row(sheet, line, RowCheck.WAITING)
    return await _again_page(request, sheet, line)


@post("/desk/canvass/sheets/{id:int}/lines/{line:int}/again", may=Right.LEAD_CANVASS)
async def type_again(request: AnyRequest, id: FromPath[int], line: FromPath[int]) -> ASGIResponse:
    sheet = await _sheet(request, id)
    await _row(sheet, line, RowCheck.WAITING)
    typed = await _typed(request)
    form = paper.read_line(typed)
    if form.mistakes:
        return await _again_page(request, sheet, line, form, form.mistakes)
    said = await paper.as_line(sheet, form, _language(typed, sheet))
    try:
        same = await double_entry.type_again(sheet, line, said, visitor_of(request).account)
    except Refused as refused:
        return await _again_page(request, sheet, line, form, {"name": str(refused)})
    return see(f"{SHEETS}/{id}" + ("" if same else f"/lines/{line}/settle"))


@get("/desk/canvass/sheets/{id:int}/lines/{line:int}/settle", may=Right.LEAD_CANVASS, fresh=True)
async def show_settle(request: AnyRequest, id: FromPath[int], line: FromPath[int]) -> ASGIResponse:
    sheet = await _sheet(request, id)
    row = await _row(sheet, line, RowCheck.DIFFERENT)
    visitor = visitor_of(request)
    try:
        await names.may_see(visitor.account, 1)
    except names.TooMany as enough:
        told = (SHEETS, _("Sheets of paper"))
        raise CannotAnswer(str(enough), status=429, way_on=told) from None
    await audit.write(visitor.name, "saw_people", sheets.subject(sheet), count=1)
    await names.saw(visitor.account, 1)
    return await _settle_page(request, sheet, row, {}, {})


@post("/desk/canvass/sheets/{id:int}/lines/{line:int}/settle", may=Right.LEAD_CANVASS, fresh=True,
      back=SHEETS)  # fmt: skip
async def settle(request: AnyRequest, id: FromPath[int], line: FromPath[int]) -> ASGIResponse:
    sheet = await _sheet(request, id)
    row = await _row(sheet, line, RowCheck.DIFFERENT)
    typed = await _typed(request)
    said: Line | None = None
    if typed.get("do") != "first":
        said, mistakes = await _settled(sheet, row, typed)
        if mistakes:
            return await _settle_page(request, sheet, row, typed, mistakes)
    try:
        await double_entry.settle(sheet, line, said, visitor_of(request).account)
    except Refused as refused:
        return await _settle_page(request, sheet, row, typed, {"name": str(refused)})
    return see(f"{SHEETS}/{id}")


async def _sheet(request: AnyRequest, id: int) -> PaperSheet:
    found = await sheets.with_id(id, visitor_of(request).account)
    if found is None:
        told = _("There is no such sheet in the shifts that you lead.")
        raise CannotAnswer(told, status=404, way_on=(SHEETS, _("Sheets of paper")))
    return found


async def _row(sheet: PaperSheet, line: int, check: RowCheck) -> PaperRow:
    found = await sheets.row(sheet, line) if 0 < line <= sheet.lines else None
    if found is None or found.check != check:
        told = _("Nothing is to be done with this line, or not any more.")
        raise CannotAnswer(told, status=404, way_on=(f"{SHEETS}/{sheet.id}", _("To the sheet")))
    return found


async def _sheet_page(
    request: AnyRequest,
    sheet: PaperSheet,
    form: SignForm | None = None,
    mistakes: dict[str, str] | None = None,
    unsure: bool = False,
) -> Sent:
    sheet = await sheets.with_id(sheet.id, visitor_of(request).account) or sheet
    told = mistakes or (form.mistakes if form else {})
    rows = await sheets.rows_of(sheet)
    account = visitor_of(request).account
    context = {
        **await _about(sheet, form),
        "rows": rows,
        "line": paper.next_line(sheet, rows),
        "mistakes_told": told,
        "unsure": unsure,
        "to_check": [row for row in rows if row.check == RowCheck.WAITING],
        "differing": [row for row in rows if row.check == RowCheck.DIFFERENT],
        "mine": {row.line for row in rows if not double_entry.may_type_again(row, account)},
        "unreadable": sum(1 for row in rows if row.pledge is None),
    }
    status = 422 if told else 409 if unsure else 200
    return desk_page(request, Page("canvass/desk/entry.html", context, "entry", status))


async def _again_page(
    request: AnyRequest,
    sheet: PaperSheet,
    line: int,
    form: SignForm | None = None,
    mistakes: dict[str, str] | None = None,
) -> Sent:
    context = {**await _about(sheet, form), "line": line, "mistakes_told": mistakes or {}}
    status = 422 if mistakes else 200
    return desk_page(request, Page("canvass/desk/again.html", context, status=status))


async def _settle_page(
    request: AnyRequest,
    sheet: PaperSheet,
    row: PaperRow,
    typed: dict[str, str],
    mistakes: dict[str, str],
) -> Sent:
    """Both readings, and a form that says the first one."""
    found = await double_entry.both(row)
    if found is None:
        # Its signer withdrew it, or its names are erased: there is nothing to settle.
        await double_entry.settle(sheet, row.line, None, visitor_of(request).account)
        return see(f"{SHEETS}/{sheet.id}")
    first, second = found
    names = await totals.county_names()
    filled = typed or {
        "name": first.name,
        "contact": first.contact,
        "county": str(first.county),
        "language": first.language,
        **{f"agree_{purpose}": "yes" for purpose, text in (await sheets.texts_of(sheet)).items()
           if text.id in first.consents},
    }  # fmt: skip
    context = {
        **await _about(sheet, SignForm(typed=filled)),
        "line": row.line,
        "first": first,
        "second": second,
        "county_names": names,
        "mistakes_told": mistakes,
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("canvass/desk/settle.html", context, status=status))


async def _settled(
    sheet: PaperSheet, row: PaperRow, typed: dict[str, str]
) -> tuple[Line | None, dict[str, str]]:
    """What the paper says, and what is wrong with how it was typed."""
    found = await double_entry.both(row)
    if found is None:
        return None, {}
    mistakes = {}
    name = forms.clean_name(typed.get("name", ""))
    if wrong := forms.mistake_in_name(name):
        mistakes["name"] = wrong
    address = ""
    try:
        address = contacts.read(forms.clean_name(typed.get("contact", ""))).address
    except NotAContact:
        mistakes["contact"] = _("Write a whole e-mail address or a whole phone number.")
    county = {str(each.county): each.county for each in found}.get(typed.get("county", ""))
    if county is None:
        county = found[0].county
    texts = await sheets.texts_of(sheet)
    consents = tuple(
        text.id
        for purpose, text in texts.items()
        if purpose == "pledge" or typed.get(f"agree_{purpose}")
    )
    return Line(name, address, county, _language(typed, sheet), consents), mistakes


async def _about(sheet: PaperSheet, form: SignForm | None) -> dict[str, Any]:
    """What every page of a sheet shows, and its form as it was typed."""
    shift = await Shift.objects().where(Shift.id == sheet.shift).first()
    texts = await sheets.texts_of(sheet)
    return {
        "sheet": sheet,
        "shift": shift,
        "campaign": await sheets.campaign_of(sheet),
        "code": in_letters(sheet.code),
        "texts": {purpose: text for purpose, text in texts.items() if purpose != "pledge"},
        "purposes": {purpose: _(words) for purpose, words in PURPOSES.items()},
        "readers": [(code, each.name) for code, each in LANGUAGES.items()],
        "typed": form.typed if form else {},
        "choose": form.choose if form else (),
        "State": SheetState,
    }


async def _typed(request: AnyRequest) -> dict[str, str]:
    return {name: value.replace("\0", "")[:KEPT] for name, value in await sent(request)}


def _language(typed: dict[str, str], sheet: PaperSheet) -> str:
    code = typed.get("language", "")
    return code if code in LANGUAGES else sheet.language


def _number(typed: dict[str, str]) -> int:
    given = typed.get("line", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 4 else 0
