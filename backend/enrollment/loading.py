"""The directory that starts with the product: help for all of California, and county offices.

`data/directory.yaml` holds the lines, `data/county_offices.csv` what public pages say of county
offices; a blank there stays blank. What the desk wrote is never overwritten, and a later load
changes only what the files changed.
"""

import csv
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from backend import database
from backend.database import announce_change, one_at_a_time
from backend.enrollment import storing
from backend.enrollment.found import Found, county_of, middle_of, plain, same, zip_of
from backend.enrollment.hours import read_hours
from backend.enrollment.hrsa import web_address
from backend.enrollment.places import LANGUAGES, read_phone
from backend.policies.days import Day
from backend.policies.files import Name, Part, RecordError, Text, Words, read_file
from backend.web.clock import today

FOLDER = Path(__file__).parent / "data"
LINES, OFFICES = "directory.yaml", "county_offices.csv"
SOURCES = ("lines", "offices")
# What a public page said, of which we know the day, is looked at again after a year.
LASTS = datetime.timedelta(days=365)
COLUMNS = ("county", "county_fips", "agency", "office_name", "address", "city", "zip", "phone",
           "phone_2", "website", "hours", "note", "source", "source_age", "confidence")  # fmt: skip


class PhoneEntry(Part, forbid_unknown_fields=True, kw_only=True):
    number: Words
    languages: list[Words]


class LineEntry(Part, forbid_unknown_fields=True, kw_only=True):
    key: Name
    name: Words
    organization: Words
    kind: Words
    about: Text
    website: str
    hours: str
    phones: Annotated[list[PhoneEntry], msgspec.Meta(min_length=1)]
    source: Words
    checked_on: Day
    review_by: Day


class LinesFile(Part, forbid_unknown_fields=True, kw_only=True):
    lines: list[LineEntry]


@dataclass
class Report:
    """How many places a load added, changed and marked as gone."""

    added: int = 0
    changed: int = 0
    gone: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.gone)

    def __str__(self) -> str:
        return f"{self.added} places added, {self.changed} changed, {self.gone} gone."


def check(folder: Path = FOLDER) -> dict[str, list[Found]]:
    """Read the files and find every mistake. Raises RecordError; touches no database."""
    return {"lines": list(_lines(folder / LINES)), "offices": list(_offices(folder / OFFICES))}


async def load(folder: Path = FOLDER) -> Report:
    """Put what is new into the database, all or nothing. Raises RecordError."""
    found, report = check(folder), Report()
    async with database.connection() as connection:
        await one_at_a_time("directory")
        for source in SOURCES:
            await storing.stage(connection, iter(found[source]), source, _silent)
            change = await storing.compare(connection, source, set())
            await storing.store(connection, source, set(), today())
            report.added += change.new
            report.changed += change.changed + change.back
            report.gone += change.vanished
        await connection.execute("DROP TABLE IF EXISTS help_stage")
        if report:
            await announce_change()
    return report


async def _silent(_number: int) -> None:
    """Nobody waits for so little."""


def _lines(path: Path) -> Iterator[Found]:
    for entry in read_file(path, LinesFile).lines:
        phones = []
        for phone in entry.phones:
            read = read_phone(phone.number)
            if read is None or not set(phone.languages) <= set(LANGUAGES):
                raise RecordError([f"{path.name}: {entry.key}: {phone.number} is not usable"])
            phones.append({**read, "languages": phone.languages, "type": "voice"})
        spoken = [code for phone in entry.phones for code in phone.languages]
        yield Found(
            key=entry.key,
            kind=entry.kind,
            name=entry.name,
            organization=(same(entry.organization), entry.organization),
            service=(entry.key, entry.name),
            location_type="virtual",
            statewide=True,
            organization_website=entry.website,
            service_about=entry.about.en,
            source_url=entry.source,
            fields=plain(
                about={"en": entry.about.en, "es": entry.about.es},
                website=entry.website,
                phones=phones,
                languages=list(dict.fromkeys(spoken)),
                schedules=read_hours(entry.hours),
                assured_date=entry.checked_on.first,
                review_by=entry.review_by.last,
            ),
        )


def _offices(path: Path) -> Iterator[Found]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise RecordError([f"{path.name}:1: its columns are not {', '.join(COLUMNS)}"])
        for row in reader:
            row = {name: (value or "").strip() for name, value in row.items()}
            county = county_of(row["county_fips"], row["county"], "")
            if not county:
                raise RecordError([f"{path.name}:{reader.line_num}: no county {row['county']!r}"])
            # Sixteen counties have nothing: they stay blank, and the page says so.
            if any(row[name] for name in ("agency", "phone", "address", "website")):
                row["agency"] = row["agency"] or f"{row['county']} County"
                yield _office(path, reader.line_num, county, row)


def _office(path: Path, line: int, county: str, row: dict[str, str]) -> Found:
    phones = []
    for text in filter(None, (row["phone"], row["phone_2"])):
        phone = read_phone(text)
        if phone is None:
            raise RecordError([f"{path.name}:{line}: {text!r} is no phone number"])
        phones.append({**phone, "languages": [], "type": "voice"})
    assured = _assured(row)
    zip_code = zip_of(row["zip"])
    return Found(
        key=f"{county}/{same(row['office_name']) or 'main'}",
        kind="county_office",
        name=row["office_name"] or row["agency"],
        organization=(county, row["agency"]),
        service=(county, "Medi-Cal county office"),
        location_type="physical" if row["address"] else "virtual",
        source_url=next(iter(re.findall(r"https?://\S+", row["source"])), ""),
        note=row["note"],
        fields=plain(
            address=row["address"],
            city=row["city"],
            zip=zip_code,
            county=county,
            covers=[county],
            website=web_address(row["website"]),
            phones=phones,
            schedules=read_hours(row["hours"]),
            assured_date=assured,
            review_by=assured + LASTS if assured else None,
            as_of="" if assured else _years(row["source_age"]),
            **(middle_of(zip_code) if row["address"] else {}),
        ),
    )


def _assured(row: dict[str, str]) -> datetime.date | None:
    """The day the source was looked at, where that is known and nothing speaks against it."""
    if row["confidence"] != "high" or not re.fullmatch(r"\d{4}-\d\d-\d\d", row["source_age"]):
        return None
    return datetime.date.fromisoformat(row["source_age"])


def _years(text: str) -> str:
    """2020–2022, from whatever the list says of a page's age."""
    years = sorted(set(re.findall(r"20[0-4]\d", text)))
    return "–".join(dict.fromkeys((years[0], years[-1]))) if years else ""
