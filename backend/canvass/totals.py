"""The numbers of a shift: how many signed, how, for what and from where. Never who.

They come from what points at the shift (`Pledge.via`, `CanvassRecord.shift`), each by its index: a
campaign's other pledges, however many, are not looked at. Of erased ones totals remain.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.canvass.states import RecordState
from backend.canvass.tables import CanvassRecord, Shift, ShiftTotal
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.web.language import in_words

NAMES = {
    PledgeState.CONFIRMED: "confirmed",
    PledgeState.AWAITING: "awaiting",
    PledgeState.SET_ASIDE: "set_aside",
    PledgeState.REPEAT: "again",
    # Not looked at yet.
    PledgeState.RECEIVED: "awaiting",
    PledgeState.DOUBTFUL: "again",
}


@dataclass
class Tally:
    """How many are confirmed, still to confirm, set aside, and of people who had signed before."""

    confirmed: int = 0
    awaiting: int = 0
    set_aside: int = 0
    again: int = 0

    def add(self, state: int, number: int) -> None:
        name = NAMES[PledgeState(state)]
        setattr(self, name, getattr(self, name) + number)

    @property
    def signed(self) -> int:
        return self.confirmed + self.awaiting + self.set_aside + self.again

    def cells(self) -> tuple[int, ...]:
        return self.signed, self.confirmed, self.awaiting, self.set_aside, self.again


@dataclass
class OfPhone:
    """What came from one phone: `gone` were withdrawn since, `review` wait for somebody to look,
    `dropped` are none."""

    tally: Tally = field(default_factory=Tally)
    gone: int = 0
    review: int = 0
    dropped: int = 0

    @property
    def unconfirmed(self) -> int:
        """Of a hundred that stand, how many nobody has confirmed."""
        stand = self.tally.signed - self.tally.set_aside
        return round(100 * (stand - self.tally.confirmed) / stand) if stand else 0

    @property
    def came(self) -> int:
        return self.tally.signed + self.gone + self.review + self.dropped


@dataclass
class Totals:
    """A shift's numbers: in all, by source, by campaign (id), by county (id) and by phone."""

    whole: Tally = field(default_factory=Tally)
    by_source: dict[str, Tally] = field(default_factory=dict)
    by_campaign: dict[int, Tally] = field(default_factory=dict)
    by_county: dict[int, Tally] = field(default_factory=dict)
    by_phone: dict[UUID, OfPhone] = field(default_factory=dict)

    @property
    def review(self) -> int:
        return sum(each.review for each in self.by_phone.values())


async def of_shift(shift: Shift) -> Totals:
    totals = Totals()
    for row in await Pledge.raw(BY_PLEDGES, shift.code):
        groups: tuple[tuple[dict[Any, Tally], Any], ...] = (
            (totals.by_source, row["source"]),
            (totals.by_campaign, row["campaign"]),
            (totals.by_county, row["county"]),
        )
        totals.whole.add(row["state"], row["number"])
        for group, key in groups:
            group.setdefault(key, Tally()).add(row["state"], row["number"])
    for row in await ShiftTotal.raw(REMAINING, [shift.id]):
        totals.whole.add(row["state"], row["number"])
        totals.by_campaign.setdefault(row["campaign"], Tally()).add(row["state"], row["number"])
    for row in await CanvassRecord.raw(BY_RECORDS, shift.id):
        phone = totals.by_phone.setdefault(row["device"], OfPhone())
        if row["record_state"] == RecordState.REVIEW:
            phone.review += row["number"]
        elif row["record_state"] == RecordState.RECEIVED:
            # Within moments the worker makes pledges of them.
            phone.tally.awaiting += row["number"]
        elif row["record_state"] == RecordState.DROPPED:
            phone.dropped += row["number"]
        elif row["state"] is None:
            phone.gone += row["number"]
        else:
            phone.tally.add(row["state"], row["number"])
    return totals


async def of_all(shifts: Iterable[Shift]) -> dict[int, Tally]:
    """The numbers of several shifts by id: one query."""
    ids = {shift.code: shift.id for shift in shifts}
    found: dict[int, Tally] = {id: Tally() for id in ids.values()}
    if ids:
        for row in await Pledge.raw(BY_SHIFTS, [*ids]):
            found[ids[row["via"]]].add(row["state"], row["number"])
        for row in await ShiftTotal.raw(REMAINING, [*found]):
            found[row["shift"]].add(row["state"], row["number"])
    return found


async def campaign_titles(ids: Iterable[int]) -> dict[int, str]:
    """In the reader's language."""
    rows = await Campaign.select(Campaign.id, Campaign.title).where(
        Campaign.id.is_in([*ids] or [0])
    )
    return {row["id"]: in_words(row["title"]) for row in rows}


async def county_names() -> dict[int, str]:
    names = {county.slug: county.name for county in gazetteer.counties()}
    rows = await County.select(County.id, County.slug)
    return {row["id"]: names.get(row["slug"], row["slug"]) for row in rows}


BY_PLEDGES = """
SELECT source, campaign, county, state, count(*)::int AS number
FROM pledge WHERE via = {} GROUP BY source, campaign, county, state
"""

BY_SHIFTS = """
SELECT via, state, count(*)::int AS number FROM pledge WHERE via = ANY({}) GROUP BY via, state
"""

# Of campaigns whose names are erased.
REMAINING = "SELECT shift, campaign, state, number FROM shift_total WHERE shift = ANY({})"

BY_RECORDS = """
SELECT record.device, record.state AS record_state, pledge.state, count(*)::int AS number
FROM canvass_record AS record LEFT JOIN pledge ON pledge.id = record.pledge
WHERE record.shift = {} GROUP BY record.device, record.state, pledge.state
"""
