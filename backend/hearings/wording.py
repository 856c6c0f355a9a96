"""Hearings in words: what kind, when, how it stands, what changed."""

import datetime
from typing import Any

from babel.dates import format_date, format_time

from backend.hearings import ledger
from backend.hearings.kinds import Choice, Kind, Noted, Result, Status, Topic
from backend.hearings.notice import AgendaNotice, ForumNotice
from backend.hearings.tables import Hearing, HearingChange
from backend.web import language
from backend.web.clock import CALIFORNIA, today
from backend.web.language import day_in_words, later, ngettext, number_in_words
from backend.web.language import gettext as _

KINDS = {
    Kind.HEARING: later("Hearing"),
    Kind.VOTE: later("Vote"),
    Kind.FORUM: later("TRUTH Act forum"),
    Kind.COMMITTEE: later("Committee meeting"),
    Kind.RALLY: later("Rally"),
    Kind.ENROLLMENT: later("Enrollment event"),
}
STATUSES = {
    Status.SCHEDULED: later("Scheduled"),
    Status.MOVED: later("Moved"),
    Status.POSTPONED: later("Postponed"),
    Status.CANCELLED: later("Cancelled"),
    Status.HELD: later("Held"),
}
# What a person must know of it at once; nothing where all is as it was announced.
NEWS = {
    Status.MOVED: later("Moved: the new time and place stand here."),
    Status.POSTPONED: later("Postponed: do not go. It has no new day yet."),
    Status.CANCELLED: later("Cancelled: do not go."),
}
# The icon beside that, and the tone of both.
SIGNS = {
    Status.MOVED: ("moved", "state"),
    Status.POSTPONED: ("limit", "limit"),
    Status.CANCELLED: ("open", "open"),
}
TOPICS = {
    Topic.HOLDS: later("ICE holds"),
    Topic.JAILS: later("Jails"),
    Topic.DETENTION: later("Detention"),
    Topic.CALLS: later("Calls from detention"),
    Topic.FORUMS: later("TRUTH Act forums"),
    Topic.FEDERAL: later("Federal rules"),
    Topic.PLACES: later("Places that are safe from ICE"),
    Topic.HEALTH: later("Health coverage"),
}
RESULTS = {
    Result.PASSED: later("Passed"),
    Result.FIRST_YES: later("First vote: yes. Final vote not found"),
    Result.FAILED: later("Failed"),
    Result.CONTINUED: later("Put off to another meeting"),
    Result.NO_VOTE: later("No vote was taken"),
}
CHOICES = {
    Choice.YES: later("yes"),
    Choice.NO: later("no"),
    Choice.ABSTAINED: later("abstained"),
    Choice.ABSENT: later("absent"),
    Choice.RECUSED: later("recused"),
}
HAPPENED = {
    Noted.ANNOUNCED: later("Put on our list"),
    Noted.CHANGED: later("Changed"),
    Noted.MOVED: later("Moved"),
    Noted.POSTPONED: later("Postponed"),
    Noted.CANCELLED: later("Cancelled"),
    Noted.BACK_ON: later("Back on"),
    Noted.HELD: later("Held"),
    Noted.OUTCOME: later("What came of it was told"),
    Noted.TAKEN_OUT: later("Taken out"),
}
# What a line of the history says was changed, in the order of the page. Of the rest nobody asks.
FIELDS = {
    "starts_at": later("the time"),
    "time_known": later("the time"),
    "ends_at": later("the end"),
    "place": later("the place"),
    "address": later("the place"),
    "title": later("the title"),
    "decides": later("what is decided"),
    "how_to_speak": later("how to speak"),
    "speak_by": later("how to speak"),
    "remote_speaking": later("how to speak"),
    "remote_url": later("taking part from home"),
    "remote_how": later("taking part from home"),
    "interpreter": later("the interpreter"),
    "agenda_url": later("the agenda"),
    "agenda_item": later("the agenda"),
    "noticed_on": later("the day it was announced"),
    "outcome": later("what came of it"),
    "result": later("what came of it"),
    "votes": later("how members voted"),
    "figures": later("the numbers"),
    "sources": later("the sources"),
}


def kind(hearing: Hearing) -> str:
    return _(KINDS[Kind(hearing.kind)])


def status(hearing: Hearing) -> str:
    return _(STATUSES[Status(hearing.status)])


def news(hearing: Hearing) -> str:
    """What must be known of it first, or nothing."""
    found = NEWS.get(Status(hearing.status))
    return _(found) if found else ""


def sign(hearing: Hearing) -> str:
    return SIGNS[Status(hearing.status)][0]


def tone(hearing: Hearing) -> str:
    return SIGNS[Status(hearing.status)][1]


def topic(name: str) -> str:
    return _(TOPICS[Topic(name)])


def result(hearing: Hearing) -> str:
    return _(RESULTS[Result(hearing.result)]) if hearing.result else ""


def choice(name: str) -> str:
    return _(CHOICES[Choice(name)])


def title(hearing: Hearing) -> str:
    return said(hearing.title)


def said(text: Any) -> str:
    """In the reader's language, or else in English."""
    words: str = text.get(language.current.get().code) or text.get("en") or text.get("es") or ""
    return words


def in_english(text: Any) -> bool:
    """Whether `said` had to fall back on English."""
    code = language.current.get().code
    return code != language.ENGLISH.code and not text.get(code) and bool(text.get("en"))


def day(day: datetime.date) -> str:
    """Tuesday, December 8, 2026."""
    return format_date(day, "full", locale=language.current.get().locale)


def near(day: datetime.date, today: datetime.date) -> str:
    """Today or tomorrow, or nothing."""
    return {0: _("Today"), 1: _("Tomorrow")}.get((day - today).days, "")


def clock(moment: datetime.datetime) -> str:
    """2:30 p.m. (Pacific). In the hour that comes twice, the zone's own name tells which it is:
    PDT is the first."""
    local = moment.astimezone(CALIFORNIA)
    return _("%(time)s (%(zone)s)") % {"time": _time(local), "zone": _zone(local)}


def times(hearing: Hearing) -> str:
    """From when until when, where that is known."""
    if not hearing.time_known:
        return _("time not known yet")
    starts, ends = hearing.starts_at.astimezone(CALIFORNIA), hearing.ends_at
    if ends is None:
        return clock(starts)
    until = ends.astimezone(CALIFORNIA)
    if until.date() != starts.date():
        return _("%(start)s until %(end)s") % {"start": clock(starts), "end": moment(until)}
    if _zone(starts) != _zone(until):
        return f"{clock(starts)} – {clock(until)}"
    return _("%(time)s (%(zone)s)") % {
        "time": f"{_time(starts)} – {_time(until)}",
        "zone": _zone(starts),
    }


def moment(at: datetime.datetime) -> str:
    """Tuesday, December 8, 2026, 9:30 a.m. (Pacific)."""
    return f"{day(at.astimezone(CALIFORNIA).date())}, {clock(at)}"


def when(hearing: Hearing) -> str:
    """Its day with the weekday, and its time; of a past one nobody asks for a time not known."""
    if not hearing.time_known and hearing.day < today():
        return day(hearing.day)
    return f"{day(hearing.day)}, {times(hearing)}"


def agenda(notice: AgendaNotice) -> str:
    """When the agenda is to be expected."""
    by = notice.by
    told = {"when": moment(by) if isinstance(by, datetime.datetime) else day(by)}
    if notice.passed:
        return _("The agenda was due by %(when)s. We have no link to it yet.") % told
    return _("The agenda is expected by %(when)s.") % told


def agenda_rule(notice: AgendaNotice) -> str:
    hours = {"hours": number_in_words(notice.hours)}
    if notice.hours == 24:
        return _("For a special meeting, state law asks for it %(hours)s hours before.") % hours
    return _("State law asks for it %(hours)s hours before a meeting.") % hours


def forum(notice: ForumNotice, today: datetime.date) -> str:
    """When a forum had to be announced, and when it was."""
    by = {"by": day(notice.by)}
    if notice.days is None or notice.announced_on is None:
        if notice.by >= today:
            return _("The county must announce this forum by %(by)s.") % by
        return (
            _(
                "The county had to announce this forum by %(by)s. We do not know on which day it "
                "did."
            )
            % by
        )
    told = {
        **by,
        "on": day(notice.announced_on),
        "days": ngettext("%(num)s day", "%(num)s days", notice.days)
        % {"num": number_in_words(notice.days)},
    }
    if notice.in_time:
        return (
            _("The county had to announce this forum by %(by)s. It did on %(on)s, %(days)s before.")
            % told
        )
    return (
        _(
            "The county had to announce this forum by %(by)s. It did on %(on)s, only %(days)s "
            "before."
        )
        % told
    )


def happened(change: HearingChange) -> str:
    return _(HAPPENED[Noted(change.noted)])


def changed(change: HearingChange) -> str:
    """What a change touched, each once: the time, the place."""
    told = dict.fromkeys(_(FIELDS[name]) for name in FIELDS if name in change.fields)
    return ", ".join(told)


def before_and_after(change: HearingChange) -> list[tuple[str, str]]:
    """Time and place as they were and as they became, where those changed."""
    old: Any = change.before
    new: Any = change.after
    if not old:
        return []
    pairs = []
    if {"starts_at", "time_known"} & set(change.fields):
        pairs.append((_when_of(old), _when_of(new)))
    if {"place", "address"} & set(change.fields):
        pairs.append(
            (place_of(old["place"], old["address"]), place_of(new["place"], new["address"]))
        )
    return [pair for pair in pairs if pair[0] != pair[1]]


def place_of(place: str, address: str) -> str:
    return ", ".join(part for part in (place, address) if part)


def _when_of(plain: dict[str, Any]) -> str:
    at = datetime.datetime.fromisoformat(plain["starts_at"])
    if plain["time_known"]:
        return moment(at)
    return f"{day(at.astimezone(CALIFORNIA).date())}, {_('time not known yet')}"


def _time(local: datetime.datetime) -> str:
    told = format_time(local.time(), "short", locale=language.current.get().locale)
    # Babel writes 2:30 PM where a letter would have 2:30 p.m.
    return told.replace("AM", "a.m.").replace("PM", "p.m.")


def _zone(local: datetime.datetime) -> str:
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return (local.tzname() or "") if twice else _("Pacific")


FORUM_STATES = {
    ledger.State.HELD: later("Held"),
    ledger.State.ANNOUNCED: later("Announced"),
    ledger.State.OWED: later("Owed this year, and not announced"),
    ledger.State.OVERDUE: later("Owed, and not found"),
    ledger.State.NOT_FOUND: later("Not found"),
}


def forum_state(state: ledger.State) -> str:
    return _(FORUM_STATES[state])


def forum_years(lines: list[ledger.Line]) -> str:
    """A county's years in the ledger, without those in which nothing was found or owed."""
    found = {
        state: ", ".join(_runs([line.year for line in lines if line.state is state]))
        for state in ledger.State
        if state is not ledger.State.NOT_FOUND
    }
    said = [f"{forum_state(state)}: {years}" for state, years in found.items() if years]
    return " · ".join(said) or forum_state(ledger.State.NOT_FOUND)


def _runs(years: list[int]) -> list[str]:
    """Years in order, three and more in a row as one: 2018–2020, 2024."""
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return [
        said
        for run in runs
        for said in ([f"{run[0]}–{run[-1]}"] if len(run) > 2 else [str(year) for year in run])
    ]


def checked(hearing: Hearing) -> str:
    return _("We read its source on %(day)s.") % {"day": day_in_words(hearing.checked_on)}
