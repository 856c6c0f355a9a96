"""Aggregate: the count, added up by one job, never by a page and never by a signature.

Every change of a pledge leaves lines of +1 or -1 (`CountLine`) in its own transaction. The job
takes all lines it can see, adds them to `PledgeCount` and deletes them, in one statement: whatever
it took is a window that is closed for ever, and a line that was not committed yet is in the next.
So no order of commits, no crash and no second job can lose a line or count it twice. At night
`recount` compares with the pledges themselves, repairs, and tells how much was off.
"""

import datetime
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from backend.campaigns.states import TALLY, PledgeState, Tally, tally
from backend.campaigns.tables import CountLine, Pledge, PledgeCount
from backend.database import DB, one_at_a_time

NUMBERS = ("confirmed", "awaiting", "phones", "set_aside")
_OF = dict(
    zip(NUMBERS, (Tally.CONFIRMED, Tally.AWAITING, Tally.PHONE, Tally.SET_ASIDE), strict=True)
)


def _each(form: str) -> str:
    """The same piece of SQL for each of the numbers."""
    return ", ".join(form.format(name=name, tally=int(of)) for name, of in _OF.items())


# All of these are made of our own constants only.
_WRONG = " + ".join(
    f"abs(coalesce(truth.{name}, 0) - coalesce(believed.{name}, 0))" for name in NUMBERS
)

_SUMS = f"""
    SELECT campaign, county, {_each("sum(change) FILTER (WHERE state = {tally}) AS {name}")}
    FROM taken GROUP BY campaign, county
"""  # noqa: S608

_COUNT = f"""
    WITH taken AS (DELETE FROM count_line RETURNING campaign, county, state, change),
         sums AS ({_SUMS}),
         added AS (
             INSERT INTO pledge_count AS standing
                 (campaign, county, {_each("{name}")}, counted_at)
             SELECT campaign, county, {_each("coalesce({name}, 0)")}, clock_timestamp()
             FROM sums
             ON CONFLICT (campaign, county) DO UPDATE SET
                 {_each("{name} = standing.{name} + excluded.{name}")},
                 counted_at = excluded.counted_at
         )
    SELECT count(*) AS lines FROM taken
"""  # noqa: S608

# The lines that are taken and the pledges that are counted are of the same moment: one statement
# sees one snapshot. What was folded without its county stands in `pledge_total` alone.
_RECOUNT = f"""
    WITH taken AS (DELETE FROM count_line RETURNING campaign, county, state, change),
         sums AS ({_SUMS}),
         believed AS (
             SELECT campaign, county,
                    {_each("coalesce(standing.{name}, 0) + coalesce(sums.{name}, 0) AS {name}")}
             FROM pledge_count AS standing FULL JOIN sums USING (campaign, county)
         ),
         told AS (
             SELECT campaign, county, {TALLY} AS tally, 1 AS number FROM pledge
             UNION ALL
             SELECT campaign, county, tally, number FROM pledge_total WHERE county IS NOT NULL
         ),
         truth AS (
             SELECT campaign, county,
                    {_each("coalesce(sum(number) FILTER (WHERE tally = {tally}), 0) AS {name}")}
             FROM told GROUP BY campaign, county
         ),
         compared AS (
             SELECT campaign, county, {_each("coalesce(truth.{name}, 0) AS {name}")},
                    {_WRONG} AS wrong
             FROM truth FULL JOIN believed USING (campaign, county)
         ),
         repaired AS (
             INSERT INTO pledge_count AS standing
                 (campaign, county, {_each("{name}")}, counted_at)
             SELECT campaign, county, {_each("{name}")}, clock_timestamp()
             FROM compared
             ON CONFLICT (campaign, county) DO UPDATE SET
                 {_each("{name} = excluded.{name}")}, counted_at = excluded.counted_at
         )
    SELECT coalesce(sum(wrong), 0)::int AS wrong FROM compared
"""  # noqa: S608


@dataclass(frozen=True)
class Numbers:
    """The honest numbers, in all and by county slug as (confirmed, awaiting, phones, set aside),
    and when they were last added up (None: never), of counties too where that is another time."""

    confirmed: int = 0
    awaiting: int = 0
    phones: int = 0
    set_aside: int = 0
    by_county: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    counted_at: datetime.datetime | None = None
    counties_at: datetime.datetime | None = None


async def numbers(campaign: int) -> Numbers:
    """What was last counted, exactly: for staff. One small query, however many have signed."""
    return (await all_numbers([campaign])).get(campaign, Numbers())


async def all_numbers(campaigns: list[int]) -> dict[int, Numbers]:
    """The numbers of several campaigns by id."""
    if not campaigns:
        return {}
    found: dict[int, list[dict[str, Any]]] = {}
    for row in await PledgeCount.raw(_NUMBERS, campaigns, campaigns):
        found.setdefault(row["campaign"], []).append(row)
    return {campaign: in_all(rows) for campaign, rows in found.items()}


def in_all(rows: list[dict[str, Any]]) -> Numbers:
    """Of rows with `slug` (None: of no county), the four numbers and `counted_at`."""
    return Numbers(
        **{name: sum(row[name] for row in rows) for name in NUMBERS},
        by_county={
            row["slug"]: tuple(row[name] for name in NUMBERS) for row in rows if row["slug"]
        },
        counted_at=max((row["counted_at"] for row in rows if row["counted_at"]), default=None),
    )


_NUMBERS = f"""
    SELECT counted.campaign, county.slug, {_each("counted.{name}")}, counted.counted_at
    FROM pledge_count AS counted JOIN county ON county.id = counted.county
    WHERE counted.campaign = ANY({{}})
    UNION ALL
    SELECT campaign, NULL, {_each("coalesce(sum(number) FILTER (WHERE tally = {tally}), 0)::int")},
           NULL
    FROM pledge_total WHERE campaign = ANY({{}}) AND county IS NULL GROUP BY campaign
    ORDER BY slug
"""  # noqa: S608


async def note(campaign: int, county: int, tally: Tally | None, change: int) -> None:
    """Leave the line of one pledge's change, in the transaction that makes it."""
    if tally is not None:
        await CountLine(campaign=campaign, county=county, state=tally, change=change).save()


async def count() -> int:
    """Add up what changed since the last time. Returns how many lines there were."""
    async with DB.transaction():
        await one_at_a_time("pledge count")
        rows = await CountLine.raw(_COUNT)
    return int(rows[0]["lines"])


async def recount() -> int:
    """Count the pledges themselves and put the numbers right. Returns by how much they were
    wrong in all; anything but 0 is worth an alarm."""
    async with DB.transaction():
        await one_at_a_time("pledge count")
        rows = await CountLine.raw(_RECOUNT)
    return int(rows[0]["wrong"])


async def move(pledges: list[UUID], to: PledgeState, columns: dict[Any, Any] | None = None) -> int:
    """Put those of the pledges that have a place into another state, with their lines, in the open
    transaction. `columns` are set on them too. Returns how many moved."""
    rows = await (
        Pledge.select(Pledge.id, Pledge.campaign, Pledge.county, Pledge.state, Pledge.kind)
        .where(Pledge.id.is_in(pledges), Pledge.state != to, Pledge.place.is_not_null())
        .lock_rows("UPDATE")
    )
    if not rows:
        return 0
    await Pledge.update({Pledge.state: to, **(columns or {})}).where(
        Pledge.id.is_in([row["id"] for row in rows])
    )
    changes: Counter[tuple[int, int, Tally]] = Counter()
    for row in rows:
        here = row["campaign"], row["county"]
        for state, change in ((row["state"], -1), (to, 1)):
            if (of := tally(state, row["kind"])) is not None:
                changes[*here, of] += change
    await leave(changes)
    return len(rows)


async def leave(changes: Counter[tuple[int, int, Tally]]) -> None:
    """The lines of many changes: by campaign, county and tally."""
    lines = [
        CountLine(campaign=campaign, county=county, state=of, change=change)
        for (campaign, county, of), change in changes.items()
        if change
    ]
    if lines:
        await CountLine.insert(*lines)
