"""Lifecycle: what can happen to a hearing, from which state and to which."""

from dataclasses import dataclass

from msgspec.structs import replace

from backend.hearings import entry as entries
from backend.hearings import wording
from backend.hearings.entry import Entry
from backend.hearings.kinds import AHEAD, Status
from backend.hearings.tables import Hearing
from backend.staff.tables import now
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.language import later


@dataclass(frozen=True)
class Act:
    """Something that happens to a hearing. `asks` are the parts of its form: when, outcome, why;
    `from_` the states that it can happen in, `to` the one that it is in then."""

    name: str
    button: str
    hint: str
    asks: tuple[str, ...]
    from_: frozenset[Status] = frozenset(Status)
    to: Status | None = None
    warn: bool = False

    def must_be_possible(self, before: Entry, after: Entry) -> None:
        """Raises Refused."""
        if before.status not in self.from_:
            status = _(wording.STATUSES[before.status])
            raise Refused(_("This cannot be done now. It is: %(status)s.") % {"status": status})
        if self.name == "moves" and entries.same(replace(before, status=Status.MOVED), after):
            raise Refused(_("Day, time and place are as they were. Say what is new."))


ACTS = {
    act.name: act
    for act in (
        Act(
            "moves",
            later("Move it"),
            later("Give it its new day, time or place. Calendars that have it are told."),
            ("when", "why"),
            AHEAD,
            Status.MOVED,
        ),
        Act(
            "postponements",
            later("Postpone it"),
            later("It is off, and its new day is not known yet."),
            ("why",),
            frozenset({Status.SCHEDULED, Status.MOVED}),
            Status.POSTPONED,
        ),
        Act(
            "cancellations",
            later("Cancel it"),
            later("It will not be held. It stays on its page, crossed out."),
            ("why",),
            AHEAD,
            Status.CANCELLED,
            warn=True,
        ),
        Act(
            "returns",
            later("Put it back on"),
            later("It will be held after all. Look at its day and time."),
            ("when", "why"),
            frozenset({Status.CANCELLED, Status.POSTPONED}),
            Status.SCHEDULED,
        ),
        Act(
            "outcome",
            later("Say what came of it"),
            later("It was held: what was decided, and how each member voted."),
            ("outcome",),
            AHEAD | {Status.HELD},
        ),
        Act(
            "removals",
            later("Take it out"),
            later("Only for one that was never real, or is here twice. One that is off is"
                  " cancelled."),
            ("why",),
            warn=True,
        ),
    )
}  # fmt: skip


def possible(hearing: Hearing) -> list[Act]:
    acts = [act for act in ACTS.values() if hearing.status in act.from_]
    ahead = hearing.starts_at > now()
    return [act for act in acts if not (ahead and act.name == "outcome")]


def needs_outcome(hearing: Hearing) -> bool:
    """It is over, and nobody said what became of it."""
    return hearing.status in AHEAD and hearing.is_over(now())
