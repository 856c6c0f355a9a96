"""Filter: which of a campaign's pledges a list shows, read from an address."""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns import exclusions
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.web.clock import CALIFORNIA
from backend.web.forms import day_of
from backend.web.language import gettext as _
from backend.web.language import later

STATES = {
    PledgeState.AWAITING: later("still to confirm"),
    PledgeState.CONFIRMED: later("confirmed"),
    PledgeState.SET_ASIDE: later("set aside"),
    PledgeState.REPEAT: later("signed again"),
    PledgeState.RECEIVED: later("just now"),
    PledgeState.DOUBTFUL: later("like a program"),
}


@dataclass(frozen=True)
class PledgeFilter:
    """Which pledges are asked for; empty is all. `before` is where the page before ended."""

    county: str = ""
    state: str = ""
    source: str = ""
    day: str = ""
    consent: str = ""
    before: str = ""

    def mistakes(self) -> dict[str, str]:
        found = {}
        if self.day and day_of(self.day) is None:
            found["day"] = _("Write the day like this: 2026-11-24.")
        if self.before and self._before() is None:
            found["before"] = _("There is no such line. Start again from the newest.")
        choices = {
            "county": [county.slug for county in gazetteer.counties()],
            "state": [state.name.lower() for state in STATES],
            "consent": ["news", "partner"],
        }
        for name, known in choices.items():
            if (given := getattr(self, name)) and given not in known:
                found[name] = _("Choose one of the list.")
        return found

    async def where(self, campaign: Campaign) -> list[Any]:
        where: list[Any] = [Pledge.campaign == campaign.id]
        if self.county:
            county = await County.select(County.id).where(County.slug == self.county).first()
            where.append(Pledge.county == (county["id"] if county else 0))
        if self.state:
            where.append(Pledge.state == PledgeState[self.state.upper()])
        if self.source:
            where.append(Pledge.source == self.source)
        if day := day_of(self.day):
            begins, ends = (
                datetime.datetime.combine(each, datetime.time(), CALIFORNIA)
                for each in (day, day + datetime.timedelta(days=1))
            )
            where += [Pledge.signed_at >= begins, Pledge.signed_at < ends]
        if self.consent:
            where.append(await exclusions.agreed_to(self.consent))
        if before := self._before():
            at, id = before
            earlier = (Pledge.signed_at < at) | ((Pledge.signed_at == at) & (Pledge.id < id))
            where += [Pledge.signed_at <= at, earlier]
        return where

    def filters(self) -> dict[str, str]:
        names = ("county", "state", "source", "day", "consent")
        return {name: getattr(self, name) for name in names}

    def _before(self) -> tuple[datetime.datetime, UUID] | None:
        moment, _comma, id = self.before.partition(",")
        try:
            at = datetime.datetime.fromisoformat(moment)
            return (at, UUID(id)) if at.tzinfo and 2000 <= at.year <= 2100 else None
        except ValueError:
            return None
