"""What an editor may write about a line or a place of detention, and what is wrong with it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backend.counties import gazetteer
from backend.detained.editing import BOTH, LINE, PLACE, Fields, Row
from backend.detained.tables import STATUSES
from backend.detained.wording import LANGUAGES
from backend.policies import wording
from backend.policies.days import Day
from backend.policies.tables import HelpLine
from backend.web.clock import today
from backend.web.forms import one_line
from backend.web.language import gettext as _

TEXTS = {"lines": ("hours", "about"), "places": ("note",)}
SHORT = {
    "lines": ("name", "phone"),
    "places": ("name", "phone", "operator", "address", "city", "beds", "opened", "ended"),
}
LONGEST = {"name": 200, "operator": 120, "address": 200, "city": 80}
SOURCE = ("publisher", "title", "url", "published_on", "read_on", "grade")
MOST_SOURCES = 6


@dataclass
class CheckedForm:
    """What stands in the form, what is wrong with it, and the fields that it means."""

    typed: dict[str, str] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)
    counties: list[str] = field(default_factory=list)
    mistakes: dict[str, str] = field(default_factory=dict)
    fields: Fields = field(default_factory=dict)

    @property
    def sources(self) -> range:
        """Numbers of the sources there is room for: those there are and one more."""
        filled = [n for n in range(MOST_SOURCES) if self.typed.get(f"source{n}_publisher")]
        return range(min(MOST_SOURCES, max(filled, default=-1) + 2))


def filled(kind: str, row: Row) -> CheckedForm:
    typed = {name: str(getattr(row, name) or "") for name in SHORT[kind]}
    typed |= {"confidence": row.confidence, "desk_note": row.desk_note,
              "seen": row.changed_at.isoformat()}  # fmt: skip
    for name in TEXTS[kind]:
        for code in ("en", "es"):
            typed[f"{name}_{code}"] = (getattr(row, name) or {}).get(code, "")
    for number, source in enumerate(row.cited()[:MOST_SOURCES]):
        typed |= {f"source{number}_{name}": str(source.get(name) or "") for name in SOURCE}
    if isinstance(row, HelpLine):
        typed["statewide"] = "yes" if row.statewide else ""
        typed["texts"] = "yes" if row.texts else ""
        return CheckedForm(typed, list(row.languages), list(row.counties))
    typed |= {"county": row.county, "status": row.status}
    return CheckedForm(typed)


def read(kind: str, sent: Iterable[tuple[str, str]]) -> CheckedForm:
    sent = list(sent)
    form = CheckedForm(
        {key: value[:5000] for key, value in sent},
        [value for key, value in sent if key == "languages" and value in LANGUAGES],
        [value for key, value in sent if key == "counties" and gazetteer.county(value)],
    )
    fields: Fields = {name: _short(form, name) for name in SHORT[kind]}
    if not fields["name"]:
        form.mistakes["name"] = _("This is missing.")
    fields["phone"] = _phone(form, fields["phone"])
    for name in TEXTS[kind]:
        fields[name] = _text(form, name)
    if kind == "lines":
        fields |= _of_a_line(form)
    else:
        fields |= _of_a_place(form, fields)
    fields["sources"] = [
        source for n in range(MOST_SOURCES) if (source := _source(form, n)) is not None
    ]
    if not fields["sources"]:
        form.mistakes["source0_publisher"] = _("Name a source: even “we called”.")
    fields["confidence"] = form.typed.get("confidence", "")
    if fields["confidence"] not in ("low", "medium", "high"):
        form.mistakes["confidence"] = _("Choose one of these.")
    fields["desk_note"] = form.typed.get("desk_note", "").strip()[:2000]
    assert set(fields) == {*(LINE if kind == "lines" else PLACE), *BOTH}
    form.fields = fields
    return form


def _of_a_line(form: CheckedForm) -> Fields:
    statewide = form.typed.get("statewide") == "yes"
    if not statewide and not form.counties:
        form.mistakes["statewide"] = _("Choose a county, or all of California.")
    return {
        "statewide": statewide,
        "texts": form.typed.get("texts") == "yes",
        "counties": sorted(set(form.counties)),
        "languages": list(dict.fromkeys(form.languages)),
    }


def _of_a_place(form: CheckedForm, fields: Fields) -> Fields:
    county, status = form.typed.get("county", ""), form.typed.get("status", "")
    if gazetteer.county(county) is None:
        form.mistakes["county"] = _("Choose one of these.")
    if status not in STATUSES:
        form.mistakes["status"] = _("Choose one of these.")
    beds = fields["beds"]
    if beds and (not re.fullmatch(r"[0-9]{1,5}", beds) or int(beds) == 0):
        form.mistakes["beds"] = _("Write a number, or leave it empty.")
        beds = ""
    for name in ("opened", "ended"):
        _day(form, name, fields[name])
    if status in ("closed", "no_ice") and not fields["ended"]:
        form.mistakes["ended"] = _("When did it end? A year will do.")
    if status in ("open", "proposed") and fields["ended"]:
        form.mistakes["ended"] = _("It has not ended: leave this empty.")
    return {"county": county, "status": status, "beds": int(beds) if beds else None}


def _short(form: CheckedForm, name: str) -> str:
    text = one_line(form.typed.get(name, ""))
    if len(text) > LONGEST.get(name, 60):
        form.mistakes[name] = _("This is too long.")
    return text


def _phone(form: CheckedForm, text: str) -> str:
    """408-290-1144, from however it was written; empty where the number is not known."""
    digits = re.sub(r"[^0-9]", "", text).removeprefix("1")
    if not text:
        return ""
    if not re.fullmatch(r"[2-9][0-9]{2}[2-9][0-9]{6}", digits) or re.search(r"[^0-9()+. -]", text):
        form.mistakes["phone"] = _("Write ten digits, like 408-290-1144.")
        return ""
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def _text(form: CheckedForm, name: str) -> dict[str, str]:
    texts = {code: one_line(form.typed.get(f"{name}_{code}", "")) for code in ("en", "es")}
    for code, text in texts.items():
        if len(text) > 400:
            form.mistakes[f"{name}_{code}"] = _("This is too long.")
    if any(texts.values()) and not all(texts.values()):
        missing = "es" if texts["en"] else "en"
        form.mistakes[f"{name}_{missing}"] = _("Write it in both languages.")
    return {code: text for code, text in texts.items() if text}


def _source(form: CheckedForm, number: int) -> dict[str, Any] | None:
    said = {name: one_line(form.typed.get(f"source{number}_{name}", "")) for name in SOURCE}
    if not any(said[name] for name in ("publisher", "title", "url")):
        return None
    key = f"source{number}_"
    if not said["publisher"]:
        form.mistakes[f"{key}publisher"] = _("Who says so?")
    if bool(said["url"]) != bool(said["title"]):
        form.mistakes[f"{key}title"] = _("An address needs a title, and a title an address.")
    if said["url"] and not re.fullmatch(r"https?://[^\s]{4,490}", said["url"]):
        form.mistakes[f"{key}url"] = _("Write the whole address, from https:// on.")
    if said["grade"] not in wording.GRADES:
        form.mistakes[f"{key}grade"] = _("Choose one of these.")
    if any(len(said[name]) > 300 for name in ("publisher", "title")):
        form.mistakes[f"{key}publisher"] = _("This is too long.")
    said["read_on"] = said["read_on"] or today().isoformat()
    for name in ("published_on", "read_on"):
        _day(form, f"{key}{name}", said[name])
    return {**said, "published_on": said["published_on"] or None}


def _day(form: CheckedForm, name: str, text: str) -> None:
    if text:
        try:
            Day.parse(text)
        except ValueError:
            form.mistakes[name] = _("Write a day like 2026-11-24, or 2026-11, or 2026.")
