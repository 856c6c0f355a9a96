"""The form of a fact, made from one description for each kind: what to show, and what was meant."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backend.policies import changes, entries, files, wording
from backend.policies.days import Day
from backend.policies.entries import Entry, FactName
from backend.policies.questions import ANSWERS, LOCAL_ISSUERS, REPORTABLE, Question
from backend.policies.tables import Law
from backend.web.clock import today
from backend.web.forms import one_line
from backend.web.language import gettext as _
from backend.web.language import later

LONGEST = 1200
NEW_SOURCES = (1, 2)
SOURCE_FIELDS = ("title", "publisher", "url", "published_on", "read_on", "grade")
KINDS = {
    "rule": later("Rule"),
    "practice": later("Practice"),
    "figure": later("Figure"),
    "law": later("Law"),
}


@dataclass(frozen=True)
class Field:
    """`kind` is text (two languages), line, day, number, choice, answers or points. `choices` gives
    (value, label) pairs in the reader's language."""

    name: str
    kind: str
    label: str
    hint: str = ""
    needed: bool = True
    choices: Callable[[FactName], list[tuple[str, str]]] | None = None


def _labels(labels: dict[str, str]) -> Callable[[FactName], list[tuple[str, str]]]:
    return lambda _name: [(value, _(label)) for value, label in labels.items()]


def _issuers(name: FactName) -> list[tuple[str, str]]:
    makers = ("state_law",) if name.file == "state" else (*LOCAL_ISSUERS, "ice")
    return [(value, _(wording.ISSUERS[value])) for value in (*makers, "court_order", "settlement")]


def _topics(_name: FactName) -> list[tuple[str, str]]:
    asked = [(str(each), wording.short_question(each)) for each in Question if each != "rule_maker"]
    return asked + [(value, _(label)) for value, label in wording.TOPICS.items()]


def _reported_answers(_name: FactName) -> list[tuple[str, str]]:
    answers = dict.fromkeys(each for asked in REPORTABLE for each in ANSWERS[asked])
    return [(each, wording.short_answer(each)) for each in answers]


DAY_HINT = later("2026-11-24, or 2026-11 or 2026 when no more is known")
FROM = Field("from", "day", later("In force from"), DAY_HINT)
UNTIL = Field("until", "day", later("Last day in force"), later("Empty when it still holds"), False)
SUMMARY = Field("summary", "text", later("In plain words"), later("One idea a sentence"))
CITATION = Field("citation", "line", later("Citation, as lawyers write it"), "", False)
NOTE = Field("note", "text", later("What is not sure about it"), "", False)
LOOKED = (
    Field("checked_on", "day", later("Read on")),
    Field(
        "read",
        "choice",
        later("How it was read"),
        needed=False,
        choices=_labels(wording.HOW_READ),
    ),
    Field("review_by", "day", later("Look again by")),
)

FIELDS: dict[str, tuple[Field, ...]] = {
    "rule": (
        Field("answers", "answers", later("What it answers"), needed=False),
        Field("issuer", "choice", later("Who made it"), choices=_issuers),
        Field("instrument", "text", later("What kind of paper")),
        CITATION,
        Field("law", "line", later("Law in the timeline"), later("Its short name"), False),
        FROM,
        Field(
            "from_means",
            "choice",
            later("That day means"),
            needed=False,
            choices=_labels(wording.FROM_MEANS),
        ),
        UNTIL,
        Field(
            "until_means",
            "choice",
            later("What that last day means"),
            needed=False,
            choices=_labels(wording.UNTIL_MEANS),
        ),
        Field("superseded_by", "line", later("Rule that ended it"), later("Its name here"), False),
        SUMMARY,
        NOTE,
        *LOOKED,
    ),
    "practice": (
        Field("topic", "choice", later("About"), choices=_topics),
        Field("said_by", "text", later("Who says so"), "", False),
        Field("from", "day", later("Since"), DAY_HINT, False),
        Field("until", "day", later("Until"), "", False),
        Field(
            "answer",
            "choice",
            later("What it answers where no rule does"),
            later("For pick-up place, interviews, release dates, contract, jail money"),
            needed=False,
            choices=_reported_answers,
        ),
        Field("year", "number", later("Year whose numbers it told"), later("A forum’s"), False),
        Field("disputes", "line", later("Rule it contradicts"), later("Its name here"), False),
        SUMMARY,
        NOTE,
        *LOOKED,
    ),
    "figure": (
        Field("measure", "choice", later("What is counted"), choices=_labels(wording.MEASURES)),
        Field("from", "day", later("Period from"), DAY_HINT),
        Field("until", "day", later("Period until"), later("Empty when it is the same"), False),
        Field("low", "number", later("Number, or the lowest")),
        Field("high", "number", later("The highest"), later("Empty when it is the same"), False),
        Field(
            "about",
            "choice",
            later("How exact"),
            needed=False,
            choices=_labels(wording.HOW_EXACT),
        ),
        Field("definition", "text", later("What just is counted")),
        NOTE,
        *LOOKED,
    ),
    "law": (
        Field("kind", "choice", later("Kind"), choices=_labels(wording.KINDS)),
        Field("status", "choice", later("Status"), choices=_labels(wording.STATUSES)),
        Field("topic", "choice", later("About"), choices=_labels(wording.LAW_TOPICS)),
        Field("title", "text", later("Title")),
        Field("short", "line", later("Short name"), "", False),
        CITATION,
        Field("on", "day", later("When it happened"), DAY_HINT),
        Field("from", "day", later("In force from"), DAY_HINT, False),
        UNTIL,
        SUMMARY,
        Field("points", "points", later("Points"), "", False),
        NOTE,
        *LOOKED,
    ),
}


@dataclass
class FactForm:
    """`typed` is what to show by field name; `sources` those to tick, as (mark, source, ticked);
    `mistakes` a sentence by field name. `entry` is what was meant when nothing is wrong."""

    name: FactName
    typed: dict[str, str] = field(default_factory=dict)
    sources: list[tuple[str, dict[str, Any], bool]] = field(default_factory=list)
    mistakes: dict[str, str] = field(default_factory=dict)
    entry: Entry | None = None
    why: dict[str, str] = field(default_factory=dict)


async def blank(name: FactName) -> FactForm:
    """An empty form for a new fact."""
    typed = {
        "checked_on": today().isoformat(),
        "read": "page",
        "review_by": today().replace(year=today().year + 1, day=min(today().day, 28)).isoformat(),
    }
    return FactForm(name, typed, [(_mark(s), s, False) for s in await _known(name.file)])


async def filled(name: FactName, entry: Entry) -> FactForm:
    """A form that says what the fact says."""
    typed: dict[str, str] = {}
    for each in FIELDS[name.kind]:
        value = entry.get(each.name)
        if each.kind == "text":
            typed |= {f"{each.name}_{code}": (value or {}).get(code, "") for code in ("en", "es")}
        elif each.kind == "answers":
            typed |= {f"answer_{asked}": given for asked, given in (value or {}).items()}
        elif each.kind == "points":
            for code in ("en", "es"):
                typed[f"points_{code}"] = "\n".join(point[code] for point in value or [])
        else:
            typed[each.name] = str(value) if value is not None else ""
    sources = [(_mark(s), s, s in entry["sources"]) for s in await _known(name.file)]
    return FactForm(name, typed, sources)


async def read(
    name: FactName, sent: list[tuple[str, str]], by: str, standing: dict[FactName, Entry]
) -> FactForm:
    """What somebody sent. Every mistake is told, and all that was typed stays."""
    ticked = {value for key, value in sent if key == "source"}
    known = await _known(name.file)
    form = FactForm(name, dict(sent), [(_mark(s), s, _mark(s) in ticked) for s in known])
    values = dict(sent)
    if ticked - {_mark(source) for source in known}:
        form.mistakes["sources"] = _("A source you chose left the record. Look at them again.")
    entry: Entry = {}
    for each in FIELDS[name.kind]:
        _read_field(form, each, values, entry)
    cited = (standing.get(name) or {}).get("sources", [])
    _read_sources(form, values, entry, cited)
    _read_why(form, values)
    if not form.mistakes:
        form.entry = entries.canonical(name.kind, entry)
        for key, sentence in changes.mistakes_in(name, form.entry, standing):
            form.mistakes.setdefault(_field_of(name.kind, key), sentence)
    if form.entry is not None and not form.mistakes:
        form.entry = _still_reviewed(name.kind, standing.get(name), form.entry)
    if values.get("reviewed") and not form.mistakes and form.entry is not None:
        of = files.fingerprint(entries.fact_of(name, form.entry))
        review = {"language": "es", "by": by, "on": today().isoformat(), "of": of}
        form.entry = entries.canonical(name.kind, {**form.entry, "reviewed": review})
    return form


def _still_reviewed(kind: str, before: Entry | None, after: Entry) -> Entry:
    """A review holds on while neither language says anything else."""
    texts = [each.name for each in FIELDS[kind] if each.kind in ("text", "points")]
    if before is None or any(before.get(each) != after.get(each) for each in texts):
        return after
    return entries.canonical(kind, {**after, "reviewed": before.get("reviewed")})


async def fresh_id(name: FactName, entry: Entry) -> str:
    """A name for a new fact that none in its file has or had, nor any draft: from its words and
    its year."""
    words = (entry.get("title") or entry.get("instrument") or entry.get("summary")
             or entry.get("definition") or {}).get("en", "fact")  # fmt: skip
    stem = re.sub(r"[^a-z0-9]+", "-", words.lower().encode("ascii", "ignore").decode())[:36]
    stem = f"{stem.strip('-') or 'fact'}-{(entry.get('from') or entry.get('on') or '')[:4]}"
    stem = stem.strip("-")
    taken = await changes.names_in(name.file)
    number, made = 2, stem
    while made in taken:
        made, number = f"{stem}-{number}", number + 1
    return made


def _read_field(form: FactForm, each: Field, values: dict[str, str], entry: Entry) -> None:
    if each.kind == "text":
        _read_text(form, each, values, entry)
    elif each.kind == "answers":
        entry["answers"] = {
            str(asked): given
            for asked in ANSWERS
            if (given := values.get(f"answer_{asked}", "")) in ANSWERS[asked] and given
        }
    elif each.kind == "points":
        _read_points(form, values, entry)
    else:
        _read_line(form, each, values.get(each.name, ""), entry)


def _read_text(form: FactForm, each: Field, values: dict[str, str], entry: Entry) -> None:
    texts = {code: one_line(values.get(f"{each.name}_{code}", "")) for code in ("en", "es")}
    for code, text in texts.items():
        where = f"{each.name}_{code}"
        if len(text) > LONGEST:
            form.mistakes[where] = _("This is too long: at most 1,200 letters.")
        elif not text and (each.needed or any(texts.values())):
            form.mistakes[where] = _("Write it in both languages.")
    if any(texts.values()):
        entry[each.name] = texts


def _read_points(form: FactForm, values: dict[str, str], entry: Entry) -> None:
    lists = [
        [one_line(line) for line in values.get(f"points_{code}", "").splitlines() if line.strip()]
        for code in ("en", "es")
    ]
    if len(lists[0]) != len(lists[1]):
        form.mistakes["points_es"] = _("Write as many lines in Spanish as in English.")
    elif any(len(line) > LONGEST for line in lists[0] + lists[1]) or len(lists[0]) > 20:
        form.mistakes["points_en"] = _("This is too long: at most 1,200 letters.")
    else:
        entry["points"] = [{"en": en, "es": es} for en, es in zip(*lists, strict=True)]


def _read_line(form: FactForm, each: Field, text: str, entry: Entry) -> None:
    text = one_line(text)
    if not text:
        if each.needed:
            form.mistakes[each.name] = _("This is missing.")
        return
    if each.kind == "day" and not _is_day(text):
        form.mistakes[each.name] = _("Write a day like 2026-11-24, a month or a year.")
    elif each.kind == "number" and not re.fullmatch(r"[0-9]{1,7}", text):
        form.mistakes[each.name] = _("Write a whole number, less than ten million.")
    elif each.choices and text not in [value for value, _label in each.choices(form.name)]:
        form.mistakes[each.name] = _("Choose one of these.")
    elif len(text) > 200:
        form.mistakes[each.name] = _("This is too long.")
    else:
        entry[each.name] = int(text) if each.kind == "number" else text


def _read_sources(
    form: FactForm, values: dict[str, str], entry: Entry, before: list[dict[str, Any]]
) -> None:
    ticked = [source for _number, source, ticked in form.sources if ticked]
    # What was cited keeps its order, so that it is no difference.
    cited = [source for source in before if source in ticked]
    cited += [source for source in ticked if source not in cited]
    for number in NEW_SOURCES:
        source = {
            part: one_line(values.get(f"source{number}_{part}", "")) for part in SOURCE_FIELDS
        }
        if not source["title"] and not source["url"]:
            continue
        if mistake := _mistake_in(source):
            form.mistakes[f"source{number}_{mistake[0]}"] = mistake[1]
            continue
        cited.append({part: source[part] for part in SOURCE_FIELDS if source[part]})
    if not cited and not any(key.startswith("source") for key in form.mistakes):
        form.mistakes["sources"] = _("Choose a source or add one: without it nothing is stated.")
    entry["sources"] = cited


def _mistake_in(source: dict[str, str]) -> tuple[str, str] | None:
    for part in ("title", "publisher"):
        if not source[part]:
            return part, _("This is missing.")
        if len(source[part]) > 300:
            return part, _("This is too long.")
    if not re.fullmatch(r"https?://[^\s<>\"]{3,490}", source["url"]):
        return "url", _("Write the whole address, from https:// on.")
    if source["published_on"] and not _is_day(source["published_on"]):
        return "published_on", _("Write a day like 2026-11-24, a month or a year.")
    if not _is_day(source["read_on"]):
        return "read_on", _("Write a day like 2026-11-24, a month or a year.")
    if source["grade"] not in wording.GRADES:
        return "grade", _("Choose one of these.")
    return None


def _read_why(form: FactForm, values: dict[str, str]) -> None:
    why = {code: one_line(values.get(f"why_{code}", "")) for code in ("en", "es")}
    if not why["en"]:
        form.mistakes["why_en"] = _("Say in a sentence what changed. Everyone can read it.")
    elif max(map(len, why.values())) > 300:
        form.mistakes["why_en"] = _("This is too long.")
    form.why = {code: text for code, text in why.items() if text}


def _field_of(kind: str, key: str) -> str:
    """Where on the form a mistake in that part of the entry is shown."""
    for each in FIELDS[kind]:
        if each.name == key:
            return f"{key}_en" if each.kind in ("text", "points") else key
    return "sources"


async def _known(file: str) -> list[dict[str, Any]]:
    """The sources that facts of this file cite, by publisher."""
    found: list[dict[str, Any]] = []
    for entry in (await entries.present({file})).values():
        found += [source for source in entry["sources"] if source not in found]
    return sorted(found, key=lambda source: (source["publisher"], source["title"]))


async def law_slugs() -> list[str]:
    return [
        row["slug"]
        for row in await Law.select(Law.slug).where(Law.retired_at.is_null()).order_by(Law.slug)
    ]


def _is_day(text: str) -> bool:
    try:
        Day.parse(text)
    except ValueError:
        return False
    return True


def _mark(source: dict[str, Any]) -> str:
    """What stands for a source in the form; its place in the list may be another's by then."""
    return hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:16]
