"""The 58 counties and California's ZIP codes, read once from this folder's data files."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

DATA = Path(__file__).parent / "data"
COUNTIES = DATA / "counties.csv"
ZIPS = DATA / "zips.csv"


@dataclass(frozen=True, slots=True)
class County:
    """One California county.

    `fips` has five digits ("06037"), `slug` is its address ("los-angeles"), `name` has no word
    "County". The point, in degrees (WGS 84), lies well inside the county's largest part, as
    near its middle as its borders allow: a sign can stand there. It is not the county seat.
    It was computed from the Census Bureau's cartographic boundaries (npm's us-atlas).
    """

    fips: str
    slug: str
    name: str
    ocd_id: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Zip:
    """One ZIP code with every county it has addresses in, the main one first.

    `city` is the post office's name and may be empty; the point is in degrees (WGS 84) and is
    None where the sources have none. Where they come from: `zips.py`.
    """

    zip: str
    city: str
    latitude: float | None
    longitude: float | None
    counties: tuple[County, ...]


@cache
def counties() -> tuple[County, ...]:
    """All 58 counties in alphabetical order."""
    found = [
        County(
            row["fips"],
            row["slug"],
            row["name"],
            row["ocd_id"],
            float(row["latitude"]),
            float(row["longitude"]),
        )
        for row in read_rows(COUNTIES)
    ]
    return tuple(sorted(found, key=lambda county: county.name))


def county(slug: str) -> County | None:
    """The county with this slug ("los-angeles"), or None."""
    return _by_slug().get(slug)


@cache
def by_fips() -> Mapping[str, County]:
    """Each county by its five-digit FIPS code."""
    return MappingProxyType({county.fips: county for county in counties()})


@cache
def zips() -> Mapping[str, Zip]:
    """Each California ZIP code we know by its five digits."""
    return MappingProxyType({row["zip"]: _read_zip(row) for row in read_rows(ZIPS)})


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a UTF-8 CSV file with a header line."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def _by_slug() -> Mapping[str, County]:
    return {county.slug: county for county in counties()}


def _read_zip(row: dict[str, str]) -> Zip:
    return Zip(
        row["zip"],
        row["city"],
        float(row["latitude"]) if row["latitude"] else None,
        float(row["longitude"]) if row["longitude"] else None,
        tuple(by_fips()[fips] for fips in row["fips"].split()),
    )
