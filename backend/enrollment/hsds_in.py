"""Another directory in HSDS 3: services with all that belongs to them as JSON, or its tables as a
ZIP of CSV files (https://docs.openreferral.org). A service at three locations is three places, one
without any is help by phone.

The tables point at each other in any order, so they are in memory: at most 60 MB of them.
"""

import csv
import datetime
import io
import json
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import IO, Any

from backend.counties import gazetteer
from backend.enrollment.found import (
    MOST_LINES,
    Found,
    Told,
    county_of,
    middle_of,
    phones_of,
    plain,
    point_of,
    short,
    tidy,
    zip_of,
)
from backend.enrollment.hrsa import web_address
from backend.enrollment.places import DAYS, LANGUAGES, Json

SOURCE = "hsds"
LARGEST = 60_000_000
TABLES = {
    "organizations": ("id", "name"),
    "services": ("id", "organization_id", "name", "status"),
    "locations": ("id",),
    "service_at_locations": ("id", "service_id", "location_id"),
    "addresses": ("id", "location_id"),
    "phones": ("id", "number"),
    "schedules": ("id",),
    "languages": ("id",),
    "service_areas": ("id",),
    "accessibility": ("id",),
    "required_documents": ("id",),
}
NEEDED = ("organizations", "services")
KIND_WORDS = (
    ("legal", "legal"),
    ("county office", "county_office"),
    ("clinic", "clinic"),
    ("health center", "clinic"),
)
DAY = re.compile(r"^\d{4}-\d\d-\d\d")
CLOCK = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)")


def read(file: IO[bytes], _columns: Mapping[str, str], told: Told) -> Iterator[Found]:
    services = _from_zip(file, told) if _is_zip(file) else _from_json(file, told)
    for number, service in enumerate(services, 1):
        told.lines += 1
        if not isinstance(service, dict):
            told.mistake(number, "", "This is no service.")
            continue
        status = str(service.get("status") or "active")
        if status != "active":
            told.left_out += 1
            continue
        lost = [name for name in ("id", "name") if not _text(service, name)]
        if not isinstance(service.get("organization"), dict):
            lost.append("organization")
        if lost:
            told.mistake(number, lost[0], "This is missing.")
            continue
        yield from _places(number, service, told)


def _places(number: int, service: Json, told: Told) -> Iterator[Found]:
    there = [each for each in _list(service, "service_at_locations") if isinstance(each, dict)]
    if not there:
        yield _place(number, service, {}, {}, told)
    for each in there:
        location = each.get("location")
        yield _place(number, service, each, location if isinstance(location, dict) else {}, told)


def _place(number: int, service: Json, at: Json, location: Json, told: Told) -> Found:
    organization = service["organization"]
    key = short(_text(at, "id") or _text(service, "id"), 200)
    address = next((each for each in _list(location, "addresses") if isinstance(each, dict)), {})
    zip_code = zip_of(_text(address, "postal_code"))
    areas = [_text(area, "name") for area in (*_list(at, "service_areas"),
                                              *_list(service, "service_areas"))]  # fmt: skip
    covers, statewide = _covered(areas)
    latitude, longitude = _text(location, "latitude"), _text(location, "longitude")
    columns = ("latitude", "longitude")
    point = point_of(latitude, longitude, number, columns, told, key) or middle_of(zip_code)
    phones = [
        each
        for owner in (at, location, service, organization)
        for phone in _list(owner, "phones")
        for each in _phone(phone, number, told, key)
    ]
    return Found(
        key=key,
        kind=_kind(service, bool(location)),
        name=short(_text(location, "name") or _text(service, "name"), 300),
        organization=(
            short(_text(organization, "id") or _text(organization, "name"), 200),
            short(_text(organization, "name") or _text(service, "name"), 300),
        ),
        service=(short(_text(service, "id"), 180), short(_text(service, "name"), 300)),
        location_key=short(_text(location, "id"), 200),
        location_type="physical" if location else "virtual",
        statewide=statewide,
        organization_about=short(_text(organization, "description"), 2000),
        organization_website=web_address(_text(organization, "website")),
        service_about=short(_text(service, "description"), 2000),
        eligibility=short(_text(service, "eligibility_description"), 2000),
        fees=short(_text(service, "fees_description"), 2000),
        fields=plain(
            address=short(_text(address, "address_1"), 300),
            city=short(_text(address, "city"), 100),
            zip=zip_code,
            county=county_of("", _text(address, "region"), zip_code),
            covers=covers,
            website=web_address(_text(service, "url") or _text(organization, "website")),
            phones=list({each["number"]: each for each in phones}.values()),
            languages=_languages(_list(location, "languages") + _list(service, "languages")),
            schedules=_schedules(
                _list(at, "schedules")
                or _list(location, "schedules")
                or _list(service, "schedules")
            ),
            accessibility=[
                short(_text(each, "description") or _text(each, "details"), 300)
                for each in _list(location, "accessibility")
                if _text(each, "description") or _text(each, "details")
            ],
            documents=[
                short(_text(each, "document"), 300)
                for each in _list(service, "required_documents")
                if _text(each, "document")
            ],
            alert=_english(_text(service, "alert")),
            about=_english(_text(service, "description")),
            assured_date=_day(_text(service, "assured_date")),
            **point,
        ),
    )


def _phone(phone: Any, number: int, told: Told, key: str) -> list[Json]:
    if not isinstance(phone, dict) or _text(phone, "type") in ("fax", "pager"):
        return []
    read = phones_of(_text(phone, "number"), number, "phones.number", told, key)
    for each in read:
        each["languages"] = _languages(_list(phone, "languages"))
        if extension := _text(phone, "extension").removesuffix(".0"):
            each["extension"] = extension[:10]
    return read


def _kind(service: Json, has_location: bool) -> str:
    words = f"{_text(service, 'name')} {_text(service, 'description')}".casefold()
    for word, kind in KIND_WORDS:
        if word in words:
            return kind
    return "counselor" if has_location else "line"


def _covered(areas: list[str]) -> tuple[list[str], bool]:
    """Counties by name, and whether all of California is meant."""
    words = " | ".join(areas).casefold()
    if "statewide" in words or re.search(r"(^|\| )california( \||$)", words):
        return [], True
    return [
        county.slug
        for county in gazetteer.counties()
        if re.search(
            rf"(^|[|,] ?|\b){re.escape(county.name.casefold())}( county)?( ?[|,]|$)", words
        )
    ], False


def _languages(given: list[Any]) -> list[str]:
    found = []
    for each in given:
        code = _text(each, "code").casefold() if isinstance(each, dict) else ""
        code = {"spa": "es", "eng": "en", "zho": "zh", "vie": "vi", "kor": "ko", "tgl": "tl",
                "hye": "hy", "fas": "fa", "rus": "ru", "ara": "ar", "khm": "km", "lao": "lo"}.get(
                    code, code.split("-")[0])  # fmt: skip
        if code in LANGUAGES and code not in found:
            found.append(code)
    return found


def _schedules(given: list[Any]) -> list[Json]:
    """Weekly hours; other rhythms, and what we cannot read, stay unknown."""
    found = []
    for each in given:
        if not isinstance(each, dict) or _text(each, "freq") not in ("WEEKLY", ""):
            return []
        days = [day for day in _text(each, "byday").split(",") if day in DAYS]
        opens, closes = (CLOCK.match(_text(each, name)) for name in ("opens_at", "closes_at"))
        if not days or not opens or not closes or _text(each, "interval") not in ("", "1", "1.0"):
            return []
        found.append({"byday": ",".join(days), "opens_at": opens[0], "closes_at": closes[0]})
    return found


def _english(text: str) -> dict[str, str]:
    return {"en": short(text, 600)} if text else {}


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text[:10]) if DAY.match(text) else None
    except ValueError:
        return None


def _text(row: Any, name: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    return "" if value is None or isinstance(value, dict | list) else tidy(str(value))


def _list(row: Any, name: str) -> list[Any]:
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, list) else []


# JSON


def _is_zip(file: IO[bytes]) -> bool:
    start = file.read(4)
    file.seek(0)
    return start.startswith(b"PK")


def _from_json(file: IO[bytes], told: Told) -> Iterator[Any]:
    """One service, a list of them, or a page of an HSDS API."""
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise told.stop(0, "", "The file is larger than 60 MB. Divide it.")
    yield from _services(raw, told)


def _services(raw: bytes, told: Told) -> Iterator[Any]:
    try:
        whole = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise told.stop(line, "", "This is not UTF-8 text.") from None
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise told.stop(line, "", "This is no whole JSON. Is the file cut off?") from None
    if isinstance(whole, dict):
        for name in ("contents", "services", "data"):
            if isinstance(whole.get(name), list):
                whole = whole[name]
                break
    yield from whole if isinstance(whole, list) else [whole]


# The data package


def _from_zip(file: IO[bytes], told: Told) -> Iterator[Any]:
    try:
        with zipfile.ZipFile(file) as package:
            if sum(each.file_size for each in package.infolist()) > LARGEST:
                raise told.stop(0, "", "Unpacked, the file is larger than 60 MB. Divide it.")
            names = {each.rpartition("/")[2]: each for each in package.namelist()}
            json_files = [each for each in names.values() if each.endswith(".json")
                          and not each.endswith("datapackage.json")]  # fmt: skip
            if "services.csv" not in names and json_files:
                for name in json_files:
                    yield from _services(package.read(name), told)
                return
            tables = {
                table: _table(package, names.get(f"{table}.csv"), table, told) for table in TABLES
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise told.stop(0, "", "This ZIP file is broken. Is it cut off?") from None
    yield from _joined(tables)


def _table(package: zipfile.ZipFile, name: str | None, table: str, told: Told) -> list[Json]:
    if name is None:
        if table in NEEDED:
            raise told.stop(0, f"{table}.csv", "This file is missing from the package.")
        return []
    try:
        text = package.read(name).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise told.stop(0, f"{table}.csv", "This is not UTF-8 text.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or []
        for column in TABLES[table]:
            if column not in header:
                raise told.stop(1, f"{table}.csv {column}", "This column is missing.")
        rows: list[Json] = []
        for row in reader:
            if len(rows) > MOST_LINES:
                raise told.stop(reader.line_num, f"{table}.csv", "There are too many lines.")
            if None in row or None in row.values():
                sentence = f"The line has another number of columns than {len(header)}."
                raise told.stop(reader.line_num, f"{table}.csv", sentence)
            rows.append(row)
    except csv.Error as error:
        where = f"{table}.csv"
        raise told.stop(reader.line_num, where, f"This is no sound CSV: {error}.") from None
    return rows


def _joined(tables: dict[str, list[Json]]) -> Iterator[Json]:
    """The tables as nested services."""
    by: dict[tuple[str, str], dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for table, owners in (
        ("languages", ("phone", "location", "service")),
        ("phones", ("service_at_location", "location", "service", "organization")),
        ("schedules", ("service_at_location", "location", "service")),
        ("addresses", ("location",)),
        ("accessibility", ("location",)),
        ("service_areas", ("service_at_location", "service")),
        ("required_documents", ("service",)),
    ):
        for row in tables[table]:
            owner = next((each for each in owners if row.get(f"{each}_id")), None)
            if owner is not None:
                by[owner, row[f"{owner}_id"]][table].append(row)
    for phone in tables["phones"]:
        phone |= by.get(("phone", phone["id"]), {})
    locations = {
        row["id"]: {**row, **by.get(("location", row["id"]), {})} for row in tables["locations"]
    }
    organizations = {
        row["id"]: {**row, **by.get(("organization", row["id"]), {})}
        for row in tables["organizations"]
    }
    at: dict[str, list[Json]] = defaultdict(list)
    for row in tables["service_at_locations"]:
        own = by.get(("service_at_location", row["id"]), {})
        at[row["service_id"]].append({**row, **own, "location": locations.get(row["location_id"])})
    for row in tables["services"]:
        yield {
            **row,
            **by.get(("service", row["id"]), {}),
            "organization": organizations.get(row["organization_id"]),
            "service_at_locations": at.get(row["id"], []),
        }
