"""HRSA's list of health-center sites: data.hrsa.gov, "Health Center Service Delivery and Look-Alike
Sites" as CSV, public domain. 55 columns, and a comma too many at the end of the header.

Kept are California's active sites where patients are seen. It names no languages and no opening
hours, and does not say who there helps with enrollment.
"""

from collections.abc import Iterator, Mapping
from typing import IO

from backend.enrollment.found import (
    Found,
    Told,
    county_of,
    phones_of,
    plain,
    point_of,
    rows_of,
    short,
    zip_of,
)

SOURCE = "hrsa"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "key": ("BPHC Assigned Number",),
    "name": ("Site Name",),
    "address": ("Site Address",),
    "city": ("Site City",),
    "state": ("Site State Abbreviation",),
    "zip": ("Site Postal Code",),
    "phone": ("Site Telephone Number",),
    "website": ("Site Web Address",),
    "status": ("Site Status Description",),
    "location": ("Health Center Location Type Description",),
    "type": ("Health Center Type Description",),
    "center": ("Health Center Name",),
    "center_key": ("Health Center Number", "BHCMIS Organization Identification Number"),
    "longitude": (
        "Geocoding Artifact Address Primary X Coordinate",
        "Geocoding Artifact Address X Coordinate",
    ),
    "latitude": (
        "Geocoding Artifact Address Primary Y Coordinate",
        "Geocoding Artifact Address Y Coordinate",
    ),
    "fips": ("State and County Federal Information Processing Standard Code",),
}
POINT = (COLUMNS["latitude"][0], COLUMNS["longitude"][0])


def read(file: IO[bytes], _columns: Mapping[str, str], told: Told) -> Iterator[Found]:
    for line, row in rows_of(file, COLUMNS, told, frozenset()):
        if not _is_wanted(row):
            told.left_out += 1
            continue
        key = row["key"]
        if not key or not row["name"]:
            column = "key" if not key else "name"
            told.mistake(line, COLUMNS[column][0], "This is empty.")
            continue
        zip_code = zip_of(row["zip"])
        county = county_of(row["fips"], "", zip_code)
        center = short(row["center"] or row["name"], 300)
        center_key = row["center_key"] or center
        yield Found(
            key=key,
            kind="clinic",
            name=short(row["name"], 300),
            organization=(center_key, center),
            service=(center_key, "Health center"),
            note="" if row["location"] in ("", "Permanent") else row["location"],
            fields=plain(
                address=short(row["address"], 300),
                city=short(row["city"], 100),
                zip=zip_code,
                county=county,
                website=web_address(row["website"]),
                about=_moves(row["location"]),
                phones=phones_of(row["phone"], line, COLUMNS["phone"][0], told, key),
                **point_of(row["latitude"], row["longitude"], line, POINT, told, key),
            ),
        )


def _is_wanted(row: dict[str, str]) -> bool:
    return (
        row["state"].upper() == "CA"
        and row["status"].casefold() in ("active", "")
        and "service delivery site" in row["type"].casefold()
    )


def _moves(location: str) -> dict[str, str]:
    if "mobile" in location.casefold():
        return {
            "en": "A health center on wheels: ask where it is today.",
            "es": "Un centro de salud móvil: pregunte dónde está hoy.",
        }
    if "seasonal" in location.casefold():
        return {
            "en": "A health center that opens in some seasons: call first.",
            "es": "Un centro de salud que abre por temporadas: llame antes.",
        }
    return {}


def web_address(text: str) -> str:
    """A whole address; most leave the beginning out."""
    if not text or " " in text or "." not in text or len(text) > 480:
        return ""
    if text.casefold().startswith(("http://", "https://")):
        return text
    return f"https://{text}" if text[0].isalnum() else ""
