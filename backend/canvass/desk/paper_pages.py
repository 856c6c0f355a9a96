"""What lies on an event's table: a card to sign by on one's own phone, and sheets of paper."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from markupsafe import Markup

from backend import settings
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign
from backend.canvass import sheets
from backend.canvass.desk.pages import CANVASS, campaigns_of, hours, shift_with
from backend.canvass.states import SheetState
from backend.canvass.tables import PaperSheet, Shift
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web import language
from backend.web.errors import CannotAnswer
from backend.web.forms import sent
from backend.web.language import LANGUAGES, in_words, later
from backend.web.language import gettext as _
from backend.web.pages import Page, render
from backend.web.qr import qr
from backend.web.responses import AnyRequest, Sent, see

SHEETS = "/desk/canvass/sheets"
STATES = {
    SheetState.PRINTED: later("printed"),
    SheetState.ENTERING: later("being typed in"),
    SheetState.CHECKING: later("to check"),
    SheetState.DONE: later("done"),
}
NUMBER = re.compile("[1-9][0-9]{0,5}")


@get("/desk/canvass/{id:int}/card", may=Right.LEAD_CANVASS)
async def show_card(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """To print and put on the table: whoever signs by it is counted for the shift."""
    shift = await shift_with(request, id)
    slug = request.query_params.get("campaign", "")
    campaign = next((each for each in await campaigns_of(shift) if each.slug == slug), None)
    if campaign is None:
        told = _("This shift has no such campaign.")
        raise CannotAnswer(told, status=404, way_on=(f"{CANVASS}/{id}", shift.event))
    context = {
        "shift": shift,
        "campaign": campaign,
        "texts": [_card(code, campaign) for code in shift.languages if code in LANGUAGES],
        "qr": qr(f"/campaigns/{campaign.slug}?via={shift.code}"),
        "address": f"{_site()}/campaigns/{campaign.slug}",
        "is_live": campaign.state == CampaignState.LIVE,
    }
    return desk_page(request, Page("canvass/desk/card.html", context))


@get("/desk/canvass/{id:int}/sheets", may=Right.LEAD_CANVASS)
async def list_sheets(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _sheets_page(request, await shift_with(request, id), {}, {})


@post("/desk/canvass/{id:int}/sheets", may=Right.LEAD_CANVASS)
async def make_sheets(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    shift = await shift_with(request, id)
    typed = {name: value.replace("\0", "")[:80] for name, value in await sent(request)}
    live = [each for each in await campaigns_of(shift) if each.state == CampaignState.LIVE]
    campaign = next((each for each in live if each.slug == typed.get("campaign")), None)
    number = int(given) if NUMBER.fullmatch(given := typed.get("number", "").strip()) else 0
    mistakes = {}
    if campaign is None:
        mistakes["campaign"] = _("Choose a campaign that can be signed now.")
    if typed.get("language") not in shift.languages:
        mistakes["language"] = _("Choose one of the list.")
    if not 0 < number <= sheets.MOST_SHEETS:
        mistakes["number"] = _("Write a number from 1 to %(most)s.") % {"most": sheets.MOST_SHEETS}
    if mistakes or campaign is None:
        return await _sheets_page(request, shift, typed, mistakes)
    first, last = await sheets.print_sheets(
        shift, campaign, typed["language"], number, visitor_of(request).account
    )
    return see(f"{CANVASS}/{id}/sheets/print?from={first}&to={last}")


@get("/desk/canvass/{id:int}/sheets/print", may=Right.LEAD_CANVASS)
async def show_print(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    shift = await shift_with(request, id)
    first, last = (_whole(request.query_params.get(name, "")) for name in ("from", "to"))
    found = await sheets.sheets_of(id, first, min(last, first + sheets.MOST_SHEETS - 1))
    if not found:
        told = _("There are no such sheets.")
        raise CannotAnswer(
            told, status=404, way_on=(f"{CANVASS}/{id}/sheets", _("Sheets of paper"))
        )
    context = {"shift": shift, "articles": [await _article(each) for each in found]}
    query = {"from": str(first), "to": str(last)}
    return desk_page(request, Page("canvass/desk/print.html", context, query=query))


@get(SHEETS, may=Right.LEAD_CANVASS)
async def find_sheet(request: AnyRequest) -> ASGIResponse:
    """By the code on it, which its QR holds too; and those that somebody has begun."""
    account = visitor_of(request).account
    typed = request.query_params.get("code", "").replace("\0", "")[:60]
    sheet = await sheets.with_code(typed, account) if typed else None
    if sheet is not None:
        return see(f"{SHEETS}/{sheet.id}")
    mistakes = {}
    if typed:
        mistakes["code"] = _("None of your shifts has a sheet with this code.")
    open_ones = await sheets.open_ones(account)
    context = {
        "typed": typed,
        "mistakes_told": mistakes,
        "sheets": open_ones,
        "states": _states(),
        "in_letters": in_letters,
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("canvass/desk/find.html", context, status=status))


def in_letters(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


async def _sheets_page(
    request: AnyRequest, shift: Shift, typed: dict[str, str], mistakes: dict[str, str]
) -> Sent:
    campaigns = await campaigns_of(shift)
    context = {
        "shift": shift,
        "hours": hours(shift),
        "typed": typed,
        "mistakes_told": mistakes,
        "campaigns": [each for each in campaigns if each.state == CampaignState.LIVE],
        "titles": {each.id: in_words(each.title) for each in campaigns},  # type: ignore[arg-type]
        "readers": [(code, LANGUAGES[code].name) for code in shift.languages if code in LANGUAGES],
        "sheets": await sheets.sheets_of(shift.id),
        "states": _states(),
        "most": sheets.MOST_SHEETS,
        "in_letters": in_letters,
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("canvass/desk/sheets.html", context, status=status))


async def _article(sheet: PaperSheet) -> Markup:
    """A sheet as it is printed, in the language that its signers read."""
    context = {
        "campaign": await sheets.campaign_of(sheet),
        "consents": await sheets.texts_of(sheet),
        "number": sheet.number,
        "lines": sheet.lines,
        "code": in_letters(sheet.code),
        "qr": qr(f"{SHEETS}?code={sheet.code}"),
    }
    with _reading(sheet.language):
        said = render("parts/sheet.html", **context)
    # A template of ours, which escapes what it is given.
    return Markup(f'<div lang="{sheet.language}">{said}</div>')  # noqa: S704


def _card(code: str, campaign: Campaign) -> dict[str, str]:
    """What the card says in one language."""
    words: Any = campaign
    with _reading(code):
        return {
            "code": code,
            "title": in_words(words.title),
            "ask": in_words(words.ask),
            "scan": _("Scan this with a phone to read and sign."),
            "promise": _("You need no account. Nobody can look up who signed."),
        }


@contextmanager
def _reading(code: str) -> Iterator[None]:
    token = language.current.set(LANGUAGES.get(code, language.ENGLISH))
    try:
        yield
    finally:
        language.current.reset(token)


def _states() -> dict[int, str]:
    return {int(state): _(words) for state, words in STATES.items()}


def _whole(text: str) -> int:
    return int(text) if NUMBER.fullmatch(text) else 1


def _site() -> str:
    return urlsplit(settings.read().site_url).netloc.removeprefix("www.")
