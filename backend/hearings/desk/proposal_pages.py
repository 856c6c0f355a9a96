"""What importers propose: an editor accepts it, mends it first, or turns it down."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from markupsafe import Markup, escape

from backend.hearings import proposals, queries, sources
from backend.hearings.desk import forms
from backend.hearings.desk import lines as hearing_lines
from backend.hearings.desk import pages as hearings
from backend.hearings.desk.forms import LONGEST_WHY, WHOLE, HearingForm
from backend.hearings.proposals import Told
from backend.hearings.relevance import Match
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import LARGEST_ID, Account
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import line, sent, typed_of
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

PROPOSALS = "/desk/hearings/proposals"
MOST = 100
ACTIONS = {
    "add": later("A new hearing"),
    "change": later("A change"),
    "cancel": later("It seems to be off"),
}
STATES = {
    "waiting": later("Waiting"),
    "accepted": later("Accepted"),
    "turned_down": later("Turned down"),
    "overtaken": later("Its source says something newer"),
}


@get(PROPOSALS, may=Right.EDIT_HEARINGS)
async def list_proposals(request: AnyRequest) -> ASGIResponse:
    return await _list_page(request, _source(request.query_params.get("source", "")))


@post(PROPOSALS, may=Right.EDIT_HEARINGS)
async def decide_ticked(request: AnyRequest) -> ASGIResponse:
    """Accept all that are ticked, or turn them down, as far as it can be done."""
    given = await sent(request)
    typed = typed_of(given)
    ticked = [_number(value) for name, value in given if name == "proposal"][:MOST]
    source = _source(typed.get("source", ""))
    why = line(typed.get("why", ""))[:LONGEST_WHY]
    by = visitor_of(request).account
    told = ""
    if not ticked:
        told = _("Tick those that you mean.")
    elif typed.get("do") == "turn_down" and not why:
        told = _("Say in a sentence why.")
    if told:
        return await _list_page(request, source, [told], set(ticked), why)
    refused = []
    for id in ticked:
        try:
            if typed.get("do") == "turn_down":
                await proposals.turn_down(id, by, why)
            else:
                await proposals.accept(id, by)
        except Refused as error:
            refused.append(_("Proposal %(number)d: %(why)s") % {"number": id, "why": error})
    if refused:
        return await _list_page(request, source, refused)
    return see(f"{PROPOSALS}?source={source}" if source else PROPOSALS)


@get("/desk/hearings/proposals/{id:int}", may=Right.EDIT_HEARINGS)
async def show_proposal(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _proposal_page(request, await proposal_with(id))


@post("/desk/hearings/proposals/{id:int}/accept", may=Right.EDIT_HEARINGS)
async def accept(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """As it is; or, with `into`, as one that is here already."""
    given = typed_of(await sent(request)).get("into")
    into = None if given is None else _number(given)

    async def done(told: Told, by: Account) -> str:
        if told.state == proposals.ACCEPTED and told.hearing:  # the button was pressed twice
            return f"{hearings.HEARINGS}/{told.hearing}"
        return f"{hearings.HEARINGS}/{await proposals.accept(told.id, by, into=into)}"

    return await _decide(request, id, done)


@post("/desk/hearings/proposals/{id:int}/turn-down", may=Right.EDIT_HEARINGS)
async def turn_down(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    why = line(typed_of(await sent(request)).get("why", ""))[:LONGEST_WHY]

    async def done(told: Told, by: Account) -> str:
        if not why:
            raise Refused(_("Say in a sentence why."))
        if told.state == proposals.TURNED_DOWN:
            return PROPOSALS
        await proposals.turn_down(told.id, by, why)
        return PROPOSALS

    return await _decide(request, id, done)


@get("/desk/hearings/proposals/{id:int}/edit", may=Right.EDIT_HEARINGS)
async def show_edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    told = await proposal_with(id)
    seen = await queries.last_change(told.hearing) if told.hearing else 0
    return await _edit_page(request, told, forms.filled(told.after, seen))


@post("/desk/hearings/proposals/{id:int}/edit", may=Right.EDIT_HEARINGS)
async def edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    told = await proposal_with(id)
    form = forms.read(await sent(request), told.after)
    if form.entry is None:
        return await _edit_page(request, told, form)
    waits = told.state == proposals.WAITING
    if waits and told.hearing and form.seen != await queries.last_change(told.hearing):
        form.mistakes[WHOLE] = _("Somebody changed this hearing meanwhile. Look at it first.")
        return await _edit_page(request, told, form)
    try:
        hearing = await proposals.accept(told.id, visitor_of(request).account, form.entry)
    except Refused as refused:
        form.mistakes[WHOLE] = str(refused)
        return await _edit_page(request, told, form)
    return see(f"{hearings.HEARINGS}/{hearing}")


async def proposal_with(id: int) -> Told:
    """Raises CannotAnswer."""
    told = await proposals.one(id) if 0 < id <= LARGEST_ID else None
    if told is None:
        said = _("There is no such proposal.")
        raise CannotAnswer(said, status=404, way_on=(PROPOSALS, _("Proposals")))
    return told


def marked(match: Match) -> Markup:
    """The words around a match, with every place where it stands marked, however it is written
    there: SB-54, S.B. 54."""
    parts = re.findall(r"[^\W\d_]+|\d+", match.word)
    loose = [r"\.?".join(part) if len(part) <= 3 else re.escape(part) for part in parts]
    pattern = r"[\W_]{0,4}".join(loose)
    pieces = re.split(f"({pattern})", match.text, flags=re.IGNORECASE) if parts else [match.text]
    return Markup().join(
        Markup("<mark>{}</mark>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


async def _decide(
    request: AnyRequest, id: int, verb: Callable[[Told, Account], Awaitable[str]]
) -> ASGIResponse:
    """Do it and go where it leads; or see the proposal with the reason why not."""
    told = await proposal_with(id)
    try:
        return see(await verb(told, visitor_of(request).account))
    except Refused as refused:
        return await _proposal_page(request, await proposal_with(id), str(refused))


async def _list_page(
    request: AnyRequest,
    source: int | None,
    refused: list[str] | None = None,
    ticked: set[int] | None = None,
    why: str = "",
) -> Sent:
    found = await proposals.waiting(source, MOST)
    context = {
        "proposals": [_shown(told) for told in found],
        "number": await proposals.how_many(),
        "most": MOST,
        "source": source,
        "sources": await sources.all_sources(),
        "refused": refused or [],
        "ticked": ticked or set(),
        "why": why,
        **_words(),
    }
    status = 409 if refused else 200
    return desk_page(request, Page("hearings/desk/proposals.html", context, status=status))


async def _proposal_page(request: AnyRequest, told: Told, refused: str = "") -> Sent:
    context = {
        "each": _shown(told),
        "alike": [await hearings.hearing_with(id) for id in told.alike],
        "refused": refused,
        "said": hearing_lines.said(told.after),
        **_words(),
    }
    status = 409 if refused else 200
    return desk_page(request, Page("hearings/desk/proposal.html", context, status=status))


async def _edit_page(request: AnyRequest, told: Told, form: HearingForm) -> Sent:
    hearing = await hearings.hearing_with(told.hearing) if told.hearing else None
    context = {
        "each": _shown(told),
        "meanwhile": await hearings.meanwhile(hearing, form),
        **await hearings.form_context(request, form),
        **_words(),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("hearings/desk/proposal_edit.html", context, status=status))


def _shown(told: Told) -> dict[str, Any]:
    return {
        "told": told,
        "lines": hearing_lines.changed(told.before, told.after) if told.before else [],
        "matches": [(match, marked(match)) for match in told.matched],
    }


def _words() -> dict[str, Any]:
    return {
        "actions": {name: _(words) for name, words in ACTIONS.items()},
        "states": {name: _(words) for name, words in STATES.items()},
        **hearings.words(),
    }


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return number if number <= LARGEST_ID else 0


def _source(text: str) -> int | None:
    return _number(text) or None
