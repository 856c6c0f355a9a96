"""Counts in words."""

import datetime
from itertools import pairwise

from babel.dates import format_date, format_time

from backend.campaigns.counting import Numbers
from backend.web import language
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _
from backend.web.language import ngettext, number_in_words

# A county's shade on the map, by how many have confirmed there.
STEPS = (0, 1, 10, 100, 1000)


def confirmed(numbers: Numbers) -> str:
    """What stands beside the large number."""
    return ngettext("person signed and confirmed", "people signed and confirmed", numbers.confirmed)


def awaiting(number: int) -> str:
    told = ngettext(
        "%(shown)s more signed and still has to confirm, also on paper and at events.",
        "%(shown)s more signed and still have to confirm, also on paper and at events.",
        number,
    )
    return told % {"shown": number_in_words(number)}


def set_aside(number: int) -> str:
    told = ngettext(
        "%(shown)s was set aside and does not count.",
        "%(shown)s were set aside and do not count.",
        number,
    )
    return told % {"shown": number_in_words(number)}


def goal(numbers: Numbers, goal: int) -> str:
    """The words of the progress bar."""
    told = {"count": number_in_words(numbers.confirmed), "goal": number_in_words(goal)}
    if numbers.confirmed >= goal:
        return _("The last goal, %(goal)s, is reached.") % told
    return _("%(count)s of %(goal)s, the next goal.") % told


def as_of(numbers: Numbers) -> str:
    """When the numbers were added up, to the minute in California."""
    if numbers.counted_at is None:
        return _("Nobody has signed yet.")
    return _("Counted on %(moment)s.") % {"moment": moment(numbers.counted_at)}


def moment(at: datetime.datetime) -> str:
    """Tuesday, November 24, 2026, 2:05 PM (Pacific)."""
    here = at.astimezone(CALIFORNIA)
    locale = language.current.get().locale
    day = format_date(here, "full", locale=locale)
    return f"{day}, {format_time(here, 'short', locale=locale)} (Pacific)"


def step(number: int) -> int:
    """From 0 (nobody) to 4 (a thousand or more)."""
    return sum(number >= least for least in STEPS[1:])


def steps() -> list[str]:
    """What each step means, for the map's key."""
    return [
        _("Nobody yet"),
        *(
            f"{number_in_words(least)}–{number_in_words(most - 1)}"
            for least, most in pairwise(STEPS[1:])
        ),
        _("%(count)s or more") % {"count": number_in_words(STEPS[-1])},
    ]
