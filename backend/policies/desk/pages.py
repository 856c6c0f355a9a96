"""The record at the desk: find a fact, draft a change, decide on somebody's draft."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.policies import changes, entries, text_diff, wording
from backend.policies.changes import Part, Told
from backend.policies.desk import forms as record_forms
from backend.policies.desk.forms import FIELDS, KINDS, NEW_SOURCES, SOURCE_FIELDS, FactForm
from backend.policies.entries import Entry, FactName
from backend.policies.questions import ANSWERS, Question
from backend.policies.tables import Conflict
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.clock import today
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import one_line, sent
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, go_on, see

RECORD = "/desk/record"
MOST = 60
LARGEST_ID = 2**31 - 1
ACTIONS = {
    "add": later("Added"),
    "correct": later("Corrected"),
    "retire": later("Taken out"),
    "supersede": later("Replaced"),
    "check": later("Checked again"),
    "load": later("Changed in the files"),
}
STATES = {
    "draft": later("Draft"),
    "approved": later("Approved"),
    "turned_down": later("Turned down"),
    "withdrawn": later("Taken back"),
}


@get(RECORD, may=Right.EDIT_RECORD)
async def list_facts(request: AnyRequest) -> ASGIResponse:
    asked = {name: request.query_params.get(name, "")[:100] for name in ("file", "kind", "q")}
    standing = await entries.present()
    found = [
        (name, entry, entry["review_by"] < today().isoformat())
        for name, entry in standing.items()
        if asked["file"] in ("", name.file)
        and asked["kind"] in ("", name.kind)
        and asked["q"].casefold() in f"{name} {entry}".casefold()
    ]
    found.sort(key=lambda each: (each[1]["review_by"], each[0]))
    conflicts = await Conflict.objects().order_by(Conflict.key)
    context = {
        "asked": asked,
        "found": found[:MOST],
        "number": len(found),
        "drafts": await changes.drafts(),
        "conflicts": conflicts,
        "not_exported": await changes.not_exported(),
        **_words(),
    }
    return desk_page(request, Page("policies/desk/facts.html", context, block="facts", query=asked))


@get("/desk/record/new", may=Right.EDIT_RECORD)
async def choose_kind(request: AnyRequest) -> ASGIResponse:
    """Where the form for a new fact is asked for; it leads to its own address."""
    file, kind = (request.query_params.get(name, "")[:60] for name in ("file", "kind"))
    if _is_place(file, kind):
        return see(f"{RECORD}/{file}/{kind}/new")
    return desk_page(request, Page("policies/desk/new.html", {"file": file, **_words()}))


@get("/desk/record/{file:str}/{kind:str}/new", may=Right.EDIT_RECORD)
async def show_new(request: AnyRequest, file: FromPath[str], kind: FromPath[str]) -> ASGIResponse:
    name = _named(file, kind, "new")
    return await _form_page(request, await record_forms.blank(name), "add")


@post("/desk/record/{file:str}/{kind:str}/new", may=Right.EDIT_RECORD)
async def add(request: AnyRequest, file: FromPath[str], kind: FromPath[str]) -> ASGIResponse:
    standing = await entries.present()
    form = await _read(request, _named(file, kind, "new"), standing)
    if form.entry is None or form.mistakes:
        return await _form_page(request, form, "add")
    name = FactName(file, kind, await record_forms.fresh_id(form.name, form.entry))
    return await _propose(request, form, "add", [Part(name, None, form.entry)])


@get("/desk/record/{file:str}/{kind:str}/{id:str}", may=Right.EDIT_RECORD)
async def show_fact(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    name, entry = await _fact(file, kind, id, retired_too=True)
    context = {
        "name": name,
        "entry": entry,
        "lines": text_diff.differences(name.kind, entry, entry),
        "history": await changes.history(name),
        "due": bool(entry) and entry["review_by"] < today().isoformat() if entry else False,
        "sources": entry["sources"] if entry else [],
        **_words(),
    }
    return desk_page(request, Page("policies/desk/fact.html", context))


@get("/desk/record/{file:str}/{kind:str}/{id:str}/correct", may=Right.EDIT_RECORD)
async def show_correct(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    name, entry = await _fact(file, kind, id)
    return await _form_page(request, await record_forms.filled(name, entry), "correct")


@post("/desk/record/{file:str}/{kind:str}/{id:str}/correct", may=Right.EDIT_RECORD)
async def correct(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    name, entry = await _fact(file, kind, id)
    form = await _read(request, name, await entries.present())
    if form.entry is None or form.mistakes:
        return await _form_page(request, form, "correct")
    return await _propose(request, form, "correct", [Part(name, entry, form.entry)])


@get("/desk/record/{file:str}/{kind:str}/{id:str}/replace", may=Right.EDIT_RECORD)
async def show_replace(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    """A rule that another one followed: its form is filled in as the new one, to be changed."""
    name, entry = await _fact(file, "rule" if kind == "rule" else "", id)
    form = await record_forms.filled(name, {**entry, "until": None})
    form.typed |= {"from": "", "checked_on": today().isoformat()}
    return await _form_page(request, form, "supersede")


@post("/desk/record/{file:str}/{kind:str}/{id:str}/replace", may=Right.EDIT_RECORD)
async def replace(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    name, entry = await _fact(file, "rule" if kind == "rule" else "", id)
    standing = await entries.present()
    form = await _read(request, name, standing)
    ended = form.typed.get("ended", "").strip()
    old = entries.canonical("rule", {**entry, "until": ended})
    for _key, sentence in [] if form.mistakes else changes.mistakes_in(name, old, standing):
        form.mistakes.setdefault("ended", sentence)
    if not ended:
        form.mistakes["ended"] = _("Say the last day of the old rule.")
    if form.entry is None or form.mistakes:
        return await _form_page(request, form, "supersede")
    successor = FactName(file, kind, await record_forms.fresh_id(name, form.entry))
    parts = [Part(name, entry, old), Part(successor, None, form.entry)]
    return await _propose(request, form, "supersede", parts)


@get("/desk/record/{file:str}/{kind:str}/{id:str}/retire", may=Right.EDIT_RECORD)
async def show_retire(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    name, _entry = await _fact(file, kind, id)
    return _retire_page(request, name, {}, {})


@post("/desk/record/{file:str}/{kind:str}/{id:str}/retire", may=Right.EDIT_RECORD)
async def retire(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    name, entry = await _fact(file, kind, id)
    typed = {key: value[:300] for key, value in await sent(request)}
    why = {code: one_line(typed.get(f"why_{code}", "")) for code in ("en", "es")}
    if not why["en"]:
        told = _("Say in a sentence what changed. Everyone can read it.")
        return _retire_page(request, name, typed, {"why_en": told})
    try:
        change = await changes.propose(
            visitor_of(request).account, "retire", [Part(name, entry, None)], why
        )
    except Refused as refused:
        return _retire_page(request, name, typed, {"why_en": str(refused)})
    return see(f"{RECORD}/changes/{change.id}")


@post("/desk/record/{file:str}/{kind:str}/{id:str}/check", may=Right.EDIT_RECORD)
async def check(
    request: AnyRequest, file: FromPath[str], kind: FromPath[str], id: FromPath[str]
) -> ASGIResponse:
    """Looked at the sources again: the fact stands, and the next look is as far off as before."""
    name, entry = await _fact(file, kind, id)
    now = today()
    after = {**entry, "checked_on": now.isoformat(), "review_by": _next_look(entry)}
    if after == entry:  # somebody looked today already
        return see(_address(name))
    try:
        await changes.look_again(visitor_of(request).account, Part(name, entry, after))
    except Refused as refused:
        raise CannotAnswer(str(refused), status=409, way_on=_back(name)) from None
    return see(_address(name))


@get("/desk/record/changes/{id:str}", may=Right.EDIT_RECORD)
async def show_change(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    return await _change_page(request, await _told(id))


@post("/desk/record/changes/{id:str}/approve", may=Right.EDIT_RECORD)
async def approve(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    told = await _told(id)
    try:
        await changes.approve(told.change.id, visitor_of(request).account)
    except Refused as refused:
        return await _change_page(request, await _told(id), str(refused))
    return see(f"{RECORD}/changes/{told.change.id}")


@post("/desk/record/changes/{id:str}/turn-down", may=Right.EDIT_RECORD)
async def turn_down(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    told = await _told(id)
    because = one_line(dict(await sent(request)).get("because", ""))[:300]
    if not because:
        return await _change_page(request, told, _("Say why, so that the next draft is better."))
    try:
        await changes.turn_down(told.change.id, visitor_of(request).account, because)
    except Refused as refused:
        return await _change_page(request, await _told(id), str(refused))
    return see(f"{RECORD}/changes/{told.change.id}")


@post("/desk/record/changes/{id:str}/withdraw", may=Right.EDIT_RECORD)
async def withdraw(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    told = await _told(id)
    try:
        await changes.withdraw(told.change.id, visitor_of(request).account)
    except Refused as refused:
        return await _change_page(request, await _told(id), str(refused))
    return see(f"{RECORD}/changes/{told.change.id}")


@post("/desk/record/conflicts/{id:str}/{whose:str}", may=Right.EDIT_RECORD)
async def decide_conflict(
    request: AnyRequest, id: FromPath[str], whose: FromPath[str]
) -> ASGIResponse:
    conflict = await Conflict.objects().where(Conflict.id == _number(id)).first()
    if conflict is None or whose not in ("files", "desk"):
        raise _no_such()
    by = visitor_of(request).account
    if whose == "desk":
        await changes.keep_the_desks(conflict, by)
        return see(RECORD)
    try:
        change = await changes.use_the_files(conflict, by)
    except Refused as refused:
        raise CannotAnswer(str(refused), status=409, way_on=(RECORD, _("The record"))) from None
    return see(f"{RECORD}/changes/{change.id}")


async def _propose(
    request: AnyRequest, form: FactForm, action: str, parts: list[Part]
) -> ASGIResponse:
    try:
        change = await changes.propose(visitor_of(request).account, action, parts, form.why)
    except Refused as refused:
        form.mistakes["why_en"] = str(refused)
        return await _form_page(request, form, action)
    return go_on(request, f"{RECORD}/changes/{change.id}")


async def _read(request: AnyRequest, name: FactName, standing: dict[FactName, Entry]) -> FactForm:
    by = visitor_of(request).name
    return await record_forms.read(name, await sent(request), by, standing)


async def _form_page(request: AnyRequest, form: FactForm, action: str) -> Sent:
    context = {
        "form": form,
        "name": form.name,
        "action": action,
        "fields": FIELDS[form.name.kind],
        "new_sources": NEW_SOURCES,
        "source_fields": SOURCE_FIELDS,
        "questions": [each for each in ANSWERS if each is not Question.RULE_MAKER],
        "answers": ANSWERS,
        "wording": wording,
        "laws": await record_forms.law_slugs() if form.name.kind == "rule" else [],
        "worded": _,
        "verb": {"add": "new", "correct": "correct", "supersede": "replace"}[action],
        **_words(),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("policies/desk/form.html", context, "form", status))


def _retire_page(
    request: AnyRequest, name: FactName, typed: dict[str, str], mistakes: dict[str, str]
) -> Sent:
    context = {"name": name, "typed": typed, "mistakes_told": mistakes, **_words()}
    status = 422 if mistakes else 200
    return desk_page(request, Page("policies/desk/retire.html", context, status=status))


async def _change_page(request: AnyRequest, told: Told, refused: str = "") -> Sent:
    visitor = visitor_of(request)
    context = {
        "told": told,
        "parts": [
            (part, text_diff.changed(part.name.kind, part.before, part.after))
            for part in told.parts
        ],
        "mine": told.made_by == visitor.name,
        "why_not": await changes.why_not_approve(told.change, visitor.account),
        "refused": refused,
        **_words(),
    }
    status = 409 if refused else 200
    return desk_page(request, Page("policies/desk/change.html", context, status=status))


def _words() -> dict[str, Any]:
    places = [("state", _("All of California"))]
    places += [(county.slug, county.name) for county in gazetteer.counties()]
    return {
        "kinds": {kind: _(label) for kind, label in KINDS.items()},
        "places": dict(places),
        "actions": {action: _(label) for action, label in ACTIONS.items()},
        "states": {state: _(label) for state, label in STATES.items()},
        "address": _address,
        "summary_of": _summary_of,
    }


def _summary_of(entry: Entry) -> dict[str, str]:
    """The words that tell one fact from another in a list."""
    words: dict[str, str] = entry.get("title") or entry.get("summary") or entry["definition"]
    return words


def _next_look(entry: Entry) -> str:
    """As long from today as the last look was planned to hold, a year at most."""
    import datetime

    checked, due = (datetime.date.fromisoformat(entry[key]) for key in ("checked_on", "review_by"))
    days = min(max((due - checked).days, 30), 366)
    return (today() + datetime.timedelta(days=days)).isoformat()


async def _fact(file: str, kind: str, id: str, retired_too: bool = False) -> tuple[FactName, Entry]:
    name = _named(file, kind, id)
    entry = (await entries.present({file})).get(name)
    if entry is None and not (retired_too and await changes.history(name)):
        raise _no_such()
    return name, entry or {}


def _named(file: str, kind: str, id: str) -> FactName:
    if not _is_place(file, kind) or len(id) > 60:
        raise _no_such()
    return FactName(file, kind, id)


def _is_place(file: str, kind: str) -> bool:
    known = file == "state" or gazetteer.county(file) is not None
    return known and kind in FIELDS and (kind != "law" or file == "state")


async def _told(id: str) -> Told:
    told = await changes.told(_number(id))
    if told is None:
        raise _no_such()
    return told


def _number(text: str) -> int:
    """The id in an address; 0, which nothing has, for anything else."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else 0
    return number if number <= LARGEST_ID else 0


def _no_such() -> CannotAnswer:
    told = _("There is no such fact or change.")
    return CannotAnswer(told, status=404, way_on=(RECORD, _("The record")))


def _address(name: FactName) -> str:
    return f"{RECORD}/{name.file}/{name.kind}/{name.entry_id}"


def _back(name: FactName) -> tuple[str, str]:
    return _address(name), _("Back to the fact")
