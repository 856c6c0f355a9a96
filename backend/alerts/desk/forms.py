"""The form of an alert: what staff may write, and what they are told when it is wrong. Whatever
they typed stays in the form."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.alerts.drafts import NEEDED
from backend.alerts.kinds import News
from backend.alerts.tables import Alert
from backend.alerts.wording import LONGEST
from backend.counties import gazetteer
from backend.hearings import times
from backend.hearings.kinds import Topic
from backend.staff.tables import LARGEST_ID, now
from backend.web.clock import CALIFORNIA
from backend.web.forms import CLOCK, DAY, line
from backend.web.language import LANGUAGES
from backend.web.language import gettext as _

KEPT = 2000
LONGEST_WHY = 300
PAGE = re.compile(r"/(?!/)[A-Za-z0-9/_.-]*(\?[A-Za-z0-9=&_.-]*)?")
FURTHEST = datetime.timedelta(days=28)
Sent = Sequence[tuple[str, str]]


@dataclass
class AlertForm:
    """`typed` is what to show by field name; the sets are what is ticked; `fields` are an alert's
    columns when nothing is wrong; `seen` is the fingerprint of what was before the person."""

    typed: dict[str, str] = field(default_factory=dict)
    counties: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)
    mistakes: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    seen: str = ""


def empty() -> AlertForm:
    return AlertForm({"kind": News.CALL, "where": "some", "navigate": "/hearings"})


def filled(fields: dict[str, Any], seen: str = "") -> AlertForm:
    """A form that says what an alert's columns say."""
    words = fields.get("words") or {}
    typed = {
        f"{part}_{code}": (words.get(code) or {}).get(part, "")
        for code in NEEDED
        for part in LONGEST
    }
    typed |= {
        "navigate": fields.get("navigate", "/hearings"),
        "hearing": str(fields.get("hearing") or ""),
        "kind": str(fields.get("kind", News.CALL)),
        "where": "all" if fields.get("everyone") else "some",
        "urgent": "yes" if fields.get("urgent") else "",
        "why_urgent": fields.get("why_urgent", ""),
    }
    for name, column in (("due", "due_at"), ("ends", "expires_at")):
        moment = fields.get(column)
        local = moment.astimezone(CALIFORNIA) if moment else None
        typed[f"{name}_on"] = local.date().isoformat() if local else ""
        typed[f"{name}_time"] = f"{local:%H:%M}" if local else ""
    return AlertForm(
        typed,
        set(fields.get("counties") or []),
        set(fields.get("topics") or []),
        set(fields.get("languages") or []),
        seen=seen,
    )


def of(alert: Alert, seen: str) -> AlertForm:
    names = ("words", "navigate", "kind", "everyone", "counties", "topics", "languages", "urgent",
             "why_urgent", "due_at", "expires_at")  # fmt: skip
    hearing: Any = alert.hearing
    fields = {name: getattr(alert, name) for name in names}
    return filled({**fields, "hearing": getattr(hearing, "id", hearing)}, seen)


def read(sent: Sent) -> AlertForm:
    """What somebody sent as the whole alert."""
    typed = {name: value.replace("\0", "")[:KEPT] for name, value in sent}
    form = AlertForm(
        typed,
        _ticked(sent, "county", {county.slug for county in gazetteer.counties()}),
        _ticked(sent, "topic", set(Topic)),
        _ticked(sent, "for_language", set(LANGUAGES)),
        seen=typed.get("seen", "")[:16],
    )
    form.fields["words"] = _read_words(form)
    form.fields["navigate"] = _read_page(form)
    form.fields["hearing"] = _read_hearing(typed)
    everyone = typed.get("where") == "all"
    form.fields |= {
        "kind": _read_kind(form),
        "everyone": everyone,
        "counties": [] if everyone else sorted(form.counties),
        "topics": sorted(form.topics),
        "languages": sorted(form.languages),
        "urgent": typed.get("urgent") == "yes",
        "why_urgent": line(typed.get("why_urgent", ""))[:LONGEST_WHY],
        "due_at": _read_moment(form, "due"),
        "expires_at": _read_moment(form, "ends"),
    }
    _check(form)
    return form


def _check(form: AlertForm) -> None:
    fields = form.fields
    if not fields["everyone"] and not fields["counties"]:
        form.mistakes["where"] = _("Choose counties, or the whole state.")
    if fields["urgent"] and not fields["why_urgent"]:
        form.mistakes["why_urgent"] = _("Say why it is urgent enough to wake people.")
    due, ends = fields["due_at"], fields["expires_at"]
    if ends and "ends_on" not in form.mistakes and ends <= max(due or now(), now()):
        form.mistakes["ends_on"] = _("It would be over before anybody hears of it.")
    if due and due > now() + FURTHEST:
        form.mistakes["due_on"] = _("Four weeks ahead is the most.")


def _read_words(form: AlertForm) -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = {}
    for code in NEEDED:
        for part, most in LONGEST.items():
            name = f"{part}_{code}"
            said = line(form.typed.get(name, ""))
            if len(said) > most:
                form.mistakes[name] = _("A phone shows %(most)s letters of this at most.") % {
                    "most": most
                }
            words.setdefault(code, {})[part] = said
    for part in LONGEST:
        if not words["en"][part]:
            form.mistakes.setdefault(f"{part}_en", _("Write it in English."))
    return words


def _read_page(form: AlertForm) -> str:
    page = form.typed.get("navigate", "").strip()
    if not PAGE.fullmatch(page) or len(page) > 300 or page.startswith("/desk"):
        form.mistakes["navigate"] = _("This must be a public page of ours, like /hearings/12.")
        return "/hearings"
    return page


def _read_hearing(typed: dict[str, str]) -> int | None:
    text = typed.get("hearing", "")
    whole = text.isascii() and text.isdecimal() and len(text) < 11
    return int(text) if whole and 0 < int(text) <= LARGEST_ID else None


def _read_kind(form: AlertForm) -> str:
    kind = form.typed.get("kind", "")
    if kind not in set(News):
        form.mistakes["kind"] = _("Choose what kind of news it is.")
        return News.CALL
    return kind


def _read_moment(form: AlertForm, name: str) -> datetime.datetime | None:
    """A day with its time in California; a day alone is nine in the morning of it."""
    day, clock = (form.typed.get(f"{name}_{part}", "").strip() for part in ("on", "time"))
    if not day:
        return None
    try:
        if not DAY.fullmatch(day) or not 2000 <= int(day[:4]) <= 2100:
            raise ValueError
        found = datetime.date.fromisoformat(day)
        met = CLOCK.fullmatch(clock or "09:00")
        if met is None:
            raise ValueError
        return times.at(found, datetime.time(int(met[1]), int(met[2])))
    except ValueError:
        form.mistakes[f"{name}_on"] = _("Write a day and a time that there are.")
        return None


def _ticked(sent: Sent, name: str, known: set[str]) -> set[str]:
    return {value for key, value in sent if key == name} & known
