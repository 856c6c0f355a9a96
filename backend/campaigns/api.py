"""Campaigns as JSON: public, read-only, the same words and numbers the pages show."""

from typing import Any

from litestar import get
from litestar.response.base import ASGIResponse

from backend import settings
from backend.campaigns import loading, publishing, queries
from backend.campaigns.queries import Counted
from backend.campaigns.shapes import (
    CampaignAnswer,
    CampaignNumbers,
    CampaignSource,
    CountyNumbers,
    PartnerAnswer,
    SetAside,
    TargetAnswer,
)
from backend.web import language
from backend.web.clock import today
from backend.web.json import ALWAYS, answering, json_answer
from backend.web.page_cache import kept
from backend.web.responses import Answer, AnyRequest, send

KEPT = 60


@get(
    "/api/v1/campaigns",
    operation_id="listCampaigns",
    summary="Campaigns with their numbers, in all and per county",
    responses={**ALWAYS, 200: answering(list[CampaignAnswer])},
)
async def list_campaigns(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        shown = await queries.campaigns()
        reasons = await queries.reasons([counted.campaign.id for counted in shown])
        return json_answer(
            [_campaign(counted, reasons.get(counted.campaign.id, [])) for counted in shown]
        )

    return send(request, await kept(("api campaigns", today()), make, KEPT))


def _campaign(counted: Counted, reasons: list[tuple[str, int]]) -> CampaignAnswer:
    campaign, numbers = counted.campaign, counted.numbers
    # Piccolo types a JSON column as text; it was read as what it holds.
    words: Any = campaign
    erased = campaign.names_end_on()
    return CampaignAnswer(
        slug=campaign.slug,
        url=f"{settings.read().site_url}/campaigns/{campaign.slug}",
        state=campaign.state,
        open=campaign.is_open(today()),
        title=words.title,
        ask=words.ask,
        story=words.story,
        pledge_words=words.pledge_words,
        outcome=words.outcome,
        translated=[
            code
            for code in language.LANGUAGES
            if code in words.title and loading.is_reviewed(campaign, code)
        ],
        targets=[TargetAnswer(target["name"], target["why"]) for target in words.targets or []],
        partners=[
            PartnerAnswer(partner["name"], partner.get("url", ""))
            for partner in words.partners or []
        ],
        counties=list(campaign.counties or []),
        opens_on=campaign.opens_on.isoformat() if campaign.opens_on else None,
        closes_on=campaign.closes_on.isoformat() if campaign.closes_on else None,
        names_erased_on=erased.isoformat() if erased else None,
        goal=counted.goal,
        numbers=CampaignNumbers(
            numbers.confirmed, numbers.awaiting, numbers.phones, numbers.set_aside
        ),
        by_county=[CountyNumbers(slug, *counts) for slug, counts in numbers.by_county.items()],
        rounded_down_to=publishing.STEP,
        counted_at=numbers.counted_at.isoformat() if numbers.counted_at else None,
        counties_counted_at=numbers.counties_at.isoformat() if numbers.counties_at else None,
        set_aside_for=[SetAside(reason, number) for reason, number in reasons],
        sources=[
            CampaignSource(
                title=source["title"],
                publisher=source["publisher"],
                url=source["url"],
                published_on=source.get("published_on"),
                read_on=source["read_on"],
                grade=source["grade"],
            )
            for source in words.sources or []
        ],
    )
