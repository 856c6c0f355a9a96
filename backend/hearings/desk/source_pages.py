"""Where hearings are looked for: how each source does, and which words make something relevant."""

from dataclasses import dataclass, field
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.hearings import relevance, sources
from backend.hearings.tables import HearingSource
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import LARGEST_ID
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import line, sent, typed_of
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

SOURCES = "/desk/hearings/sources"
NEW = "/desk/hearings/sources/new"
LONGEST_NAME, LONGEST_PLACE, LONGEST_EVIDENCE = 60, 300, 300


@dataclass
class SourceForm:
    typed: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def said(self, name: str) -> str:
        return line(self.typed.get(name, ""))


@get(SOURCES, may=Right.EDIT_HEARINGS)
async def list_sources(request: AnyRequest) -> ASGIResponse:
    context = {"sources": await sources.all_sources(), **_words()}
    return desk_page(request, Page("hearings/desk/sources.html", context))


@get(NEW, may=Right.EDIT_HEARINGS)
async def show_new(request: AnyRequest) -> ASGIResponse:
    return _new_page(request, SourceForm({"words": "\n".join(relevance.WORDS)}))


@post(NEW, may=Right.EDIT_HEARINGS)
async def add(request: AnyRequest) -> ASGIResponse:
    form = _read(typed_of(await sent(request)))
    _need(form, "name", LONGEST_NAME)
    if form.said("kind") not in sources.KINDS:
        form.mistakes["kind"] = _("Choose one of the list.")
    if form.said("county") and gazetteer.county(form.said("county")) is None:
        form.mistakes["county"] = _("Choose one of the list.")
    if len(form.said("evidence")) > LONGEST_EVIDENCE:
        form.mistakes["evidence"] = _("This is too long.")
    if not form.mistakes:
        try:
            made = await sources.add_source(
                visitor_of(request).account,
                name=form.said("name"),
                kind=form.said("kind"),
                place=form.said("place"),
                county=form.said("county"),
                words=form.words,
                accepts=form.said("accepts"),
                evidence=form.said("evidence"),
            )
        except Refused as refused:
            form.mistakes["source-form"] = str(refused)
        else:
            return see(f"{SOURCES}/{made.id}")
    return _new_page(request, form)


@get("/desk/hearings/sources/{id:int}", may=Right.EDIT_HEARINGS)
async def show_source(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    source = await source_with(id)
    words: Any = source.words
    typed = {
        "place": source.place,
        "words": "\n".join(words or []),
        "accepts": source.accepts,
        "enabled": "yes" if source.enabled else "",
    }
    return _source_page(request, source, SourceForm(typed))


@post("/desk/hearings/sources/{id:int}", may=Right.EDIT_HEARINGS)
async def change(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    source = await source_with(id)
    form = _read(typed_of(await sent(request)))
    if not form.mistakes:
        try:
            await sources.change_source(
                id,
                visitor_of(request).account,
                place=form.said("place"),
                words=form.words,
                accepts=form.said("accepts"),
                enabled=form.typed.get("enabled") == "yes",
            )
        except Refused as refused:
            form.mistakes["source-form"] = str(refused)
        else:
            return see(f"{SOURCES}/{id}")
    return _source_page(request, source, form)


@post("/desk/hearings/sources/{id:int}/looks", may=Right.EDIT_HEARINGS)
async def look_now(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    source = await source_with(id)
    try:
        await sources.look_now(id, visitor_of(request).account)
    except Refused as refused:
        raise CannotAnswer(
            str(refused), status=409, way_on=(f"{SOURCES}/{source.id}", source.name)
        ) from None
    return see(f"{SOURCES}/{id}?asked=yes")


async def source_with(id: int) -> HearingSource:
    """Raises CannotAnswer."""
    found = await sources.one(id) if 0 < id <= LARGEST_ID else None
    if found is None:
        told = _("There is no such source.")
        raise CannotAnswer(told, status=404, way_on=(SOURCES, _("Sources")))
    return found


def _read(typed: dict[str, str]) -> SourceForm:
    form = SourceForm(typed)
    form.words = relevance.words_of(typed.get("words", ""))
    written = [text for text in typed.get("words", "").splitlines() if text.strip()]
    if not form.words:
        form.mistakes["words"] = _("Write at least one word to look for.")
    elif len(form.words) > relevance.MOST_WORDS:
        form.mistakes["words"] = _("These are too many words: 60 are the most.")
    elif any(len(line(text)) > relevance.LONGEST_WORD for text in written):
        form.mistakes["words"] = _("A word or phrase is too long: 80 letters are the most.")
    if form.said("accepts") not in sources.ACCEPTS:
        form.mistakes["accepts"] = _("Choose one of the list.")
    if len(form.said("place")) > LONGEST_PLACE:
        form.mistakes["place"] = _("This is too long.")
    return form


def _need(form: SourceForm, name: str, most: int) -> None:
    if not form.said(name):
        form.mistakes[name] = _("Write something here.")
    elif len(form.said(name)) > most:
        form.mistakes[name] = _("This is too long: %(count)d letters are the most.") % {
            "count": most
        }


def _source_page(request: AnyRequest, source: HearingSource, form: SourceForm) -> Sent:
    asked = request.query_params.get("asked") == "yes"
    context = {"source": source, "form": form, "asked": asked, **_words()}
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("hearings/desk/source.html", context, status=status))


def _new_page(request: AnyRequest, form: SourceForm) -> Sent:
    context = {"form": form, "counties": gazetteer.counties(), **_words()}
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("hearings/desk/source_new.html", context, status=status))


def _words() -> dict[str, Any]:
    return {
        "kinds": {kind: _(words) for kind, words in sources.KINDS.items()},
        "rules": {rule: _(words) for rule, words in sources.ACCEPTS.items()},
        "state_in_words": sources.state_in_words,
        "error_in_words": sources.error_in_words,
    }
