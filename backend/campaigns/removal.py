"""Right to erasure: what nobody confirmed goes, and ninety days after a campaign closed only totals
remain."""

import datetime
from collections import Counter
from typing import Any

from backend.campaigns import tallies
from backend.campaigns.states import TALLY, PledgeState, Tally, tally
from backend.campaigns.tables import Campaign, PartnerGiven, Pledge, PledgeTotal
from backend.database import DB

# A total of fewer tells too much of each of them.
LEAST = 10
# By state alone: whether a contact had signed before must not show in how long a pledge stays.
UNCONFIRMED = (PledgeState.RECEIVED, PledgeState.AWAITING, PledgeState.REPEAT)
_KNOWN = (Pledge.campaign, Pledge.county, Pledge.state, Pledge.kind)


async def remove_unconfirmed(before: datetime.datetime) -> int:
    """Pledges from the site, with an e-mail address, that nobody confirmed; and doubtful ones."""
    mine = (Pledge.source == "web") & (Pledge.kind == "email")
    waiting = Pledge.state.is_in(list(UNCONFIRMED)) & mine
    return await _remove(before, waiting | (Pledge.state == PledgeState.DOUBTFUL))


async def remove_typed(before: datetime.datetime) -> int:
    """The same of those that somebody else typed in: a canvasser, or staff from paper."""
    typed = (Pledge.source != "web") & (Pledge.kind == "email")
    return await _remove(before, Pledge.state.is_in(list(UNCONFIRMED)) & typed)


async def _remove(before: datetime.datetime, which: Any) -> int:
    gone = 0
    old = (Pledge.signed_at < before) & which
    while rows := await Pledge.select(Pledge.id).where(old).limit(1000):
        ids = [row["id"] for row in rows]
        async with DB.transaction():
            removed = await Pledge.delete().where(Pledge.id.is_in(ids), old).returning(*_KNOWN)
            changes: Counter[tuple[int, int, Tally]] = Counter()
            for row in removed:
                if (counted := tally(row["state"], row["kind"])) is not None:
                    changes[row["campaign"], row["county"], counted] -= 1
            await tallies.leave(changes)
        gone += len(removed)
    return gone


async def erase(before: datetime.datetime) -> int:
    """Every pledge of a campaign that closed before then: what remains is how many there were."""
    erased = 0
    for campaign in await ended(before):
        async with DB.transaction():
            await PartnerGiven.raw(_FORGET_GIVEN, campaign)
            groups = await Pledge.raw(_ERASE, campaign)
            await _keep_totals(campaign, groups)
            erased += sum(group["number"] for group in groups)
    return erased


async def ended(before: datetime.datetime) -> list[int]:
    """Campaigns whose names are due to be erased: their ids. The page promised a day, and the
    nightly run comes early on it."""
    end = before.replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
    closed = await Campaign.select(Campaign.id).where(Campaign.closed_at < end)
    return [row["id"] for row in closed]


async def _keep_totals(campaign: int, groups: list[dict[str, Any]]) -> None:
    """From ten up; what is smaller goes together, first without the day, then without the county.
    Numbers that lose their county leave the county's count with it."""
    counted = [group for group in groups if group["tally"]]
    by_county: Counter[tuple[int, Tally]] = Counter()
    totals = []
    for group in counted:
        if group["number"] >= LEAST:
            totals.append(PledgeTotal(campaign=campaign, **group))
        else:
            by_county[group["county"], Tally(group["tally"])] += group["number"]
    in_all: Counter[Tally] = Counter()
    lost: Counter[tuple[int, int, Tally]] = Counter()
    for (county, of), number in by_county.items():
        if number >= LEAST:
            total = PledgeTotal(campaign=campaign, county=county, tally=of, number=number)
            totals.append(total)
        else:
            in_all[of] += number
            lost[campaign, county, of] -= number
    totals += [
        PledgeTotal(campaign=campaign, tally=of, number=number) for of, number in in_all.items()
    ]
    if totals:
        await PledgeTotal.insert(*totals)
    await tallies.leave(lost)


_FORGET_GIVEN = """
    DELETE FROM partner_given WHERE pledge IN (SELECT id FROM pledge WHERE campaign = {})
"""

_ERASE = f"""
    WITH gone AS (
        DELETE FROM pledge WHERE campaign = {{}}
        RETURNING county, (signed_at AT TIME ZONE 'America/Los_Angeles')::date AS day,
                  {TALLY} AS tally
    )
    SELECT county, day, tally, count(*)::int AS number FROM gone GROUP BY county, day, tally
"""  # noqa: S608
