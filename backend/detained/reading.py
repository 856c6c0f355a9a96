"""What the pages of this room show of the database."""

import datetime
from dataclasses import dataclass

from backend.detained.tables import DetentionPlace
from backend.policies.help_lines import all_lines
from backend.policies.tables import HelpLine


@dataclass(frozen=True)
class Lines:
    """Whom to call: `first` before all others (None: nobody known), then `others` of the county,
    then `statewide`; `networks` work in the county, but their number is not known. `own` says
    whether any number is the county's own."""

    first: HelpLine | None
    others: tuple[HelpLine, ...]
    statewide: tuple[HelpLine, ...]
    networks: tuple[HelpLine, ...]
    own: bool


async def lines_of(slug: str | None, today: datetime.date) -> Lines:
    """The county's lines; without one, all of California's and then every county's."""
    every = await all_lines()
    ours = [line for line in every if slug in line.counties] if slug else []
    own = _fresh_first([line for line in ours if line.phone], today)
    statewide = _fresh_first(
        [line for line in every if line.phone and line.statewide and line not in own], today
    )
    # One that nobody checked lately is no first number while there is a better one.
    ranked = _fresh_first([*own, *statewide], today)
    first = ranked[0] if ranked else None
    if slug is None:
        own = [line for line in every if line.phone and not line.statewide]
    return Lines(
        first=first,
        others=tuple(line for line in own if line is not first),
        statewide=tuple(line for line in statewide if line is not first),
        networks=tuple(line for line in ours if not line.phone),
        own=bool(slug and own),
    )


async def places() -> list[DetentionPlace]:
    """Every place that people may see, by name; what is only proposed is not among them."""
    found: list[DetentionPlace] = await (
        DetentionPlace.objects()
        .where(DetentionPlace.retired_at.is_null())
        .order_by(DetentionPlace.name)
    )
    return [place for place in found if place.shown and place.status != "proposed"]


def _fresh_first(lines: list[HelpLine], today: datetime.date) -> list[HelpLine]:
    return sorted(lines, key=lambda line: line.stale_on(today))
