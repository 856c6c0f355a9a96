"""Signers as a file, for one purpose at a time: only who confirmed, only who agreed to just that,
and no more of them than it takes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backend.campaigns import partners, pledges
from backend.campaigns.exclusions import agreed_to
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.web import spreadsheet

AT_ONCE = 500
# Spreadsheets from Microsoft take a file for UTF-8 only when it begins with this.
FOR_EXCEL = "\ufeff"
Row = dict[str, Any]


class Purpose(StrEnum):
    """What a list is for. `delivery`: names to hand to who decides, without contacts."""

    NEWS = "news"
    PARTNER = "partner"
    DELIVERY = "delivery"


COLUMNS = {
    Purpose.NEWS: ("name", "contact", "county", "language"),
    Purpose.PARTNER: ("name", "contact", "county", "language"),
    Purpose.DELIVERY: ("name", "county"),
}


@dataclass(frozen=True)
class List:
    """Which list: of whom, what for, with `partner` for which of the campaign's partners, and with
    `via` only of who signed at that shift."""

    campaign: Campaign
    purpose: Purpose
    partner: str = ""
    via: str = ""


async def number(asked: List) -> int:
    """How many lines the file will have: counted for this, since it is written into the trail."""
    return int(await Pledge.count().where(*await _meant(asked)))


async def rows(asked: List) -> AsyncIterator[tuple[str, ...]]:
    """The lines, oldest signature first. The whole list is never in memory."""
    meant = await _meant(asked)
    counties = await county_names()
    where = meant
    while found := await _page(where):
        for row in found:
            yield _cells(row, asked.purpose, counties)
        at, id = found[-1]["signed_at"], found[-1]["id"]
        next_ones = (Pledge.signed_at > at) | ((Pledge.signed_at == at) & (Pledge.id > id))
        where = [*meant, Pledge.signed_at >= at, next_ones]


async def as_csv(asked: List, excel: bool) -> AsyncIterator[str]:
    """The file, a piece at a time."""
    yield (FOR_EXCEL if excel else "") + spreadsheet.as_csv([COLUMNS[asked.purpose]])
    async for row in rows(asked):
        yield spreadsheet.as_csv([row])


async def county_names() -> dict[int, str]:
    """By the id that pledges keep."""
    slugs = await County.select(County.id, County.slug)
    return {
        row["id"]: county.name if (county := gazetteer.county(row["slug"])) else row["slug"]
        for row in slugs
    }


async def _meant(asked: List) -> list[Any]:
    at = [Pledge.via == asked.via] if asked.via else []
    if asked.purpose == Purpose.PARTNER:
        return [*await partners.shared([asked.campaign], asked.partner), *at]
    where: list[Any] = [
        Pledge.campaign == asked.campaign.id,
        Pledge.state == PledgeState.CONFIRMED,
        Pledge.data_key.is_not_null(),
        *at,
    ]
    # Handing the names over is what the pledge itself says; anything else was asked for apart.
    return where if asked.purpose == Purpose.DELIVERY else [*where, await agreed_to("news")]


async def _page(where: list[Any]) -> list[Row]:
    found: list[Row] = await (
        Pledge.select().where(*where).order_by(Pledge.signed_at, Pledge.id).limit(AT_ONCE)
    )
    return found


def _cells(row: Row, purpose: Purpose, counties: dict[int, str]) -> tuple[str, ...]:
    pledge = pledges.opened(row)
    told = {
        "name": pledge.name or "",
        "contact": pledge.contact or "",
        "county": counties.get(pledge.county, ""),
        "language": pledge.language,
    }
    return tuple(told[column] for column in COLUMNS[purpose])
