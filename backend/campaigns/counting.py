"""The count: added up by one job, never by a page and never by a signature.

Every change of a pledge leaves lines of +1 or -1 (`CountLine`) in its own transaction. The job
takes all lines it can see, adds them to `PledgeCount` and deletes them, in one statement: whatever
it took is a window that is closed for ever, and a line that was not committed yet is in the next.
So no order of commits, no crash and no second job can lose a line or count it twice. At night
`recount` compares with the pledges themselves, repairs, and tells how much was off.
"""

import datetime
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from backend.campaigns.states import PledgeState
from backend.campaigns.tables import CountLine, Pledge, PledgeCount
from backend.counties.tables import County
from backend.database import DB

ALONE = "SELECT pg_advisory_xact_lock(hashtext('confianza pledge count'))"

# Made of our own constants only.
_SUMS = f"""
    SELECT campaign, county,
           sum(change) FILTER (WHERE state = {PledgeState.CONFIRMED:d}) AS confirmed,
           sum(change) FILTER (WHERE state = {PledgeState.AWAITING:d}) AS awaiting,
           sum(change) FILTER (WHERE state = {PledgeState.SET_ASIDE:d}) AS set_aside
    FROM taken GROUP BY campaign, county
"""  # noqa: S608

_COUNT = f"""
    WITH taken AS (DELETE FROM count_line RETURNING campaign, county, state, change),
         sums AS ({_SUMS}),
         added AS (
             INSERT INTO pledge_count AS standing
                 (campaign, county, confirmed, awaiting, set_aside, counted_at)
             SELECT campaign, county, coalesce(confirmed, 0), coalesce(awaiting, 0),
                    coalesce(set_aside, 0), clock_timestamp()
             FROM sums
             ON CONFLICT (campaign, county) DO UPDATE SET
                 confirmed = standing.confirmed + excluded.confirmed,
                 awaiting = standing.awaiting + excluded.awaiting,
                 set_aside = standing.set_aside + excluded.set_aside,
                 counted_at = excluded.counted_at
         )
    SELECT count(*) AS lines FROM taken
"""  # noqa: S608

# The lines that are taken and the pledges that are counted are of the same moment: one statement
# sees one snapshot.
_RECOUNT = f"""
    WITH taken AS (DELETE FROM count_line RETURNING campaign, county, state, change),
         sums AS ({_SUMS}),
         believed AS (
             SELECT campaign, county,
                    coalesce(standing.confirmed, 0) + coalesce(sums.confirmed, 0) AS confirmed,
                    coalesce(standing.awaiting, 0) + coalesce(sums.awaiting, 0) AS awaiting,
                    coalesce(standing.set_aside, 0) + coalesce(sums.set_aside, 0) AS set_aside
             FROM pledge_count AS standing FULL JOIN sums USING (campaign, county)
         ),
         truth AS (
             SELECT campaign, county,
                    count(*) FILTER (WHERE state = {PledgeState.CONFIRMED:d}) AS confirmed,
                    count(*) FILTER (WHERE state = {PledgeState.AWAITING:d}) AS awaiting,
                    count(*) FILTER (WHERE state = {PledgeState.SET_ASIDE:d}) AS set_aside
             FROM pledge GROUP BY campaign, county
         ),
         compared AS (
             SELECT campaign, county, coalesce(truth.confirmed, 0) AS confirmed,
                    coalesce(truth.awaiting, 0) AS awaiting,
                    coalesce(truth.set_aside, 0) AS set_aside,
                    abs(coalesce(truth.confirmed, 0) - coalesce(believed.confirmed, 0))
                    + abs(coalesce(truth.awaiting, 0) - coalesce(believed.awaiting, 0))
                    + abs(coalesce(truth.set_aside, 0) - coalesce(believed.set_aside, 0)) AS wrong
             FROM truth FULL JOIN believed USING (campaign, county)
         ),
         repaired AS (
             INSERT INTO pledge_count AS standing
                 (campaign, county, confirmed, awaiting, set_aside, counted_at)
             SELECT campaign, county, confirmed, awaiting, set_aside, clock_timestamp()
             FROM compared
             ON CONFLICT (campaign, county) DO UPDATE SET
                 confirmed = excluded.confirmed, awaiting = excluded.awaiting,
                 set_aside = excluded.set_aside, counted_at = excluded.counted_at
         )
    SELECT coalesce(sum(wrong), 0)::int AS wrong FROM compared
"""  # noqa: S608


@dataclass(frozen=True)
class Numbers:
    """The three honest numbers, in all and by county slug as (confirmed, awaiting, set aside), and
    when they were last added up (None: nobody has signed yet)."""

    confirmed: int = 0
    awaiting: int = 0
    set_aside: int = 0
    by_county: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    counted_at: datetime.datetime | None = None


async def numbers(campaign: int) -> Numbers:
    """What was last counted: one small query, however many have signed."""
    return (await all_numbers([campaign])).get(campaign, Numbers())


async def all_numbers(campaigns: list[int]) -> dict[int, Numbers]:
    """The numbers of several campaigns by id: one query."""
    if not campaigns:
        return {}
    rows = await (
        PledgeCount.select(
            PledgeCount.campaign,
            PledgeCount.county.slug.as_alias("slug"),
            PledgeCount.confirmed,
            PledgeCount.awaiting,
            PledgeCount.set_aside,
            PledgeCount.counted_at,
        )
        .where(PledgeCount.campaign.is_in(campaigns))
        .order_by(PledgeCount.county.slug)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["campaign"], []).append(row)
    return {campaign: _numbers(lines) for campaign, lines in found.items()}


def _numbers(rows: list[dict[str, Any]]) -> Numbers:
    return Numbers(
        confirmed=sum(row["confirmed"] for row in rows),
        awaiting=sum(row["awaiting"] for row in rows),
        set_aside=sum(row["set_aside"] for row in rows),
        by_county={
            row["slug"]: (row["confirmed"], row["awaiting"], row["set_aside"]) for row in rows
        },
        counted_at=max(row["counted_at"] for row in rows),
    )


async def note(campaign: int, county: int, **changes: int) -> None:
    """Leave the lines of one pledge's change, in the transaction that makes it: `confirmed=1,
    awaiting=-1`."""
    lines = [
        CountLine(campaign=campaign, county=county, state=PledgeState[name.upper()], change=change)
        for name, change in changes.items()
    ]
    await CountLine.insert(*lines)


async def count() -> int:
    """Add up what changed since the last time. Returns how many lines there were."""
    async with DB.transaction():
        await County.raw(ALONE)
        rows = await CountLine.raw(_COUNT)
    return int(rows[0]["lines"])


async def recount() -> int:
    """Count the pledges themselves and put the numbers right. Returns by how much they were
    wrong in all; anything but 0 is worth an alarm."""
    async with DB.transaction():
        await County.raw(ALONE)
        rows = await CountLine.raw(_RECOUNT)
    return int(rows[0]["wrong"])


async def move(pledges: list[UUID], to: PledgeState, columns: dict[Any, Any] | None = None) -> int:
    """Put those of the pledges that count into another state, with their lines, in the open
    transaction. `columns` are set on them too. Returns how many moved."""
    rows = await (
        Pledge.select(Pledge.id, Pledge.campaign, Pledge.county, Pledge.state)
        .where(Pledge.id.is_in(pledges), Pledge.state != to, Pledge.state != PledgeState.REPEAT)
        .lock_rows("UPDATE")
    )
    if not rows:
        return 0
    await Pledge.update({Pledge.state: to, **(columns or {})}).where(
        Pledge.id.is_in([row["id"] for row in rows])
    )
    tally: dict[tuple[int, int, int], int] = {}
    for row in rows:
        here = row["campaign"], row["county"]
        for state, change in ((row["state"], -1), (int(to), 1)):
            tally[(*here, state)] = tally.get((*here, state), 0) + change
    await CountLine.insert(
        *(
            CountLine(campaign=campaign, county=county, state=state, change=change)
            for (campaign, county, state), change in tally.items()
            if change
        )
    )
    return len(rows)
