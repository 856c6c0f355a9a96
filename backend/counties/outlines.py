"""Geocoding: the counties' shapes, from the simplified TopoJSON that frontend/vendor.mjs builds.

The same file serves the phone (frontend/assets/js/locate.js), the GeoJSON answer and the map.
It is good for a picture and for "which county, roughly?": lines are off by up to about a
kilometer, so nothing near a border may be decided with it alone.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from backend.counties.gazetteer import counties

OUTLINES = Path(__file__).parents[2] / "frontend" / "assets" / "vendor" / "outlines.json"

Point = tuple[float, float]
Ring = list[Point]
Polygon = list[Ring]

# California's own conic projection (California Albers, EPSG:3310), on a sphere.
PARALLELS = (34.0, 40.5)
MERIDIAN = -120.0


class OutlinesError(Exception):
    """The outlines file is missing or is not the one vendor.mjs writes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One county on the map: an SVG path's `d`, and the point where a small symbol can stand."""

    d: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    """The whole map in SVG units: viewBox "0 0 `width` `height`", one shape per FIPS code."""

    width: int
    height: int
    shapes: Mapping[str, Shape]


@cache
def geojson() -> dict[str, dict[str, Any]]:
    """A GeoJSON geometry per FIPS code: longitude and latitude in degrees, five decimals.

    Polygon or MultiPolygon, wound as RFC 7946 asks (outer rings counterclockwise). The result
    is shared: do not change it. Raises OutlinesError when the file is missing.
    """
    return {fips: _geometry(polygons) for fips, polygons in _polygons().items()}


@cache
def svg_paths(width: int = 640) -> Map:
    """The map drawn `width` units wide, in California Albers, north up.

    Paths are relative steps with one decimal at most, so that they stay small (about 18 KB in
    all at width 640); borders two counties share get the same points. Raises OutlinesError when the
    file is missing.
    """
    drawn = {
        fips: [[[_project(point) for point in ring] for ring in polygon] for polygon in polygons]
        for fips, polygons in _polygons().items()
    }
    points = [
        p for polygons in drawn.values() for rings in polygons for ring in rings for p in ring
    ]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    scale = width / (right - left)

    def place(point: Point) -> Point:
        return (point[0] - left) * scale, (point[1] - top) * scale

    signs = {c.fips: place(_project((c.longitude, c.latitude))) for c in counties()}
    shapes = {
        fips: Shape(
            "".join(_draw(map(place, ring)) for polygon in polygons for ring in polygon),
            round(signs[fips][0], 1),
            round(signs[fips][1], 1),
        )
        for fips, polygons in drawn.items()
    }
    return Map(width, math.ceil((bottom - top) * scale), shapes)


def counties_at(longitude: float, latitude: float) -> list[str]:
    """FIPS codes of the counties whose outline holds the point (degrees); none if it is outside."""
    return [
        fips
        for fips, polygons in _polygons().items()
        if any(_holds(polygon, (longitude, latitude)) for polygon in polygons)
    ]


@cache
def _polygons() -> dict[str, list[Polygon]]:
    """Every county's polygons by FIPS code, in degrees, rings closed (first point = last)."""
    try:
        topology = json.loads(OUTLINES.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise OutlinesError(
            "frontend/assets/vendor/outlines.json is missing: run `python -m backend setup` first."
        ) from error
    lines = _decode_arcs(topology)
    return {
        geometry["id"]: [
            [_join(ring, lines) for ring in polygon] for polygon in _arcs_by_polygon(geometry)
        ]
        for geometry in topology["objects"]["counties"]["geometries"]
    }


def _decode_arcs(topology: dict[str, Any]) -> list[Ring]:
    """TopoJSON arcs as points in degrees: each stored as steps on a grid from the one before."""
    (scale_x, scale_y), (left, bottom) = (
        topology["transform"]["scale"],
        topology["transform"]["translate"],
    )
    lines = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            line.append((x * scale_x + left, y * scale_y + bottom))
        lines.append(line)
    return lines


def _arcs_by_polygon(geometry: dict[str, Any]) -> list[list[list[int]]]:
    if geometry["type"] == "Polygon":
        return [geometry["arcs"]]
    if geometry["type"] == "MultiPolygon":
        return list(geometry["arcs"])
    raise OutlinesError(f"unexpected outline of type {geometry['type']} for {geometry['id']}")


def _join(indexes: Sequence[int], lines: Sequence[Ring]) -> Ring:
    """One closed ring: arcs share their end points, and ~i is arc i backwards."""
    ring: Ring = []
    for index in indexes:
        line = lines[index] if index >= 0 else lines[~index][::-1]
        ring += line[1:] if ring else line
    return ring


def _geometry(polygons: list[Polygon]) -> dict[str, Any]:
    coordinates = [
        [_wind(ring, counterclockwise=order == 0) for order, ring in enumerate(polygon)]
        for polygon in polygons
    ]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _wind(ring: Ring, *, counterclockwise: bool) -> list[list[float]]:
    turned = ring if (_area(ring) > 0) == counterclockwise else ring[::-1]
    return [[round(longitude, 5), round(latitude, 5)] for longitude, latitude in turned]


def _area(ring: Ring) -> float:
    """Signed area in squared units: positive when the ring runs counterclockwise (y up)."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring)) / 2


def _holds(polygon: Polygon, point: Point) -> bool:
    """Even-odd rule over all rings, so that a point in a hole is outside."""
    longitude, latitude = point
    inside = False
    for ring in polygon:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if (y1 > latitude) != (y2 > latitude):
                inside ^= longitude < x1 + (latitude - y1) * (x2 - x1) / (y2 - y1)
    return inside


def _project(point: Point) -> Point:
    """Longitude and latitude in degrees to Albers x (east) and y (south), in Earth radii.

    The textbook formula for the sphere: J. P. Snyder, Map Projections, USGS PP 1395, ch. 14.
    """
    south, north = (math.radians(parallel) for parallel in PARALLELS)
    n = (math.sin(south) + math.sin(north)) / 2
    c = math.cos(south) ** 2 + 2 * n * math.sin(south)
    radius = math.sqrt(c - 2 * n * math.sin(math.radians(point[1]))) / n
    angle = n * math.radians(point[0] - MERIDIAN)
    return radius * math.sin(angle), radius * math.cos(angle)


def _draw(points: Iterable[Point]) -> str:
    """One closed ring as a path of relative steps; points on the same spot are drawn once.

    Counted in whole tenths of a unit, so that rounding never adds up along the line.
    """
    spots: list[tuple[int, int]] = []
    for x, y in points:
        spot = round(x * 10), round(y * 10)
        if not spots or spot != spots[-1]:
            spots.append(spot)
    (x, y), *rest = spots
    path = f"M{_write(x)} {_write(y)}l"
    for next_x, next_y in rest[:-1]:
        path += _step(next_x - x) + _step(next_y - y)
        x, y = next_x, next_y
    return path.replace("l ", "l") + "z"


def _step(tenths: int) -> str:
    """A number in a path: a minus sign parts it from the one before as well as a space does."""
    return _write(tenths) if tenths < 0 else f" {_write(tenths)}"


def _write(tenths: int) -> str:
    """Tenths as the shortest number SVG reads: 20 is "2", -7 is "-.7"."""
    whole, tenth = divmod(abs(tenths), 10)
    digits = (str(whole) if whole or not tenth else "") + (f".{tenth}" if tenth else "")
    return f"-{digits}" if tenths < 0 else digits
