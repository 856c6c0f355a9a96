"""What the directory knows of a place: its kinds and languages, when it is open, how it reads."""

import datetime
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

import phonenumbers
from babel import Locale
from babel.dates import format_time

from backend.enrollment.tables import FIELDS
from backend.web import language
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _
from backend.web.language import later

# What people can choose between, in the order they see it.
KINDS = {
    "county_office": later("County office"),
    "counselor": later("Enrollment counselor"),
    "clinic": later("Clinic"),
    "legal": later("Free legal help"),
    "line": later("Help by phone"),
}
# What a card says first; a clinic's license proves no more than that.
ABOUT = {
    "county_office": later("Apply for Medi-Cal here, or ask about your case."),
    "counselor": later("Trained people help you apply. It is free."),
    "clinic": later("A clinic: ask about enrollment help."),
    "legal": later("Free help when you are turned down or lose coverage."),
    "line": later("Call and ask."),
}
# Covered California's phone languages, and one that counties name besides.
LANGUAGES = ("en", "es", "zh", "vi", "ko", "tl", "hy", "fa", "ru", "ar", "hmn", "km", "lo", "mix")
NAMES = {"hmn": later("Hmong"), "mix": later("Mixteco"), "zh": later("Chinese")}
OWN_NAMES = {
    "en": "English", "es": "Español", "zh": "中文", "vi": "Tiếng Việt", "ko": "한국어",
    "tl": "Tagalog", "hy": "Հայերեն", "fa": "فارسی", "ru": "Русский", "ar": "العربية",
    "hmn": "Hmoob", "km": "ខ្មែរ", "lo": "ລາວ", "mix": "Tu’un Savi",
}  # fmt: skip
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# What the corners of California are, in degrees (WGS 84), with room for rounding.
SOUTH, NORTH, WEST, EAST = 32.4, 42.1, -124.6, -114.0
KEPT_FOR = datetime.timedelta(days=183)

Json = dict[str, Any]


def id_of(source: str, key: str, what: str = "place") -> UUID:
    """The id of something a source names: the same on every machine, and after every import."""
    return uuid5(NAMESPACE_URL, f"confianza:{what}:{source}:{key}")


@dataclass(slots=True)
class Place:
    """A place as a page shows it; `distance` is in meters from where somebody asked."""

    id: UUID
    kind: str
    source: str
    source_key: str
    location_key: str
    location_type: str
    organization_id: UUID
    service_id: UUID
    organization: str
    name: str
    address: str
    city: str
    zip: str
    county: str
    covers: list[str]
    statewide: bool
    latitude: float | None
    longitude: float | None
    point_of: str
    phones: list[Json]
    website: str
    languages: list[str]
    schedules: list[Json]
    accessibility: list[str]
    documents: list[str]
    about: dict[str, str]
    ask_for: dict[str, str]
    serves_everyone: bool | None
    alert: dict[str, str]
    assured_date: datetime.date | None
    review_by: datetime.date | None
    as_of: str
    source_url: str
    note: str
    own: list[str]
    imported: Json
    vanished_on: datetime.date | None
    hidden_at: datetime.datetime | None
    changed_at: datetime.datetime
    distance: float | None = field(default=None)

    @classmethod
    def read(cls, row: Any) -> "Place":
        """From a row of `searching.COLUMNS`."""
        return cls(**{name: row[name] for name in cls.__slots__ if name in row})

    def is_stale(self, today: datetime.date) -> bool:
        """Whether what is said of it was due for another look before that day."""
        return self.review_by is not None and self.review_by < today

    def value(self, name: str) -> Any:
        """A field as `imported` would write it."""
        assert name in FIELDS
        return plain(getattr(self, name))


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value


def kind_in_words(kind: str) -> str:
    return _(KINDS.get(kind, KINDS["counselor"]))


def language_in_words(code: str) -> str:
    """Spanish · español; a code that nobody knows stays as it is."""
    if code in NAMES:
        return _(NAMES[code])
    locale = Locale.parse(language.current.get().locale)
    return str(locale.languages.get(code, code))


def languages_in_words(codes: list[str]) -> str:
    return ", ".join(language_in_words(code) for code in codes)


# Phones


def read_phone(text: str) -> Json | None:
    """`{number}` in E.164, or a three-digit line like 211, with its `extension` where it has one.
    None when nobody could dial it."""
    text = text.strip()
    if re.fullmatch("[2-9]11", text):
        return {"number": text}
    # "Call the office" would pass for letters on a dial; an "ext." is none.
    if re.search("[a-wyz]{2}", text.casefold()):
        return None
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    found = {"number": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}
    return {**found, "extension": number.extension} if number.extension else found


def phone_in_words(number: str) -> str:
    """(559) 600-1377 · 1-800-300-0213 would read as (800) 300-0213, which people know too."""
    if not number.startswith("+"):
        return number
    return phonenumbers.format_number(
        phonenumbers.parse(number, "US"), phonenumbers.PhoneNumberFormat.NATIONAL
    )


def tel(phone: Json) -> str:
    extension = f";ext={phone['extension']}" if phone.get("extension") else ""
    return f"tel:{quote(str(phone['number']), safe='+')}{extension}"


def phones_for(phones: list[Json], wanted: str) -> list[Json]:
    """Those in the wanted language first, then those of any, then English; others last."""

    def order(phone: Json) -> int:
        spoken = phone.get("languages") or []
        if wanted in spoken:
            return 0
        return 1 if not spoken else 2 if "en" in spoken else 3

    return sorted(phones, key=order)


# Hours


def is_open(schedules: list[Json], moment: datetime.datetime) -> bool | None:
    """Whether it is open at that moment; None when its hours are not known."""
    if not schedules:
        return None
    here = moment.astimezone(CALIFORNIA)
    clock = here.strftime("%H:%M")
    return any(
        DAYS[here.weekday()] in _days(each) and each["opens_at"] <= clock < each["closes_at"]
        for each in schedules
    )


def hours_now(schedules: list[Json], moment: datetime.datetime) -> str:
    """Open now, until 5:00 PM · Closed now. Opens Monday at 8:00 AM."""
    open_now = is_open(schedules, moment)
    if open_now is None:
        return _("Hours not known. Call first.")
    here = moment.astimezone(CALIFORNIA)
    if open_now:
        clock, today = here.strftime("%H:%M"), DAYS[here.weekday()]
        ends = max(
            each["closes_at"]
            for each in schedules
            if today in _days(each) and each["opens_at"] <= clock < each["closes_at"]
        )
        # "5:00 p. m." has its own full stop.
        return (_("Open now, until %(time)s.") % {"time": time_in_words(ends)}).replace("..", ".")
    for ahead in range(8):
        day = here + datetime.timedelta(days=ahead)
        starts = [
            each["opens_at"]
            for each in schedules
            if DAYS[day.weekday()] in _days(each)
            and (ahead or each["opens_at"] > here.strftime("%H:%M"))
        ]
        if starts:
            told = {"day": day_in_words(day.weekday()), "time": time_in_words(min(starts))}
            return (_("Closed now. Opens %(day)s at %(time)s.") % told).replace("..", ".")
    return _("Closed now.")


def hours_in_words(schedules: list[Json]) -> list[str]:
    """Monday to Friday, 8:00 AM to 5:00 PM: one line for each stretch."""
    lines = []
    for each in schedules:
        told = {
            "days": _span(_days(each)),
            "opens": time_in_words(each["opens_at"]),
            "closes": time_in_words(each["closes_at"]),
        }
        lines.append(_("%(days)s, %(opens)s to %(closes)s") % told)
    return lines


def day_in_words(number: int) -> str:
    locale = Locale.parse(language.current.get().locale)
    return str(locale.days["format"]["wide"][number])


def time_in_words(text: str) -> str:
    clock = datetime.time.fromisoformat(text)
    return format_time(clock, "short", locale=language.current.get().locale)


def _days(schedule: Json) -> list[str]:
    return str(schedule.get("byday", "")).split(",")


def _span(days: list[str]) -> str:
    numbers = sorted(DAYS.index(day) for day in days if day in DAYS)
    names = [day_in_words(number) for number in numbers]
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return _("%(first)s to %(last)s") % {"first": names[0], "last": names[-1]}
    return ", ".join(names)


# Where


def distance_in_words(meters: float, exact: bool) -> str:
    """0.4 miles · about 12 miles · close by, where only the ZIP code is known."""
    miles = meters / 1609.344
    if not exact and miles < 1:
        return _("close by")
    shown = language.number_in_words(round(miles, 1) if miles < 10 else round(miles))
    if exact:
        return _("%(number)s miles") % {"number": shown}
    return _("about %(number)s miles") % {"number": shown}


def address_of(place: Place) -> str:
    """Street, city and ZIP in one line, as far as they are known."""
    town = " ".join(part for part in (place.city, "CA" if place.city else "", place.zip) if part)
    return ", ".join(part for part in (place.address, town) if part)


def directions(place: Place) -> str:
    """An address for the phone's own map, which opens only when somebody taps it."""
    where = quote(address_of(place) or place.name)
    if place.latitude is not None and place.point_of == "place":
        return f"geo:{place.latitude:.5f},{place.longitude:.5f}?q={where}"
    return f"geo:0,0?q={where}"


def schema_type(kind: str) -> str:
    """What schema.org calls it, for search engines."""
    names = {"county_office": "GovernmentOffice", "clinic": "MedicalClinic", "line": "NGO",
             "legal": "LegalService"}  # fmt: skip
    return f"https://schema.org/{names.get(kind, 'NGO')}"


def schema_hours(schedules: list[Json]) -> list[str]:
    """Mo,Tu 08:00-17:00, as schema.org writes hours."""
    return [
        f"{','.join(day.capitalize() for day in _days(each))} "
        f"{each['opens_at']}-{each['closes_at']}"
        for each in schedules
    ]


def as_text(place: Place, wanted: str, address: str) -> str:
    """A place in a few lines, to send to someone. `address` is its page."""
    asked = language.in_words(place.ask_for) if place.ask_for else ""
    lines = [
        place.name,
        place.organization if place.organization != place.name else "",
        address_of(place),
        *(
            " ".join(
                part
                for part in (
                    phone_in_words(phone["number"]),
                    f"({languages_in_words(phone['languages'])})" if phone.get("languages") else "",
                )
                if part
            )
            for phone in phones_for(place.phones, wanted)[:2]
        ),
        *hours_in_words(place.schedules),
        _("Ask for: %(words)s") % {"words": asked} if asked else "",
        address,
    ]
    return "\n".join(line for line in lines if line)
