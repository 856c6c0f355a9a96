"""Hearings at the desk: announce one, say what became of it, and see who changed what."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec.structs import replace

from backend.counties import gazetteer
from backend.hearings import changes, ledger, lifecycle, queries, wording
from backend.hearings import entry as entries
from backend.hearings.desk import forms, todo
from backend.hearings.desk import lines as hearing_lines
from backend.hearings.desk import wording as hearing_words
from backend.hearings.desk.forms import WHOLE, HearingForm
from backend.hearings.desk.lines import Line
from backend.hearings.entry import Entry
from backend.hearings.kinds import Kind, Result, Status, Topic
from backend.hearings.lifecycle import ACTS, Act
from backend.hearings.tables import Hearing, HearingChange
from backend.policies import wording as record_wording
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.rooms import gathered
from backend.staff.tables import LARGEST_ID, Account
from backend.web.clock import CALIFORNIA, today
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import Sent as Given
from backend.web.forms import sent
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

HEARINGS = "/desk/hearings"
NEW = "/desk/hearings/new"
MOST_AHEAD, MOST_PAST = 200, 60
TAKEN_OUT = "taken_out"


@dataclass(frozen=True)
class Told:
    """A line of a hearing's history."""

    change: HearingChange
    by: str
    lines: list[Line] = field(default_factory=list)


@get(HEARINGS, may=Right.EDIT_HEARINGS)
async def list_hearings(request: AnyRequest) -> ASGIResponse:
    asked = {name: request.query_params.get(name, "")[:100] for name in ("county", "status", "q")}
    context = {
        "asked": asked,
        "ahead": await _found(asked, MOST_AHEAD, ahead=True),
        "past": await _found(asked, MOST_PAST, ahead=False),
        "most": (MOST_AHEAD, MOST_PAST),
        "waiting": await gathered([todo.waiting], visitor_of(request)),
        "owed": await ledger.owed(today()),
        "needs_outcome": lifecycle.needs_outcome,
        **words(),
    }
    return desk_page(
        request, Page("hearings/desk/hearings.html", context, block="found", query=asked)
    )


@get(NEW, may=Right.EDIT_HEARINGS)
async def show_new(request: AnyRequest) -> ASGIResponse:
    """Empty, for what is owed in a county (`kind`, `county`), or like another one (`copy`)."""
    asked = {name: request.query_params.get(name, "")[:60] for name in ("kind", "county", "copy")}
    form = forms.blank(asked["kind"], asked["county"])
    if asked["copy"].isascii() and asked["copy"].isdecimal():
        like = await hearing_with(int(asked["copy"]))
        form = forms.as_new(await queries.entry_of(like))
    return await _form_page(request, form, None)


@post(NEW, may=Right.EDIT_HEARINGS)
async def announce(request: AnyRequest) -> ASGIResponse:
    form = forms.read(await sent(request))
    if form.typed.get("do") == "preview":
        return await _form_page(request, form, None, preview=True)
    if form.entry is None:
        return await _form_page(request, form, None)
    try:
        id = await changes.announce_once(form.entry, visitor_of(request).account)
    except Refused as refused:
        form.mistakes[WHOLE] = str(refused)
        return await _form_page(request, form, None)
    return see(f"{HEARINGS}/{id}")


@get("/desk/hearings/{id:int}", may=Right.EDIT_HEARINGS)
async def show_hearing(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _hearing_page(request, await hearing_with(id))


@get("/desk/hearings/{id:int}/edit", may=Right.EDIT_HEARINGS)
async def show_edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    hearing = await _standing(id)
    form = forms.filled(await queries.entry_of(hearing), await queries.last_change(id))
    return await _form_page(request, form, hearing)


@post("/desk/hearings/{id:int}/edit", may=Right.EDIT_HEARINGS)
async def edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    hearing = await _standing(id)
    form = forms.read(await sent(request), await queries.entry_of(hearing))
    if form.typed.get("do") == "preview":
        return await _form_page(request, form, hearing, preview=True)
    if await _change(hearing, form, visitor_of(request).account):
        return see(f"{HEARINGS}/{id}")
    return await _form_page(request, form, hearing)


@get("/desk/hearings/{id:int}/{act:str}", may=Right.EDIT_HEARINGS)
async def show_act(request: AnyRequest, id: FromPath[int], act: FromPath[str]) -> ASGIResponse:
    chosen, hearing = _act(act), await _standing(id)
    form = forms.filled(await queries.entry_of(hearing), await queries.last_change(id))
    if hearing.status == Status.POSTPONED:  # the old day does not hold any more
        form.typed |= {"starts_on": "", "ends_on": ""}
    return await _act_page(request, chosen, hearing, form)


@post("/desk/hearings/{id:int}/{act:str}", may=Right.EDIT_HEARINGS)
async def do_act(request: AnyRequest, id: FromPath[int], act: FromPath[str]) -> ASGIResponse:
    chosen, hearing = _act(act), await hearing_with(id)
    if hearing.taken_out_at:
        return see(f"{HEARINGS}/{id}")
    by = visitor_of(request).account
    form = _read_act(chosen, await sent(request), await queries.entry_of(hearing))
    if chosen.name == "removals":
        done = await _take_out(hearing, form, by)
    else:
        done = await _change(hearing, form, by, chosen)
    return see(f"{HEARINGS}/{id}") if done else await _act_page(request, chosen, hearing, form)


async def hearing_with(id: int) -> Hearing:
    """Also one that was taken out. Raises CannotAnswer."""
    found: Hearing | None = None
    if 0 < id <= LARGEST_ID:
        found = await Hearing.objects(Hearing.county).where(Hearing.id == id).first()
    if found is None:
        raise _no_such()
    return found


def preview_of(before: Entry | None, after: Entry) -> list[Line]:
    return hearing_lines.changed(before, after) if before else hearing_lines.said(after)


async def form_context(request: AnyRequest, form: HearingForm) -> dict[str, Any]:
    """What the fields of a hearing's form need."""
    chosen = form.typed.get("campaign", "")
    offered = request.app.state.offers.get("campaigns")
    found: list[tuple[str, Any]] = list(await offered()) if offered else []
    if chosen and chosen not in [slug for slug, _title in found]:
        found.append((chosen, {"en": chosen}))
    return {
        "form": form,
        "campaigns": found,
        "kinds": [(each.value, hearing_words.kind(each)) for each in Kind],
        "topics": [(each.value, wording.topic(each)) for each in Topic],
        "results": [(each.value, hearing_words.result(each)) for each in Result],
        "grades": record_wording.GRADES,
        "grade": record_wording.grade,
        "label": lambda name: _(hearing_lines.LABELS[name]),
        "longest": forms.SAID,
        **words(),
    }


async def _found(asked: dict[str, str], most: int, *, ahead: bool) -> list[Hearing]:
    """Those whose day has not passed, the next first; or the others, the newest first."""
    since = datetime.datetime.combine(today(), datetime.time(), CALIFORNIA)
    wanted: Any = Hearing.starts_at >= since if ahead else Hearing.starts_at < since
    gone = asked["status"] == TAKEN_OUT
    wanted &= Hearing.taken_out_at.is_not_null() if gone else Hearing.taken_out_at.is_null()
    if asked["status"] in list(Status):
        wanted &= Hearing.status == asked["status"]
    if asked["county"] == "state":
        wanted &= Hearing.county.is_null()
    elif asked["county"]:
        wanted &= Hearing.county.slug == asked["county"].replace("\0", "")
    found: list[Hearing] = await (
        Hearing.objects(Hearing.county)
        .where(wanted)
        .order_by(Hearing.starts_at, ascending=ahead)
        .order_by(Hearing.id)
        .limit(most if not asked["q"] else 2000)
    )
    words = asked["q"].casefold().split()
    return [each for each in found if _has(each, words)][:most]


def _has(hearing: Hearing, words: list[str]) -> bool:
    told: Any = hearing.title
    text = " ".join([*told.values(), hearing.body, hearing.place, hearing.file_number]).casefold()
    return all(word in text for word in words)


def _read_act(act: Act, given: Given, before: Entry) -> HearingForm:
    if "outcome" in act.asks:
        return forms.read_outcome(given, before)
    if "when" in act.asks:
        form = forms.read_move(given, before)
    else:
        form = forms.read_reason(given)
        form.entry = None if form.mistakes else before
    if form.entry is not None and act.to is not None:
        form.entry = replace(form.entry, status=act.to)
    return form


async def _change(hearing: Hearing, form: HearingForm, by: Account, act: Act | None = None) -> bool:
    """Whether it says now what the form says; else the form says why not."""
    if form.entry is None:
        return False
    if await changes.said_already(hearing, form.entry, form.seen):
        return True
    try:
        if act:
            act.must_be_possible(await queries.entry_of(hearing), form.entry)
        await changes.change(hearing.id, form.entry, by, seen=form.seen, why=form.why)
    except Refused as refused:
        form.mistakes[WHOLE] = str(refused)
        return False
    return True


async def _take_out(hearing: Hearing, form: HearingForm, by: Account) -> bool:
    if form.mistakes:
        return False
    try:
        await changes.take_out(hearing.id, by, form.why, seen=form.seen)
    except Refused as refused:
        form.mistakes[WHOLE] = str(refused)
        return False
    return True


async def history(id: int, *, since: int = 0) -> list[Told]:
    """What happened to it, the newest first; without the first `since` of its changes."""
    found = await queries.history(id)
    return [_told(change) for change in found[: len(found) - since]]


def _told(change: HearingChange) -> Told:
    maker: Any = change.made_by
    rows: Any = change
    before = entries.read(rows.before) if rows.before else None
    by = maker.name if maker and maker.id else change.source
    lines = hearing_lines.changed(before, entries.read(rows.after)) if before else []
    return Told(change, by, lines)


async def _hearing_page(request: AnyRequest, hearing: Hearing) -> Sent:
    entry = await queries.entry_of(hearing)
    context = {
        "hearing": hearing,
        "entry": entry,
        "lines": hearing_lines.said(entry),
        "acts": lifecycle.possible(hearing),
        "history": await history(hearing.id),
        "needs_outcome": lifecycle.needs_outcome(hearing),
        **words(),
    }
    return desk_page(request, Page("hearings/desk/hearing.html", context))


async def _form_page(
    request: AnyRequest, form: HearingForm, hearing: Hearing | None, preview: bool = False
) -> Sent:
    before = await queries.entry_of(hearing) if hearing else None
    context = {
        "hearing": hearing,
        "here": f"{HEARINGS}/{hearing.id}/edit" if hearing else NEW,
        "preview": preview_of(before, form.entry) if preview and form.entry else None,
        "meanwhile": await meanwhile(hearing, form),
        **await form_context(request, form),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("hearings/desk/edit.html", context, status=status))


async def _act_page(request: AnyRequest, act: Act, hearing: Hearing, form: HearingForm) -> Sent:
    context = {
        "act": act,
        "hearing": hearing,
        "entry": await queries.entry_of(hearing),
        "meanwhile": await meanwhile(hearing, form),
        "worded": _,
        **await form_context(request, form),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("hearings/desk/act.html", context, status=status))


async def meanwhile(hearing: Hearing | None, form: HearingForm) -> list[Told]:
    """What others changed since the person opened the form. They see it now, so that they may save
    what they have in spite of it."""
    if hearing is None or WHOLE not in form.mistakes:
        return []
    newest, seen = await queries.last_change(hearing.id), form.seen
    if seen >= newest:
        return []
    form.seen = newest
    return await history(hearing.id, since=seen)


def words() -> dict[str, Any]:
    places = [("state", _("All of California"))]
    places += [(county.slug, county.name) for county in gazetteer.counties()]
    return {
        "places": dict(places),
        "statuses": {each.value: hearing_words.status(each) for each in Status},
        "wording": hearing_words,
        "when_words": hearing_lines.when_in_words,
        "place_name": hearing_lines.place_name,
        "worded": _,
    }


def _act(name: str) -> Act:
    if name not in ACTS:
        raise _no_such()
    return ACTS[name]


async def _standing(id: int) -> Hearing:
    hearing = await hearing_with(id)
    if hearing.taken_out_at:
        told = _("This hearing was taken out. Only its history is left.")
        raise CannotAnswer(told, status=410, way_on=(f"{HEARINGS}/{id}", _("Its history")))
    return hearing


def _no_such() -> CannotAnswer:
    told = _("There is no such hearing.")
    return CannotAnswer(told, status=404, way_on=(HEARINGS, _("Hearings")))
