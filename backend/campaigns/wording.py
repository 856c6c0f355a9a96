"""Published counts in words: see `publishing.py`."""

import datetime
from itertools import pairwise

from babel.dates import format_date, format_time

from backend.campaigns.publishing import STEP
from backend.campaigns.tallies import Numbers
from backend.web import language
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _
from backend.web.language import number_in_words

# A county's shade on the map, by how many have confirmed there.
STEPS = (0, STEP, 100, 1000)


def told(number: int) -> str:
    """A published number: in tens, or that it is smaller."""
    return number_in_words(number) if number >= STEP else _("Fewer than 10")


def confirmed(numbers: Numbers) -> str:
    """What stands beside the large number."""
    if numbers.confirmed < STEP:
        return _("people signed and confirmed")
    return _("people or more signed and confirmed")


def awaiting(number: int) -> str:
    if number < STEP:
        return _("Fewer than 10 more left an e-mail address that is not confirmed yet.")
    told = _("%(shown)s or more left an e-mail address that is not confirmed yet.")
    return told % {"shown": number_in_words(number)}


def phones(number: int) -> str:
    if number < STEP:
        return _("Fewer than 10 more left a phone number that nobody has called yet.")
    told = _("%(shown)s or more left a phone number that nobody has called yet.")
    return told % {"shown": number_in_words(number)}


def set_aside(number: int) -> str:
    if number < STEP:
        return _("Fewer than 10 were set aside and do not count.")
    told = _("%(shown)s or more were set aside and do not count.")
    return told % {"shown": number_in_words(number)}


def why_rounded() -> str:
    return _(
        "We round down to tens, add up California every ten minutes and each county once a day, "
        "from ten up. So no number tells whether one person signed. Who signed twice stands twice "
        "among those not confirmed."
    )


def goal(numbers: Numbers, goal: int) -> str:
    """The words of the progress bar."""
    count = told(numbers.confirmed)
    words = {"count": count, "goal": number_in_words(goal)}
    if numbers.confirmed >= goal:
        return _("The last goal, %(goal)s, is reached.") % words
    return _("%(count)s of %(goal)s, the next goal.") % words


def as_of(numbers: Numbers) -> str:
    """When the numbers were added up, to the minute in California."""
    if numbers.counted_at is None:
        return _("Nothing is counted yet.")
    return _("Counted on %(moment)s.") % {"moment": moment(numbers.counted_at)}


def moment(at: datetime.datetime) -> str:
    """Tuesday, November 24, 2026, 2:05 PM (Pacific)."""
    here = at.astimezone(CALIFORNIA)
    locale = language.current.get().locale
    day = format_date(here, "full", locale=locale)
    return f"{day}, {format_time(here, 'short', locale=locale)} (Pacific)"


def step(number: int) -> int:
    """From 0 (fewer than ten) to 3 (a thousand or more)."""
    return sum(number >= least for least in STEPS[1:])


def steps() -> list[str]:
    """What each step means, for the map's key."""
    return [
        _("Fewer than 10"),
        *(
            f"{number_in_words(least)}–{number_in_words(most - 1)}"
            for least, most in pairwise(STEPS[1:])
        ),
        _("%(count)s or more") % {"count": number_in_words(STEPS[-1])},
    ]
