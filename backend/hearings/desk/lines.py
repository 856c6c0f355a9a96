"""What a hearing says, line by line, in words: as it is, and before beside after."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from backend.counties import gazetteer
from backend.hearings import wording
from backend.hearings.desk import wording as hearing_words
from backend.hearings.entry import Entry
from backend.policies.text_diff import side_by_side
from backend.web import language
from backend.web.clock import CALIFORNIA
from backend.web.language import LANGUAGES, later
from backend.web.language import gettext as _

LABELS = {
    "kind": later("Kind"),
    "status": later("Status"),
    "title": later("Title"),
    "county": later("County"),
    "body": later("Body that meets"),
    "starts_at": later("Begins"),
    "ends_at": later("Ends"),
    "time_text": later("What its source says of the time"),
    "place": later("Place"),
    "address": later("Street address"),
    "remote_url": later("Link to take part online"),
    "remote_how": later("How to take part from afar"),
    "agenda_url": later("Agenda"),
    "agenda_item": later("Item on the agenda"),
    "file_number": later("Bill or file number"),
    "campaign": later("Campaign"),
    "topics": later("Topics"),
    "decides": later("What is decided"),
    "how_to_speak": later("How to speak there"),
    "speak_by": later("Sign up to speak by"),
    "interpreter": later("Interpreter"),
    "remote_speaking": later("People can speak from afar"),
    "special_meeting": later("Special meeting"),
    "noticed_on": later("Announced by the body on"),
    "outcome": later("What came of it"),
    "result": later("Result"),
    "votes": later("How members voted"),
    "figures": later("What the forum told"),
    "sources": later("Sources"),
}


@dataclass(frozen=True)
class Line:
    """One thing that is said, `code` its language where it has one. Both sides have the words that
    differ marked; an empty side says nothing there."""

    field: str
    code: str
    before: Markup
    after: Markup

    @property
    def name(self) -> str:
        label = _(LABELS[self.field])
        return f"{label} ({LANGUAGES[self.code].name})" if self.code else label


def said(entry: Entry) -> list[Line]:
    """Everything that it says, in the form's order."""
    return [
        Line(field, code, Markup(), escape(words))
        for (field, code), words in _said(entry).items()
        if words
    ]


def changed(before: Entry, after: Entry) -> list[Line]:
    """What differs."""
    old, new = _said(before), _said(after)
    return [
        Line(*key, *side_by_side(old[key], words))
        for key, words in new.items()
        if old[key] != words
    ]


def when_in_words(starts_at: datetime.datetime, time_known: bool) -> str:
    if time_known:
        return wording.moment(starts_at)
    day = wording.day(starts_at.astimezone(CALIFORNIA).date())
    return _("%(day)s, time not known yet") % {"day": day}


def place_name(slug: str) -> str:
    county = gazetteer.county(slug)
    return county.name if county else _("All of California")


def _said(entry: Entry) -> dict[tuple[str, str], str]:
    """The words of each line, by field and language, also those that say nothing."""
    told: dict[tuple[str, str], str] = {}
    for field in LABELS:
        value: Any = getattr(entry, field)
        if hasattr(value, "es"):
            told |= {(field, code): getattr(value, code) for code in ("en", "es")}
        else:
            told[field, ""] = WORDS[field](entry) if field in WORDS else str(value)
    return told


def _sources(entry: Entry) -> str:
    return " · ".join(f"{each.title}, {each.publisher} ({each.url})" for each in entry.sources)


def _votes(entry: Entry) -> str:
    return " · ".join(f"{vote.member}: {wording.choice(vote.choice)}" for vote in entry.votes)


WORDS: dict[str, Callable[[Entry], str]] = {
    "kind": lambda entry: hearing_words.kind(entry.kind),
    "status": lambda entry: hearing_words.status(entry.status),
    "county": lambda entry: place_name(entry.county),
    "starts_at": lambda entry: when_in_words(entry.starts_at, entry.time_known),
    "ends_at": lambda entry: wording.moment(entry.ends_at) if entry.ends_at else "",
    "speak_by": lambda entry: wording.moment(entry.speak_by) if entry.speak_by else "",
    "topics": lambda entry: ", ".join(wording.topic(topic) for topic in entry.topics),
    "remote_speaking": lambda entry: {None: "", True: _("yes"), False: _("no")}[
        entry.remote_speaking
    ],
    "special_meeting": lambda entry: _("yes") if entry.special_meeting else "",
    "noticed_on": lambda entry: language.day_in_words(entry.noticed_on) if entry.noticed_on else "",
    "result": lambda entry: hearing_words.result(entry.result) if entry.result else "",
    "votes": _votes,
    "sources": _sources,
}
