"""Full-text search: finding help, what serves a county, what is near a point, and what helps all of
California.

Nothing of a search is kept. Near is by an index on points (`help_place_spot`), which measures as on
a flat map; the nearest of those are put in order by their real distance.
"""

import datetime
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from backend import database
from backend.counties import gazetteer
from backend.counties.finder import Found, find
from backend.counties.gazetteer import County
from backend.enrollment.places import DAYS, KINDS, LANGUAGES, Place
from backend.web.clock import CALIFORNIA

A_PAGE = 20
# The flat map is off by 7 in 100 at most: the nearest 20 are among these.
LOOKED_AT = 40
MOST = 2000
COLUMNS = """p.id, p.kind, p.source, p.source_key, p.location_key, p.location_type,
    p.organization AS organization_id, p.service AS service_id, o.name AS organization, p.name,
    p.address, p.city, p.zip, p.county, p.covers, p.statewide, p.latitude, p.longitude, p.point_of,
    p.phones, p.website, p.languages, p.schedules, p.accessibility, p.documents, p.about,
    p.ask_for, p.serves_everyone, p.alert, p.assured_date, p.review_by, p.as_of, p.source_url,
    p.note, p.own, p.imported, p.vanished_on, p.hidden_at, p.changed_at"""
TABLES = "help_place p JOIN help_organization o ON o.id = p.organization"
SHOWN = "p.vanished_on IS NULL AND p.hidden_at IS NULL"
OPEN = """ AND EXISTS (SELECT 1 FROM jsonb_array_elements(p.schedules) s
    WHERE position(${day} IN s->>'byday') > 0
        AND s->>'opens_at' <= ${clock} AND ${clock} < s->>'closes_at')"""
EARTH = 6_371_008.8


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for. `typed` is what they wrote, `counties` what it may mean; `point` is
    `(latitude, longitude)` of its middle. `page` counts from 1."""

    typed: str = ""
    counties: tuple[County, ...] = ()
    point: tuple[float, float] | None = None
    place: str = ""
    language: str = ""
    kind: str = ""
    open_now: bool = False
    page: int = 1
    unknown: str = ""

    @property
    def slugs(self) -> list[str]:
        return [county.slug for county in self.counties]

    def query(self, **other: Any) -> dict[str, str]:
        """The address's query, with some of it put otherwise."""
        given = {
            "zip": self.typed,
            "language": self.language,
            "kind": self.kind,
            "open": "1" if self.open_now else "",
        } | other
        return {name: str(value) for name, value in given.items() if value}


@dataclass(frozen=True)
class Results:
    """`mine` serves the county, `near` is near the point, nearest first, `statewide` helps
    everyone. `more` says that there is a further page of `near`."""

    mine: list[Place]
    near: list[Place]
    statewide: list[Place]
    more: bool


def read(query: Any) -> Wanted:
    """What an address asks for. What nobody knows counts as not asked."""

    def one(name: str) -> str:
        return str((query.getall(name, [""]) or [""])[-1]).strip()[:200]

    typed = one("zip") or one("city") or one("county")
    found = find(typed.replace("-", " ") if one("county") == typed else typed) if typed else None
    county = gazetteer.county(typed)
    counties = (county,) if county else found.counties if found else ()
    language, kind, page = one("language"), one("kind"), one("page")
    return Wanted(
        typed=typed,
        counties=counties,
        point=_point_of(typed, found, counties),
        place=found.place if found else "",
        language=language if language in LANGUAGES else "",
        kind=kind if kind in KINDS else "",
        open_now=one("open") not in ("", "0"),
        page=int(page) if page.isascii() and page.isdecimal() and 0 < len(page) < 4 else 1,
        unknown=(found.reason if found and not counties else ""),
    )


async def search(wanted: Wanted, now: datetime.datetime) -> Results:
    """Stale places come last in their part, and statewide help is always there."""
    today = now.astimezone(CALIFORNIA).date()
    async with database.connection() as connection:
        mine = await _serving(connection, wanted, now)
        near = await nearest(connection, wanted, now) if wanted.point else []
        statewide = await _statewide(connection, wanted, now)
    for place in mine:
        place.distance = _distance(wanted.point, place)
    mine.sort(key=lambda each: (each.is_stale(today), each.distance or math.inf, each.name))
    start = (wanted.page - 1) * A_PAGE
    shown = near[start : start + A_PAGE]
    shown.sort(key=lambda each: (each.is_stale(today), each.distance or math.inf))
    statewide.sort(key=lambda each: (each.is_stale(today), _order(each)))
    return Results(mine, shown, statewide, len(near) > start + A_PAGE)


async def nearest(connection: Any, wanted: Wanted, now: datetime.datetime) -> list[Place]:
    """Everything from the nearest on, as far as the page asked for and a little more. What serves
    certain counties is no help to those of others, however near."""
    assert wanted.point is not None
    latitude, longitude = wanted.point
    where, values = _filters(wanted, now, 3)
    number = min(MOST, wanted.page * A_PAGE + LOOKED_AT)
    rows = await connection.fetch(
        NEAREST.format(where=where, limit=len(values) + 3),
        longitude * 0.8,
        latitude,
        *values,
        number,
    )
    places = [Place.read(row) for row in rows]
    for place in places:
        place.distance = _distance(wanted.point, place)
    return sorted(places, key=lambda each: each.distance or math.inf)


# The innermost query is what the index answers; only then is anything else read.
NEAREST = f"""SELECT {COLUMNS} FROM (
        SELECT * FROM help_place p WHERE {SHOWN} AND p.longitude IS NOT NULL
            AND NOT p.statewide AND p.covers = '{{{{}}}}' {{where}}
        ORDER BY point(p.longitude * 0.8, p.latitude) <-> point($1, $2) LIMIT ${{limit}}
    ) p JOIN help_organization o ON o.id = p.organization"""  # noqa: S608


async def with_id(id: UUID, *, hidden_too: bool = False) -> Place | None:
    """One place, also one that vanished; not one that the desk took off, unless `hidden_too`."""
    rows = await _fetch("p.id = $1" + ("" if hidden_too else " AND p.hidden_at IS NULL"), id)
    return rows[0] if rows else None


async def for_county(slug: str) -> list[Place]:
    """All that stands in a county or serves it, and what helps everyone."""
    there = "p.county = $1 OR p.covers @> ARRAY[$1::varchar] OR p.statewide"
    return await _fetch(f"{SHOWN} AND ({there}) ORDER BY p.kind, p.name, p.id", slug)


async def fetch(where: str, *values: Any) -> list[Place]:
    return await _fetch(where, *values)


def meters_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the haversine formula, on a sphere: right to half a percent."""
    (lat_1, lon_1), (lat_2, lon_2) = (tuple(map(math.radians, each)) for each in (one, other))
    part = (
        math.sin((lat_2 - lat_1) / 2) ** 2
        + math.cos(lat_1) * math.cos(lat_2) * math.sin((lon_2 - lon_1) / 2) ** 2
    )
    return 2 * EARTH * math.asin(min(1, math.sqrt(part)))


async def _fetch(where: str, *values: Any) -> list[Place]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} FROM {TABLES} WHERE {where}",  # noqa: S608
            *values,
        )
    return [Place.read(row) for row in rows]


async def _serving(connection: Any, wanted: Wanted, now: datetime.datetime) -> list[Place]:
    if not wanted.counties:
        return []
    where, values = _filters(wanted, now, 2)
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE {SHOWN} AND NOT p.statewide"  # noqa: S608
        f" AND p.covers && $1::varchar[] {where} ORDER BY p.name LIMIT 200",
        wanted.slugs,
        *values,
    )
    return [Place.read(row) for row in rows]


async def _statewide(connection: Any, wanted: Wanted, now: datetime.datetime) -> list[Place]:
    """Always all of it, however narrow the question: somebody must be there to call."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE {SHOWN} AND p.statewide"  # noqa: S608
    )
    return [Place.read(row) for row in rows]


def _filters(wanted: Wanted, now: datetime.datetime, first: int) -> tuple[str, list[Any]]:
    """SQL and its values from number `first` on. A place whose languages nobody knows may speak
    any: it stays, and its card says so."""
    where, values = "", []
    if wanted.language:
        values.append(wanted.language)
        where += f" AND (p.languages = '{{}}' OR p.languages @> ARRAY[${first}::varchar])"
    if wanted.kind:
        values.append(wanted.kind)
        where += f" AND p.kind = ${first + len(values) - 1}"
    if wanted.open_now:
        here = now.astimezone(CALIFORNIA)
        values += [DAYS[here.weekday()], here.strftime("%H:%M")]
        day, clock = first + len(values) - 2, first + len(values) - 1
        where += OPEN.format(day=day, clock=clock)
    return where, values


def _order(place: Place) -> tuple[int, str]:
    order = ("covered-california", "medi-cal-helpline", "health-consumer-alliance", "211")
    known = place.source_key in order
    return (order.index(place.source_key) if known else len(order), place.name)


def _distance(point: tuple[float, float] | None, place: Place) -> float | None:
    if point is None or place.latitude is None or place.longitude is None:
        return None
    return meters_between(point, (place.latitude, place.longitude))


def _point_of(
    typed: str, found: Found | None, counties: tuple[County, ...]
) -> tuple[float, float] | None:
    """The middle of a ZIP code, of a city's ZIP codes, or of the county."""
    if not counties or found is None:
        return (counties[0].latitude, counties[0].longitude) if counties else None
    known = gazetteer.zips().get(found.place)
    if known and known.latitude is not None and known.longitude is not None:
        return known.latitude, known.longitude
    if known_city := _cities().get((found.place, counties[0].slug)):
        return known_city
    return counties[0].latitude, counties[0].longitude


@cache
def _cities() -> dict[tuple[str, str], tuple[float, float]]:
    """The middle of each city's ZIP codes in each of its counties."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for each in gazetteer.zips().values():
        if each.city and each.latitude is not None and each.longitude is not None:
            for county in each.counties:
                points.setdefault((each.city, county.slug), []).append(
                    (each.latitude, each.longitude)
                )
    return {key: middle(them) for key, them in points.items()}


def middle(points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Their average, in degrees."""
    north, east = zip(*points, strict=True)
    return sum(north) / len(north), sum(east) / len(east)
