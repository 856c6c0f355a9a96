"""Medi-Cal county offices: DHCS's map layer `Medi_Cal_County_Offices` as GeoJSON or CSV.

Only two of its columns are known for sure, so a file may name its columns as it likes: what is not
guessed, the operator says ("phone=Main line; city=Town").
"""

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from backend.enrollment.found import (
    Found,
    Told,
    county_of,
    middle_of,
    phones_of,
    plain,
    point_of,
    rows_of,
    same,
    short,
    tidy,
    zip_of,
)
from backend.enrollment.hours import read_hours
from backend.enrollment.hrsa import web_address

SOURCE = "dhcs"
LARGEST = 20_000_000
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "county": ("COUNTY_NAME", "County"),
    "agency": ("AGENCY_NAME", "Agency", "Department"),
    "key": ("OBJECTID", "FID", "OFFICE_ID", "ID"),
    "office": ("OFFICE_NAME", "Office", "Location Name", "Name"),
    "address": ("ADDRESS", "Street Address", "Address 1", "Street", "Full Address"),
    "city": ("CITY", "Town"),
    "zip": ("ZIP", "ZIP Code", "Zipcode", "Postal Code"),
    "phone": ("PHONE", "Phone Number", "Telephone", "Main Phone"),
    "website": ("WEBSITE", "URL", "Web Site", "Web Address", "Link"),
    "hours": ("HOURS", "Office Hours", "Hours of Operation"),
    "latitude": ("LATITUDE", "LAT", "Y"),
    "longitude": ("LONGITUDE", "LON", "LONG", "X"),
}
NEEDED = ("county", "agency")
OPTIONAL = frozenset(COLUMNS) - set(NEEDED)


def read(file: IO[bytes], columns: Mapping[str, str], told: Told) -> Iterator[Found]:
    names = {ours: (columns[ours],) if ours in columns else COLUMNS[ours] for ours in COLUMNS}
    optional = OPTIONAL - set(columns)
    start = file.read(100).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    file.seek(0)
    rows = (
        _features(file, names, told, optional)
        if start == b"{"
        else rows_of(file, names, told, optional)
    )
    for line, row in rows:
        zip_code = zip_of(row.get("zip", ""))
        county = county_of("", row["county"], zip_code)
        if not county:
            told.mistake(line, names["county"][0], f"“{row['county'][:40]}” is no county here.")
            continue
        if not row["agency"]:
            told.mistake(line, names["agency"][0], "This is empty.")
            continue
        office, address = row.get("office", ""), row.get("address", "")
        key = row.get("key") or f"{county}/{same(office or address or row['agency'])}"
        where = point_of(
            row.get("latitude", ""),
            row.get("longitude", ""),
            line,
            (names["latitude"][0], names["longitude"][0]),
            told,
            key,
        ) or middle_of(zip_code)
        yield Found(
            key=short(key, 200),
            kind="county_office",
            name=short(office or row["agency"], 300),
            organization=(county, short(row["agency"], 300)),
            service=(county, "Medi-Cal county office"),
            fields=plain(
                address=short(address, 300),
                city=short(row.get("city", ""), 100),
                zip=zip_code,
                county=county,
                covers=[county],
                website=web_address(row.get("website", "")),
                schedules=read_hours(row.get("hours", "")),
                phones=phones_of(row.get("phone", ""), line, names["phone"][0], told, key),
                **where,
            ),
        )


def _features(
    file: IO[bytes],
    names: Mapping[str, tuple[str, ...]],
    told: Told,
    optional: frozenset[str],
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each feature's number and values. GeoJSON has no lines; a few hundred offices fit in
    memory."""
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise told.stop(0, "", "The file is larger than 20 MB. Is it the list of offices?")
    try:
        whole = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise told.stop(line, "", "This is not UTF-8 text.") from None
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise told.stop(line, "", "This is no whole JSON. Is the file cut off?") from None
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list):
        raise told.stop(1, "features", "GeoJSON has its places in “features”; there are none.")
    for number, feature in enumerate(features, 1):
        told.lines += 1
        given = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(given, dict):
            told.mistake(number, "properties", "This feature has none.")
            continue
        there = {same(str(name)): tidy(_text(value)) for name, value in given.items()}
        row = {
            ours: next((there[same(name)] for name in wanted if same(name) in there), "")
            for ours, wanted in names.items()
        }
        lost = [
            ours
            for ours, wanted in names.items()
            if ours not in optional and not any(same(name) in there for name in wanted)
        ]
        if lost:
            raise told.stop(number, names[lost[0]][0], "This column is missing.")
        point = (feature.get("geometry") or {}).get("coordinates")
        if isinstance(point, list) and len(point) >= 2:
            row |= {"longitude": _text(point[0]), "latitude": _text(point[1])}
        yield number, row


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)
