"""Campaigns as the public sees them: never a draft."""

import datetime
import time
from dataclasses import dataclass
from typing import Any

from backend.campaigns import publishing
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, CampaignUpdate, Pledge, SettingAside
from backend.campaigns.tallies import Numbers
from backend.counties import gazetteer

# In this order they stand on the list.
PUBLIC = (CampaignState.LIVE, CampaignState.CLOSED, CampaignState.ARCHIVED)
LONGEST_SLUG = 60


@dataclass(frozen=True)
class Counted:
    """A campaign with its numbers."""

    campaign: Campaign
    numbers: Numbers

    @property
    def goal(self) -> int | None:
        return self.campaign.goal(self.numbers.confirmed)

    def counties(self) -> list[gazetteer.County]:
        """Those it is about."""
        wanted = set(self.campaign.counties or [])
        return [each for each in gazetteer.counties() if not wanted or each.slug in wanted]


async def titles() -> list[tuple[str, Any]]:
    """Slug and title of every campaign that is public, in the order of `campaigns`."""
    return [(each.campaign.slug, each.campaign.title) for each in await campaigns()]


async def campaigns(*states: CampaignState) -> list[Counted]:
    """Every campaign in these states (all that are public when none is named): live ones first,
    the newest of each first. Two queries."""
    wanted = states or PUBLIC
    found: list[Campaign] = await (
        Campaign.objects()
        .where(Campaign.state.is_in(list(wanted)))
        .order_by(Campaign.made_at, ascending=False)
        .order_by(Campaign.id)
    )
    numbers = await publishing.all_numbers([campaign.id for campaign in found])
    # Sorting keeps the order among equals.
    found.sort(key=lambda campaign: wanted.index(CampaignState(campaign.state)))
    return [Counted(each, numbers.get(each.id, Numbers())) for each in found]


async def campaign(slug: str) -> Campaign | None:
    """One that the public may see."""
    if len(slug) > LONGEST_SLUG:
        return None
    found: Campaign | None = await (
        Campaign.objects().where(Campaign.slug == slug, Campaign.state.is_in(list(PUBLIC))).first()
    )
    return found


async def updates(campaign: Campaign) -> list[CampaignUpdate]:
    """News for its signers, the newest first."""
    found: list[CampaignUpdate] = await (
        CampaignUpdate.objects()
        .where(CampaignUpdate.campaign == campaign.id)
        .order_by(CampaignUpdate.made_at, ascending=False)
    )
    return found


async def a_minute() -> int:
    """How many signed all over the site within the last minute, as of a few seconds ago."""
    if _rate.at < time.monotonic() - RATE_KEPT:
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
        _rate.number = int(await Pledge.count().where(Pledge.signed_at > since))
        _rate.at = time.monotonic()
    return _rate.number


class _Rate:
    """The same for all who ask within `RATE_KEPT` seconds."""

    number = 0
    at = -1e9


RATE_KEPT = 5
_rate = _Rate()


async def reasons(campaigns: list[int]) -> dict[int, list[tuple[str, int]]]:
    """Why pledges were set aside, and how many for it in tens (0: fewer than ten), by campaign."""
    if not campaigns:
        return {}
    rows: list[dict[str, Any]] = await (
        SettingAside.select(SettingAside.campaign, SettingAside.reason, SettingAside.number)
        .where(SettingAside.campaign.is_in(campaigns), SettingAside.undone_at.is_null())
        .order_by(SettingAside.id)
    )
    told: dict[int, dict[str, int]] = {}
    for row in rows:
        sums = told.setdefault(row["campaign"], {})
        sums[row["reason"]] = sums.get(row["reason"], 0) + row["number"]
    return {
        campaign: [
            (reason, number // publishing.STEP * publishing.STEP)
            for reason, number in sums.items()
            if number
        ]
        for campaign, sums in told.items()
    }
