"""The directory of help at the desk: what people said is wrong, what is due for another look, and
each place as it stands and as its source says it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.enrollment import editing, flags, places, search
from backend.enrollment.desk import forms
from backend.enrollment.desk.forms import PlaceForm
from backend.enrollment.places import KINDS, LANGUAGES, Place
from backend.enrollment.tables import FIELDS
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

DIRECTORY = "/desk/directory"
MOST = 60
LARGEST_ID = 2**31 - 1


@get(DIRECTORY, may=Right.EDIT_RECORD)
async def list_places(request: AnyRequest) -> ASGIResponse:
    words = " ".join(request.query_params.get("q", "")[:100].replace("\0", "").split())
    found = await _find(words) if words else []
    context = {
        "words": words,
        "found": found,
        "flags": await editing.open_flags(),
        "due": await editing.due(today(), MOST),
        "counts": await editing.counts(today()),
        "reasons": flags.reasons(),
        "most": MOST,
        "kind_in_words": places.kind_in_words,
    }
    return desk_page(request, Page("enrollment/desk/places.html", context, query={"q": words}))


@get("/desk/directory/new", may=Right.EDIT_RECORD)
async def show_new(request: AnyRequest) -> ASGIResponse:
    return _new_page(request, PlaceForm())


@post("/desk/directory/new", may=Right.EDIT_RECORD)
async def add(request: AnyRequest) -> ASGIResponse:
    form = forms.read_new(storable(await sent(request)))
    if form.mistakes:
        return _new_page(request, form)
    by, typed = visitor_of(request).account, form.typed
    id = await editing.add(by, typed["kind"], typed["name"], typed["organization"])
    return see(f"{DIRECTORY}/places/{id}")


@get("/desk/directory/places/{id:str}", may=Right.EDIT_RECORD)
async def show_place(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    place = await _place(id)
    return await _place_page(request, place, forms.filled(place))


@post("/desk/directory/places/{id:str}", may=Right.EDIT_RECORD)
async def change(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    place = await _place(id)
    form = forms.read(storable(await sent(request)), place)
    if not form.mistakes:
        try:
            seen = form.typed.get("seen", "")
            await editing.change(place, visitor_of(request).account, seen, form.fields)
        except Refused as refused:
            form.mistakes["name"] = str(refused)
        else:
            return see(f"{DIRECTORY}/places/{place.id}")
    return await _place_page(request, place, form)


@post("/desk/directory/places/{id:str}/check", may=Right.EDIT_RECORD)
async def check(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    return await _do(request, id, editing.check)


@post("/desk/directory/places/{id:str}/hide", may=Right.EDIT_RECORD)
async def hide(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    return await _do(request, id, lambda place, by: editing.hide(place, by, True))


@post("/desk/directory/places/{id:str}/show", may=Right.EDIT_RECORD)
async def show(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    return await _do(request, id, lambda place, by: editing.hide(place, by, False))


@post("/desk/directory/places/{id:str}/hand-back", may=Right.EDIT_RECORD)
async def hand_back(request: AnyRequest, id: FromPath[str]) -> ASGIResponse:
    async def done(place: Place, by: Account) -> None:
        if place.source != editing.DESK:
            await editing.hand_back(place, by)

    return await _do(request, id, done)


@post("/desk/directory/flags/{id:int}/settle", may=Right.EDIT_RECORD)
async def settle(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    if 0 < id <= LARGEST_ID:
        await editing.settle(id, visitor_of(request).account)
    return see(DIRECTORY)


async def _do(
    request: AnyRequest, id: str, verb: Callable[[Place, Account], Awaitable[None]]
) -> ASGIResponse:
    place = await _place(id)
    await verb(place, visitor_of(request).account)
    return see(f"{DIRECTORY}/places/{place.id}")


async def _find(words: str) -> list[Place]:
    """Places with all of the words in name, organization, city or county, hidden ones too."""
    parts = [f"%{_escaped(word)}%" for word in words.split()[:8]]
    return await search.fetch(
        "concat_ws(' ', p.name, o.name, p.city, p.county, p.zip, p.address) ILIKE ALL($1)"
        f" ORDER BY p.name, p.id LIMIT {MOST}",
        parts,
    )


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _place(id: str) -> Place:
    try:
        found = await search.with_id(UUID(id), hidden_too=True)
    except ValueError:
        found = None
    if found is None:
        told = _("There is no such place.")
        raise CannotAnswer(told, status=404, way_on=(DIRECTORY, _("Directory of help")))
    return found


def _new_page(request: AnyRequest, form: PlaceForm) -> Sent:
    context: dict[str, Any] = {"form": form, "kinds": {each: _(KINDS[each]) for each in KINDS}}
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("enrollment/desk/new.html", context, status=status))


async def _place_page(request: AnyRequest, place: Place, form: PlaceForm) -> Sent:
    context = {
        "place": place,
        "form": form,
        "kind": places.kind_in_words(place.kind),
        "codes": {code: places.language_in_words(code) for code in LANGUAGES},
        "counties": gazetteer.counties(),
        "differs": [
            (name, place.imported.get(name))
            for name in FIELDS
            if place.source != editing.DESK
            and name in place.own
            and place.imported.get(name) != place.value(name)
        ],
        "flags": [each for each in await editing.open_flags() if each["place"] == place.id],
        "reasons": flags.reasons(),
        "stale": place.is_stale(today()),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("enrollment/desk/place.html", context, status=status))
