"""Calling who left a phone number, one number at a time."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.campaigns import calls
from backend.campaigns.desk.pages import CAMPAIGNS, campaign_with
from backend.campaigns.pledges import Opened
from backend.campaigns.tables import Campaign
from backend.staff import names
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import Account
from backend.web.errors import CannotAnswer
from backend.web.forms import sent
from backend.web.language import ENGLISH, LANGUAGES
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

CALLS = "/desk/campaigns/{id:int}/calls"
# What came of a call, by the name of its button.
OUTCOMES: dict[str, Callable[[Campaign, UUID, Account], Awaitable[bool]]] = {
    "confirmed": calls.confirm,
    "no_answer": calls.note_no_answer,
    "not_them": calls.drop,
}


@get(CALLS, may=Right.SEE_PEOPLE, fresh=True)
async def show_calls(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """How many wait. A name is shown when somebody asks for the next."""
    return await _page(request, await campaign_with(id))


@post(f"{CALLS}/next", may=Right.SEE_PEOPLE, fresh=True, back=CAMPAIGNS)
async def show_next(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    account = visitor_of(request).account
    try:
        await names.may_see(account, 1)
    except names.TooMany as enough:
        raise CannotAnswer(str(enough), status=429, way_on=(CAMPAIGNS, _("Campaigns"))) from None
    found = await calls.next_one(campaign, account)
    return await _page(request, campaign, found, asked=True)


@post(f"{CALLS}/{{pledge:str}}", may=Right.SEE_PEOPLE, fresh=True, back=CAMPAIGNS)
async def note(request: AnyRequest, id: FromPath[int], pledge: FromPath[str]) -> ASGIResponse:
    campaign = await campaign_with(id)
    outcome = OUTCOMES.get(dict(await sent(request)).get("outcome", ""))
    try:
        called = UUID(pledge)
    except ValueError:
        raise _gone(campaign) from None
    if outcome is None:
        told = _("Say what came of the call.")
        raise CannotAnswer(told, status=422, way_on=(_here(campaign), _("Calls")))
    if not await outcome(campaign, called, visitor_of(request).account):
        raise _gone(campaign)
    return see(_here(campaign))


async def _page(
    request: AnyRequest, campaign: Campaign, pledge: Opened | None = None, asked: bool = False
) -> Sent:
    context = {
        "campaign": campaign,
        "pledge": pledge,
        "reads": LANGUAGES.get(pledge.language, ENGLISH) if pledge else None,
        "asked": asked,
        "number": await calls.how_many(campaign.id),
        "most": calls.MOST_CALLS,
    }
    return desk_page(request, Page("campaigns/desk/calls.html", context))


def _here(campaign: Campaign) -> str:
    return f"{CAMPAIGNS}/{campaign.id}/calls"


def _gone(campaign: Campaign) -> CannotAnswer:
    told = _("This number does not wait for a call any more.")
    return CannotAnswer(told, status=404, way_on=(_here(campaign), _("Calls")))
