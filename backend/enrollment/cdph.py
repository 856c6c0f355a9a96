"""CDPH's list of licensed facilities: data.chhs.ca.gov, "Licensed and Certified Healthcare Facility
Locations" as CSV, CC BY. 59 columns, in capitals or not.

Kept are open primary-care clinics. A license says that there is a clinic, not that anyone there
helps with enrollment, and nothing of languages. Who administers it and their mail stay out.
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
    spelled,
    zip_of,
)

SOURCE = "cdph"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "key": ("FACID",),
    "name": ("FACNAME",),
    "business": ("BUSINESS_NAME",),
    "type": ("FAC_TYPE_CODE",),
    "address": ("ADDRESS",),
    "city": ("CITY",),
    "zip": ("ZIP",),
    "county": ("COUNTY_NAME",),
    "phone": ("CONTACT_PHONE_NUMBER",),
    "license": ("LICENSE_STATUS_DESCRIPTION",),
    "latitude": ("LATITUDE",),
    "longitude": ("LONGITUDE",),
    "status": ("FAC_STATUS_TYPE_CODE",),
    "terminated": ("TERMINAT_SW",),
    "in_service": ("in_service",),
}
OPTIONAL = frozenset({"status", "terminated", "in_service"})
# Community, free, federally qualified and rural health clinics.
CLINICS = frozenset({"COMTYC", "FREEC", "FQHC", "RHC"})


def read(file: IO[bytes], _columns: Mapping[str, str], told: Told) -> Iterator[Found]:
    for line, row in rows_of(file, COLUMNS, told, OPTIONAL):
        if not _is_wanted(row):
            told.left_out += 1
            continue
        key = row["key"]
        if not key or not row["name"]:
            told.mistake(line, "FACID" if not key else "FACNAME", "This is empty.")
            continue
        zip_code = zip_of(row["zip"])
        business = short(spelled(row["business"] or row["name"]), 300)
        yield Found(
            key=key,
            kind="clinic",
            name=short(spelled(row["name"]), 300),
            organization=(business.casefold()[:200], business),
            service=(business.casefold()[:200], "Clinic"),
            fields=plain(
                address=short(spelled(row["address"]), 300),
                city=short(spelled(row["city"]), 100),
                zip=zip_code,
                county=county_of("", row["county"], zip_code),
                phones=phones_of(row["phone"], line, "CONTACT_PHONE_NUMBER", told, key),
                **point_of(
                    row["latitude"], row["longitude"], line, ("LATITUDE", "LONGITUDE"), told, key
                ),
            ),
        )


def _is_wanted(row: dict[str, str]) -> bool:
    return (
        not CLINICS.isdisjoint(row["type"].upper().split("/"))
        and row["license"].upper() in ("ACTIVE", "")
        and row.get("status", "").upper() in ("OPEN", "")
        and row.get("terminated", "").upper() != "Y"
        and row.get("in_service", "").casefold() != "false"
    )
