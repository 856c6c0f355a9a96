"""The form of a shift: what a lead may write, and what they are told when it is wrong.
Whatever they typed stays in the form."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.canvass.shifts import Plan
from backend.counties import gazetteer
from backend.hearings import times
from backend.staff.forms import mistake_in_name
from backend.web.clock import CALIFORNIA, today
from backend.web.forms import CLOCK, DAY, line
from backend.web.language import LANGUAGES, PSEUDO
from backend.web.language import gettext as _

KEPT = 4000
LONGEST = {"event": 120, "place": 200}
MOST_NEW = 30
FARTHEST = datetime.timedelta(days=400)
Sent = Sequence[tuple[str, str]]


@dataclass
class ShiftForm:
    """`typed` is what to show by field name, the sets are what is ticked, `mistakes` a sentence by
    field name; `plan` is there when nothing is wrong. `county` is a slug."""

    typed: dict[str, str] = field(default_factory=dict)
    campaigns: set[int] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)
    leads: set[int] = field(default_factory=set)
    canvassers: set[int] = field(default_factory=set)
    mistakes: dict[str, str] = field(default_factory=dict)
    plan: Plan | None = None

    @property
    def county(self) -> str:
        return self.typed.get("county", "")


def languages() -> list[str]:
    return [code for code in LANGUAGES if code != PSEUDO.code]


def empty(lead: int) -> ShiftForm:
    typed = {"on": today().isoformat(), "from": "09:00", "until": "13:00"}
    return ShiftForm(typed, languages=set(languages()), leads={lead})


def filled(plan: Plan, county: str) -> ShiftForm:
    """A form that says what stands."""
    starts, ends = (each.astimezone(CALIFORNIA) for each in (plan.starts_at, plan.ends_at))
    typed = {
        "event": plan.event,
        "place": plan.place,
        "county": county,
        "first": str(plan.campaigns[0]) if plan.campaigns else "",
        "on": starts.date().isoformat(),
        "from": f"{starts:%H:%M}",
        "until": f"{ends:%H:%M}",
    }
    return ShiftForm(
        typed, set(plan.campaigns), set(plan.languages), set(plan.leads), set(plan.canvassers)
    )


def read(sent: Sent, counties: dict[str, int], campaigns: Sequence[int]) -> ShiftForm:
    """What somebody sent. `counties` are ids by slug, `campaigns` those that can be chosen."""
    form = ShiftForm(
        {name: value.replace("\0", "")[:KEPT] for name, value in sent},
        _numbers(sent, "campaign") & set(campaigns),
        {value for name, value in sent if name == "language"} & set(languages()),
        _numbers(sent, "lead"),
        _numbers(sent, "canvasser"),
    )
    event, place = _read_line(form, "event"), _read_line(form, "place")
    if not event:
        form.mistakes.setdefault("event", _("Say what it is, like “Sunday market”."))
    if form.county and form.county not in counties:
        form.mistakes["county"] = _("Choose one of the list.")
    first = _read_first(form, campaigns)
    if not form.languages:
        form.mistakes["languages"] = _("Choose at least one language.")
    starts, ends = _read_hours(form)
    names = _read_names(form)
    if not form.mistakes and starts and ends:
        rest = [id for id in campaigns if id in form.campaigns and id != first]
        form.plan = Plan(
            event=event,
            place=place,
            county=counties.get(form.county),
            campaigns=[first, *rest],
            languages=[code for code in languages() if code in form.languages],
            starts_at=starts,
            ends_at=ends,
            leads=frozenset(form.leads),
            canvassers=frozenset(form.canvassers),
            names=names,
        )
    return form


def county_choices() -> list[tuple[str, str]]:
    return [(county.slug, county.name) for county in gazetteer.counties()]


def _read_line(form: ShiftForm, name: str) -> str:
    said = line(form.typed.get(name, ""))
    if len(said) > LONGEST[name]:
        form.mistakes[name] = _("Write it shorter: at most %(most)s letters.") % {
            "most": LONGEST[name]
        }
    return said


def _read_first(form: ShiftForm, campaigns: Sequence[int]) -> int:
    """The campaign that is offered first; one that is ticked alone needs no saying."""
    typed = form.typed.get("first", "")
    first = int(typed) if re.fullmatch("[0-9]{1,9}", typed) else 0
    if first in campaigns:
        return first
    if len(form.campaigns) == 1:
        return next(iter(form.campaigns))
    form.mistakes["first"] = _("Choose the campaign that people are asked to sign.")
    return 0


def _read_hours(
    form: ShiftForm,
) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """From and until, in California; what ends before it begins ends on the next day."""
    day = _day(form.typed.get("on", "").strip())
    if day is None:
        form.mistakes["on"] = _("Write the day like this: 2026-11-24.")
    elif abs(day - today()) > FARTHEST:
        form.mistakes["on"] = _("This day is too far away. Look at the year.")
    clocks = {name: CLOCK.fullmatch(form.typed.get(name, "").strip()) for name in ("from", "until")}
    for name, met in clocks.items():
        if met is None:
            form.mistakes[name] = _("Write a time like this: 14:30.")
    if day is None or form.mistakes.keys() & {"on", "from", "until"}:
        return None, None
    begins, ends = (
        times.at(day, datetime.time(int(met[1]), int(met[2]))) for met in clocks.values() if met
    )
    if ends <= begins:
        ends = times.at(day + datetime.timedelta(days=1), ends.time())
    return begins, ends


def _read_names(form: ShiftForm) -> tuple[str, ...]:
    """One a line; the same one twice is one person."""
    given = [line(each) for each in form.typed.get("names", "").splitlines()]
    names = {name.casefold(): name for name in reversed(given) if name}
    for name in names.values():
        if mistake := mistake_in_name(name):
            form.mistakes["names"] = mistake
    if len(names) > MOST_NEW:
        form.mistakes["names"] = _("At most %(most)s new people at once.") % {"most": MOST_NEW}
    return tuple(reversed(names.values()))


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None


def _numbers(sent: Sent, name: str) -> set[int]:
    return {int(value) for key, value in sent if key == name and re.fullmatch("[0-9]{1,9}", value)}
