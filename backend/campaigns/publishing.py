"""K-anonymity: what the public is told of how many signed, in tens, and late.

Whoever knows one phone number or address must not learn from any number of ours whether it signed.
So what unconfirmed pledges add does not depend on who signed before (`states.tally`), every number
is rounded down to tens, all of California is told every ten minutes, and each county once a day,
from ten up. Pages, JSON, embeds, posters and partners' programs read it here and nowhere else.
"""

from typing import Any

from backend.campaigns.tables import PublishedCount
from backend.campaigns.tallies import NUMBERS, Numbers, in_all
from backend.database import DB, one_at_a_time

# Numbers are told in steps of this, and none below it.
STEP = 10

_EACH = ", ".join(NUMBERS)
_ROUNDED = ", ".join(f"{name} / {STEP} * {STEP} AS {name}" for name in NUMBERS)
_SUMMED = ", ".join(f"sum({name})::int AS {name}" for name in NUMBERS)
_CALIFORNIA = f"""
    WITH counted AS (
        SELECT campaign, {_EACH} FROM pledge_count
        UNION ALL
        SELECT campaign,
               coalesce(sum(number) FILTER (WHERE tally = 2), 0),
               coalesce(sum(number) FILTER (WHERE tally = 1), 0),
               coalesce(sum(number) FILTER (WHERE tally = 4), 0),
               coalesce(sum(number) FILTER (WHERE tally = 3), 0)
        FROM pledge_total WHERE county IS NULL GROUP BY campaign
    ), sums AS (SELECT campaign, {_SUMMED} FROM counted GROUP BY campaign)
    INSERT INTO published_count (campaign, {_EACH}, counted_at)
    SELECT campaign, {_ROUNDED}, clock_timestamp() FROM sums
"""  # noqa: S608
_COUNTIES = f"""
    INSERT INTO published_count (campaign, county, {_EACH}, counted_at)
    SELECT campaign, county, {_ROUNDED}, clock_timestamp() FROM pledge_count
    WHERE greatest({_EACH}) >= {STEP}
"""  # noqa: S608


async def publish() -> None:
    """Tell the numbers of all California anew."""
    await _publish("county IS NULL", _CALIFORNIA)


async def publish_counties() -> None:
    """Tell every county's anew."""
    await _publish("county IS NOT NULL", _COUNTIES)


async def _publish(old: str, new: str) -> None:
    async with DB.transaction():
        await one_at_a_time("published count")
        await PublishedCount.raw(f"DELETE FROM published_count WHERE {old}")  # noqa: S608
        await PublishedCount.raw(new)


async def numbers(campaign: int) -> Numbers:
    return (await all_numbers([campaign])).get(campaign, Numbers())


async def all_numbers(campaigns: list[int]) -> dict[int, Numbers]:
    """What was last told of several campaigns, by id: 0 is fewer than ten. One query."""
    if not campaigns:
        return {}
    rows = await (
        PublishedCount.select(
            PublishedCount.campaign,
            PublishedCount.county.slug.as_alias("slug"),
            *(getattr(PublishedCount, name) for name in NUMBERS),
            PublishedCount.counted_at,
        )
        .where(PublishedCount.campaign.is_in(campaigns))
        .order_by(PublishedCount.county.slug)
    )
    whole: dict[int, list[dict[str, Any]]] = {}
    counties: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        (counties if row["slug"] else whole).setdefault(row["campaign"], []).append(row)
    return {campaign: _told(whole[campaign], counties.get(campaign, [])) for campaign in whole}


def _told(whole: list[dict[str, Any]], counties: list[dict[str, Any]]) -> Numbers:
    told = in_all(whole)
    return Numbers(
        **{name: getattr(told, name) for name in NUMBERS},
        by_county=in_all(counties).by_county,
        counted_at=told.counted_at,
        counties_at=in_all(counties).counted_at,
    )
