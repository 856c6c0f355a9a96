"""What an editor may write about a place that helps, and what they are told when it is wrong."""

import re
from dataclasses import dataclass, field
from typing import Any

from backend.counties import gazetteer
from backend.enrollment.found import middle_of
from backend.enrollment.hours import read_typed, write_hours
from backend.enrollment.hrsa import web_address
from backend.enrollment.places import KINDS, LANGUAGES, Json, Place, phone_in_words, read_phone
from backend.web.forms import one_line
from backend.web.language import gettext as _

LONGEST = 300
# Fields of one line, and what each is called in the form.
LINES = {"name": "name", "address": "street", "city": "city", "zip": "zip", "website": "website"}
TEXTS = ("about", "ask_for", "alert")
EVERYONE = {"": None, "yes": True, "no": False}
MOST_LINES = 12


@dataclass
class PlaceForm:
    """What stands in the form, what is wrong with it, and the fields that it means."""

    typed: dict[str, str] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)
    covers: list[str] = field(default_factory=list)
    mistakes: dict[str, str] = field(default_factory=dict)
    fields: Json = field(default_factory=dict)


def filled(place: Place) -> PlaceForm:
    everyone = {value: name for name, value in EVERYONE.items()}
    typed = {typed: getattr(place, name) for name, typed in LINES.items()}
    typed |= {
        "phones": "\n".join(_phone_line(phone) for phone in place.phones),
        "hours": write_hours(place.schedules),
        "everyone": everyone[place.serves_everyone],
        "accessibility": "\n".join(place.accessibility),
        "documents": "\n".join(place.documents),
        "seen": place.changed_at.isoformat(),
    }
    for name in TEXTS:
        for code in ("en", "es"):
            typed[f"{name}_{code}"] = getattr(place, name).get(code, "")
    return PlaceForm(typed, list(place.languages), list(place.covers))


def read(sent: list[tuple[str, str]], place: Place) -> PlaceForm:
    form = PlaceForm(
        {key: value[:5000] for key, value in sent},
        [value for key, value in sent if key == "languages" and value in LANGUAGES],
        [value for key, value in sent if key == "covers" and gazetteer.county(value)],
    )
    line = {name: one_line(form.typed.get(typed, "")) for name, typed in LINES.items()}
    if not line["name"]:
        form.mistakes["name"] = _("This is missing.")
    for name, most in (("name", LONGEST), ("address", LONGEST), ("city", 100)):
        if len(line[name]) > most:
            form.mistakes[LINES[name]] = _("This is too long.")
    if line["zip"] and line["zip"] not in gazetteer.zips():
        form.mistakes["zip"] = _("We know no such ZIP code in California.")
    if line["website"] and not web_address(line["website"]):
        form.mistakes["website"] = _("Write the whole address, from https:// on.")
    fields: Json = {
        **line,
        "website": web_address(line["website"]),
        "languages": list(dict.fromkeys(form.languages)),
        "covers": sorted(set(form.covers)),
        "serves_everyone": EVERYONE.get(form.typed.get("everyone", "")),
        "phones": _read_phones(form),
        "schedules": read_typed(form.typed.get("hours", "")),
        "accessibility": _lines(form, "accessibility"),
        "documents": _lines(form, "documents"),
        **{name: _read_text(form, name) for name in TEXTS},
    }
    if fields["schedules"] is None:
        form.mistakes["hours"] = _("Write hours like this, a line each: Mon-Fri 8:00-17:00")
    moved = any(line[name] != getattr(place, name) for name in ("address", "city", "zip"))
    if moved and "zip" not in form.mistakes:
        fields |= _where(line["zip"])
    form.fields = fields
    return form


def read_new(sent: list[tuple[str, str]]) -> PlaceForm:
    typed = {key: one_line(value[:5000]) for key, value in sent}
    form = PlaceForm(typed)
    for name in ("name", "organization"):
        if not typed.get(name):
            form.mistakes[name] = _("This is missing.")
        elif len(typed[name]) > LONGEST:
            form.mistakes[name] = _("This is too long.")
    if typed.get("kind") not in KINDS:
        form.mistakes["kind"] = _("Choose one of these.")
    return form


def _where(zip_code: str) -> Json:
    """A moved place is about where its ZIP code is, until its source knows better."""
    known = gazetteer.zips().get(zip_code)
    county = known.counties[0].slug if known else ""
    nowhere = {"latitude": None, "longitude": None, "point_of": ""}
    return {**nowhere, **middle_of(zip_code), "county": county}


def _phone_line(phone: Json) -> str:
    extension = f" ext {phone['extension']}" if phone.get("extension") else ""
    spoken = " ".join(phone.get("languages") or ())
    return f"{phone_in_words(phone['number'])}{extension}{f' | {spoken}' if spoken else ''}"


def _read_phones(form: PlaceForm) -> list[Json]:
    found = []
    for line in form.typed.get("phones", "").splitlines()[:40]:
        if not line.strip():
            continue
        number, _bar, codes = line.partition("|")
        phone, spoken = read_phone(number), re.findall("[a-z]+", codes.casefold())
        if phone is None:
            form.mistakes["phones"] = _("“%(line)s” is no phone number.") % {"line": line[:40]}
            return []
        if not set(spoken) <= set(LANGUAGES):
            form.mistakes["phones"] = _("After the bar stand languages: %(codes)s.") % {
                "codes": " ".join(LANGUAGES)
            }
            return []
        found.append({**phone, "languages": spoken, "type": "voice"})
    return found


def _lines(form: PlaceForm, name: str) -> list[str]:
    lines = [one_line(each) for each in form.typed.get(name, "").splitlines() if each.strip()]
    if len(lines) > MOST_LINES or any(len(each) > LONGEST for each in lines):
        form.mistakes[name] = _("This is too long.")
    return lines


def _read_text(form: PlaceForm, name: str) -> dict[str, Any]:
    texts = {code: one_line(form.typed.get(f"{name}_{code}", "")) for code in ("en", "es")}
    for code, text in texts.items():
        if len(text) > 2 * LONGEST:
            form.mistakes[f"{name}_{code}"] = _("This is too long.")
    if texts["es"] and not texts["en"]:
        form.mistakes[f"{name}_en"] = _("Write it in both languages.")
    return {code: text for code, text in texts.items() if text}
