"""Public addresses of the campaigns: read one, see its numbers, and pass it on."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.campaigns import loading, publishing, queries, receipts, story, wording
from backend.campaigns.pledge_pages import sign_form_context
from backend.campaigns.queries import Counted
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign
from backend.counties import outlines
from backend.hearings import calendars
from backend.hearings import queries as hearings
from backend.hearings import wording as hearings_wording
from backend.policies import wording as record_wording
from backend.web import language, preview_images
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.page_cache import kept
from backend.web.pages import Page, kept_page, page, render
from backend.web.qr import qr
from backend.web.responses import Answer, AnyRequest, send

# How old a number on a page may be; what it was told of is older.
PAGE_KEPT = 60
# So many of what comes next stand on a campaign's page.
HEARINGS = 5
PREVIEWS = [f"/campaigns/{{slug:str}}/preview-{code}.png" for code in language.LANGUAGES]
SHEET = re.compile("[1-9][0-9]{0,2}")
# What a kept page says in place of the code that somebody came by. No code looks like it.
VIA = "~via~"


@get("/campaigns")
async def list_campaigns(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        shown = await queries.campaigns(CampaignState.LIVE, CampaignState.CLOSED)
        what = {"campaigns": shown, "wording": wording, "as_html": story.as_html, "today": today()}
        return Page("campaigns/campaigns.html", what)

    return await kept_page(request, ("campaigns", today()), make, PAGE_KEPT)


@get("/campaigns/{slug:str}")
async def show_campaign(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """`?via=` is the code of the table or the sheet somebody came from, for the form to hand on.
    What cannot be one is left out. However many codes there are, one page is kept for them."""
    asked = request.query_params.get("via", "") if request.scope["query_string"] else ""
    via = receipts.read_via(asked)

    async def make() -> Page:
        counted = await _counted(slug)
        campaign, code = counted.campaign, language.of(request).code
        reasons = await queries.reasons([campaign.id])
        what = {
            **_numbers(counted),
            **sign_form_context(campaign, await loading.consents_for(campaign, code)),
            "reviewed": loading.is_reviewed(campaign, code),
            "reasons": reasons.get(campaign.id, []),
            "updates": await queries.updates(campaign),
            "hearings": await hearings.coming(campaign=slug, most=HEARINGS),
            "hearings_wording": hearings_wording,
            "as_html": story.as_html,
            "names_end_on": campaign.names_end_on(),
            "outlines": outlines.svg_paths(640),
            "qr": qr(f"/campaigns/{campaign.slug}"),
            "address": f"{settings.address()}/campaigns/{campaign.slug}",
            "record_wording": record_wording,
        }
        if via is None:
            return Page("campaigns/campaign.html", what)
        return Page("campaigns/campaign.html", {**what, "via": VIA}, query={"via": VIA})

    key = ("campaign", slug, today(), via is not None)
    return await kept_page(request, key, make, PAGE_KEPT, {VIA: via} if via else None)


@get("/campaigns/{slug:str}/hearings.ics")
async def show_calendar(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """What comes up about a campaign, for calendars that follow it."""
    reader = language.of(request)

    async def make() -> Answer:
        campaign = (await _counted(slug)).campaign
        language.current.set(reader)
        name = calendars.name_of(language.in_words(campaign.title))  # type: ignore[arg-type]
        found = await hearings.for_calendars(campaign=campaign.slug)
        return await calendars.answer(found, name, reader.code, f"campaign-{campaign.slug}")

    return send(request, await kept(("campaign.ics", slug, reader.code, today()), make))


@get("/campaigns/{slug:str}/numbers")
async def show_numbers(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """The numbers alone, for pages that look again while somebody reads them: the same for
    all who read a language, so whoever stands between may keep it too."""

    async def make() -> dict[str, Any]:
        return _numbers(await _counted(slug))

    return await _for_everyone(request, "campaigns/numbers.html", slug, make, PAGE_KEPT)


@get("/campaigns/{slug:str}/embed")
async def show_embed(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """The counter for other sites: a page without any script, which they may put into a frame."""

    async def make() -> dict[str, Any]:
        return _numbers(await _counted(slug))

    return await _for_everyone(request, "campaigns/embed.html", slug, make, PAGE_KEPT)


@get("/campaigns/{slug:str}/poster")
async def show_poster(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    async def make() -> Page:
        counted = await _counted(slug)
        _must_be_live(counted.campaign)
        what = {
            **_numbers(counted),
            "qr": qr(f"/campaigns/{slug}"),
            "address": f"{settings.address()}/campaigns/{slug}",
        }
        return Page("campaigns/poster.html", what)

    return await kept_page(request, ("poster", slug, today()), make, PAGE_KEPT)


@get("/campaigns/{slug:str}/sheet")
async def show_sheet(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """A sheet to sign on paper. Each has a number, in words and in its QR code."""
    counted = await _counted(slug)
    campaign = counted.campaign
    _must_be_live(campaign)
    given = request.query_params.get("sheet", "1").strip()
    if not SHEET.fullmatch(given):
        told = _("A sheet’s number is from 1 to 999.")
        raise CannotAnswer(told, way_on=(f"/campaigns/{slug}/sheet", _("Take sheet 1")))
    what = {
        "campaign": campaign,
        "consents": await loading.consents_for(campaign, language.of(request).code),
        "number": int(given),
        "qr": qr(f"/campaigns/{slug}?sheet={given}"),
    }
    return page(request, Page("campaigns/sheet.html", what, query={"sheet": given}))


@get(PREVIEWS)
async def show_preview(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """The picture beside a shared link, one for each language."""
    code = request.scope["path"].removesuffix(".png")[-2:]

    async def make() -> Answer:
        campaign = (await _counted(slug)).campaign
        titles: Any = campaign.title
        drawn = await asyncio.to_thread(preview_images.preview, titles.get(code) or titles["en"])
        return Answer(drawn, "image/png", preview_images.KEPT)

    return send(request, await kept(("preview", slug, code), make))


def _numbers(counted: Counted) -> dict[str, Any]:
    """What `campaigns/numbers.html` shows."""
    return {
        "campaign": counted.campaign,
        "counted": counted,
        "numbers": counted.numbers,
        "goal": counted.goal,
        "is_open": counted.campaign.is_open(today()),
        "today": today(),
        "wording": wording,
    }


async def _counted(slug: str) -> Counted:
    campaign = await queries.campaign(slug)
    if campaign is None:
        told = _("We know no campaign by that name.")
        raise CannotAnswer(told, status=404, way_on=("/campaigns", _("See all campaigns")))
    return Counted(campaign, await publishing.numbers(campaign.id))


def _must_be_live(campaign: Campaign) -> None:
    if campaign.state != CampaignState.LIVE:
        told = _("This campaign is closed. There is nothing to sign any more.")
        way_on = (f"/campaigns/{campaign.slug}", _("See what became of it"))
        raise CannotAnswer(told, status=410, way_on=way_on)


async def _for_everyone(
    request: AnyRequest,
    template: str,
    slug: str,
    context: Callable[[], Awaitable[dict[str, Any]]],
    seconds: int,
) -> ASGIResponse:
    """A piece that is alike for all who ask for it in one language (`?lang=`), cookie or none."""
    reader = language.asked_for(request) or language.ENGLISH

    async def make() -> Answer:
        what = await context()
        token = language.current.set(reader)
        try:
            body = render(template, None, language=reader, **what)
        finally:
            language.current.reset(token)
        headers = (
            ("content-language", reader.code),
            ("cache-control", f"public, max-age={seconds}"),
            ("vary", "Accept-Encoding"),
        )
        return Answer(body.encode(), "text/html", headers)

    return send(request, await kept((template, slug, reader.code), make, seconds))
