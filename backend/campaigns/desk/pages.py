"""Campaigns at the desk: write them, publish them, tell the signers news, and close them."""

import datetime
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.campaigns import exclusions, lifecycle, loading, mailing, queries, story, tallies
from backend.campaigns.desk import forms
from backend.campaigns.desk.forms import CampaignForm, TextForm
from backend.campaigns.lifecycle import NEEDED
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import NAMES_KEPT, Campaign
from backend.campaigns.tallies import Numbers
from backend.counties import gazetteer
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import Account
from backend.web.clock import today
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import line, sent, typed_of
from backend.web.language import LANGUAGES, later
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

CAMPAIGNS = "/desk/campaigns"
NEW = "/desk/campaigns/new"
ORDER = (CampaignState.LIVE, CampaignState.DRAFT, CampaignState.CLOSED, CampaignState.ARCHIVED)
STATES = {
    CampaignState.DRAFT: later("Draft"),
    CampaignState.LIVE: later("Live"),
    CampaignState.CLOSED: later("Closed"),
    CampaignState.ARCHIVED: later("Archived"),
}
# What a campaign may lack, by the beginning of the field's name.
LABELS = {
    "title": later("Title"),
    "ask": later("The ask"),
    "story": later("The story"),
    "pledge_words": later("Pledge words"),
    "targets": later("Who decides"),
    "goals": later("Goals"),
    "outcome": later("What became of it"),
}


@get(CAMPAIGNS, may=Right.RUN_CAMPAIGNS)
async def list_campaigns(request: AnyRequest) -> ASGIResponse:
    found = await queries.campaigns(*ORDER)
    # The staff's numbers are exact.
    exact = await tallies.all_numbers([each.campaign.id for each in found])
    campaigns = [replace(each, numbers=exact.get(each.campaign.id, Numbers())) for each in found]
    context = {"campaigns": campaigns, "states": _states()}
    return desk_page(request, Page("campaigns/desk/campaigns.html", context))


@get(NEW, may=Right.RUN_CAMPAIGNS)
async def show_new(request: AnyRequest) -> ASGIResponse:
    return _new_page(request, TextForm())


@post(NEW, may=Right.RUN_CAMPAIGNS)
async def begin(request: AnyRequest) -> ASGIResponse:
    form, slug = forms.read_new(await sent(request))
    if form.mistakes:
        return _new_page(request, form)
    title = {code: line(words) for code, words in form.words("title").items()}
    try:
        made = await lifecycle.begin(visitor_of(request).account, slug, title)
    except Refused as refused:
        form.mistakes["slug"] = str(refused)
        return _new_page(request, form)
    return see(f"{CAMPAIGNS}/{made.id}/edit")


@get("/desk/campaigns/{id:int}", may=Right.RUN_CAMPAIGNS)
async def show_campaign(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _campaign_page(request, await campaign_with(id))


@get("/desk/campaigns/{id:int}/edit", may=Right.RUN_CAMPAIGNS)
async def show_edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    form = forms.filled(campaign, lifecycle.fingerprint(campaign))
    return _edit_page(request, campaign, form)


@post("/desk/campaigns/{id:int}/edit", may=Right.RUN_CAMPAIGNS)
async def edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    form = forms.read(await sent(request), campaign)
    if form.typed.get("do") == "preview":
        return _edit_page(request, campaign, form, preview=True)
    if form.mistakes:
        return _edit_page(request, campaign, form)
    try:
        await lifecycle.change(campaign, visitor_of(request).account, form.seen, form.fields)
    except Refused as refused:
        form.mistakes["title_en"] = str(refused)
        return _edit_page(request, campaign, form)
    return see(f"{CAMPAIGNS}/{id}")


@post("/desk/campaigns/{id:int}/reviews", may=Right.RUN_CAMPAIGNS)
async def review(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """I read this translation and it is right."""
    typed = typed_of(await sent(request))

    async def done(campaign: Campaign, by: Account) -> None:
        await lifecycle.review(campaign, by, typed.get("language", ""), typed.get("seen", ""))

    return await _do(request, id, done)


@post("/desk/campaigns/{id:int}/live", may=Right.RUN_CAMPAIGNS)
async def go_live(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    typed = typed_of(await sent(request))

    async def done(campaign: Campaign, by: Account) -> None:
        await lifecycle.go_live(campaign, by, typed.get("seen", ""))

    return await _do(request, id, done)


@get("/desk/campaigns/{id:int}/close", may=Right.RUN_CAMPAIGNS)
async def show_close(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    words: Any = campaign
    typed = {f"outcome_{code}": forms.words_in(words.outcome, code) for code in NEEDED}
    return _close_page(request, campaign, TextForm(typed))


@post("/desk/campaigns/{id:int}/close", may=Right.RUN_CAMPAIGNS)
async def close(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    form = forms.read_outcome(await sent(request))
    if form.mistakes:
        return _close_page(request, campaign, form)

    async def done(campaign: Campaign, by: Account) -> None:
        await lifecycle.close(campaign, by, form.words("outcome"))

    return await _do(request, id, done)


@post("/desk/campaigns/{id:int}/reopen", may=Right.RUN_CAMPAIGNS)
async def reopen(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _do(request, id, lifecycle.reopen)


@post("/desk/campaigns/{id:int}/archive", may=Right.RUN_CAMPAIGNS)
async def archive(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _do(request, id, lifecycle.archive)


@get("/desk/campaigns/{id:int}/news", may=Right.RUN_CAMPAIGNS)
async def show_news(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _news_page(request, await campaign_with(id), TextForm())


@post("/desk/campaigns/{id:int}/news", may=Right.RUN_CAMPAIGNS)
async def tell(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    form = forms.read_news(await sent(request))
    if form.typed.get("do") == "preview":
        return await _news_page(request, campaign, form, preview=True)
    if form.mistakes:
        return await _news_page(request, campaign, form)
    title = {code: line(words) for code, words in form.words("title").items()}
    try:
        await lifecycle.tell(campaign, visitor_of(request).account, title, form.words("words"))
    except Refused as refused:
        form.mistakes["title_en"] = str(refused)
        return await _news_page(request, campaign, form)
    return see(f"{CAMPAIGNS}/{id}/news")


@post("/desk/campaigns/{id:int}/news/{news:int}/mail", may=Right.RUN_CAMPAIGNS)
async def mail(request: AnyRequest, id: FromPath[int], news: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    try:
        await lifecycle.mail(campaign, news, visitor_of(request).account)
    except Refused as refused:
        return await _news_page(request, campaign, TextForm(mistakes={"news": str(refused)}))
    return see(f"{CAMPAIGNS}/{id}/news")


async def campaign_with(id: int) -> Campaign:
    """Raises CannotAnswer."""
    found = await lifecycle.with_id(id)
    if found is None:
        told = _("There is no such campaign.")
        raise CannotAnswer(told, status=404, way_on=(CAMPAIGNS, _("Campaigns")))
    return found


async def _do(
    request: AnyRequest, id: int, verb: Callable[[Campaign, Account], Awaitable[Any]]
) -> ASGIResponse:
    """Do it, and see the campaign; or see it with the reason why not."""
    campaign = await campaign_with(id)
    try:
        await verb(campaign, visitor_of(request).account)
    except Refused as refused:
        return await _campaign_page(request, await campaign_with(id), str(refused))
    return see(f"{CAMPAIGNS}/{id}")


async def _campaign_page(request: AnyRequest, campaign: Campaign, refused: str = "") -> Sent:
    visitor = visitor_of(request)
    lacking = lifecycle.missing(campaign)
    wish = await lifecycle.asked(campaign) if campaign.state == CampaignState.DRAFT else None
    asker: Any = wish.asked_by if wish else None
    words: Any = campaign
    context = {
        "campaign": campaign,
        "numbers": await tallies.numbers(campaign.id),
        "missing": [_label(name) for name in lacking],
        "refused": refused,
        "seen": lifecycle.fingerprint(campaign),
        "reviewed": loading.is_reviewed(campaign, "es"),
        "review": (words.reviewed or {}).get("es"),
        "asked_by": asker.name if asker else "",
        "is_mine": bool(asker) and asker.id == visitor.account.id,
        "second_person": settings.read().second_person,
        "may_be_reopened": lifecycle.may_be_reopened(campaign),
        "asides": await exclusions.all_of(campaign),
        "names_end_on": campaign.names_end_on(),
        "is_open": campaign.is_open(today()),
        "states": _states(),
        "as_html": story.as_html,
    }
    status = 409 if refused else 200
    return desk_page(request, Page("campaigns/desk/campaign.html", context, status=status))


def _edit_page(
    request: AnyRequest, campaign: Campaign, form: CampaignForm, preview: bool = False
) -> Sent:
    context = {
        "campaign": campaign,
        "form": form,
        "preview": preview,
        "mistakes_told": {} if preview else form.mistakes,
        "longest": forms.LONGEST,
        "counties": gazetteer.counties(),
        "as_html": story.as_html,
    }
    status = 422 if form.mistakes and not preview else 200
    return desk_page(request, Page("campaigns/desk/edit.html", context, status=status))


def _new_page(request: AnyRequest, form: TextForm) -> Sent:
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("campaigns/desk/new.html", {"form": form}, status=status))


def _close_page(request: AnyRequest, campaign: Campaign, form: TextForm) -> Sent:
    context = {"campaign": campaign, "form": form, "erased_on": _erased_if_closed_now()}
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("campaigns/desk/close.html", context, status=status))


async def _news_page(
    request: AnyRequest, campaign: Campaign, form: TextForm, preview: bool = False
) -> Sent:
    told = await queries.updates(campaign)
    context = {
        "campaign": campaign,
        "form": form,
        "preview": preview,
        "mistakes_told": {} if preview else form.mistakes,
        "told": told,
        "left": await mailing.left([news.id for news in told]),
        "as_html": story.as_html,
    }
    status = 422 if form.mistakes and not preview else 200
    return desk_page(request, Page("campaigns/desk/news.html", context, status=status))


def _erased_if_closed_now() -> datetime.date:
    return (datetime.datetime.now(datetime.UTC) + NAMES_KEPT).date()


def _label(name: str) -> str:
    """`story_es` in words."""
    field, _underscore, code = name.rpartition("_")
    if code in NEEDED and field in LABELS:
        return f"{_(LABELS[field])} ({LANGUAGES[code].name})"
    return _(LABELS[name])


def _states() -> dict[str, str]:
    return {state.value: _(label) for state, label in STATES.items()}
