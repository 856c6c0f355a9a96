"""Other people's lists: what is taken from them, what is kept of ours, and what is refused."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from backend import database
from backend.enrollment import editing, importing, search
from backend.enrollment.hours import read_hours
from backend.enrollment.importing import SOURCES, Choices, Report
from backend.enrollment.places import id_of, read_phone
from backend.staff.tables import Account
from tests.enrollment.making import CDPH, HRSA, clinics, hrsa, hrsa_row

pytestmark = pytest.mark.usefixtures("record")


async def bring(source: str, file: bytes, *, dry: bool = False, **choices: Any) -> Report:
    return await importing.run(SOURCES[source], io.BytesIO(file), Choices(**choices), dry=dry)


async def directory() -> list[tuple[Any, ...]]:
    """All of it, to see whether anything changed."""
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(
            "SELECT id, name, phones, latitude, vanished_on, own, imported FROM help_place"
            " ORDER BY id"
        )]  # fmt: skip


async def one(source: str, key: str) -> search.Place:
    found = await search.with_id(id_of(source, key), hidden_too=True)
    assert found is not None
    return found


async def test_health_center_sites_are_read_as_they_are_downloaded() -> None:
    rows = [
        hrsa_row(1),
        hrsa_row(2, **{"Health Center Location Type Description": "Mobile Van"}),
        hrsa_row(3, **{"Site State Abbreviation": "NV"}),
        hrsa_row(4, **{"Site Status Description": "Inactive"}),
        hrsa_row(5, **{"Health Center Type Description": "Administrative"}),
        hrsa_row(6, **{"Site Telephone Number": "null", "Site Web Address": "Unknown"}),
    ]
    report = await bring("hrsa", hrsa(rows))
    assert (report.used, report.left_out, report.number, report.applied) == (3, 3, 0, True)
    first = await one("hrsa", "BPS-H80-000001")
    assert (first.name, first.city, first.zip) == ("Clínica Número 1", "Fresno", "93721")
    assert (first.county, first.kind, first.point_of) == ("fresno", "clinic", "place")
    assert first.phones == [{"type": "voice", "number": "+15595550001", "languages": []}]
    assert (first.languages, first.schedules, first.assured_date) == ([], [], None)
    assert "wheels" in (await one("hrsa", "BPS-H80-000002")).about["en"]
    assert (await one("hrsa", "BPS-H80-000006")).phones == []


async def test_the_same_list_again_changes_nothing() -> None:
    file = hrsa([hrsa_row(number) for number in range(30)])
    assert (await bring("hrsa", file)).difference.new == 30
    before = await directory()
    again = await bring("hrsa", file)
    assert (again.difference.same, bool(again.difference)) == (30, False)
    assert await directory() == before


async def test_a_dry_run_tells_what_would_change_and_changes_nothing() -> None:
    await bring("hrsa", hrsa([hrsa_row(1), hrsa_row(2), hrsa_row(3)]))
    before = await directory()
    rows = [hrsa_row(1), hrsa_row(2, **{"Site Address": "9 Elm St"}), hrsa_row(4)]
    report = await bring("hrsa", hrsa(rows), dry=True)
    change = report.difference
    assert (change.new, change.changed, change.same, change.vanished) == (1, 1, 1, 1)
    assert change.samples["changed"][0]["fields"] == {"address": ["2 Main St", "9 Elm St", False]}
    assert change.samples["vanished"] == [{"name": "Clínica Número 3, Fresno"}]
    assert "Only looked" in str(report)
    assert await directory() == before


async def test_what_vanished_is_marked_and_comes_back() -> None:
    await bring("hrsa", hrsa([hrsa_row(1), hrsa_row(2)]))
    await bring("hrsa", hrsa([hrsa_row(1)]))
    assert (await one("hrsa", "BPS-H80-000002")).vanished_on is not None
    report = await bring("hrsa", hrsa([hrsa_row(1), hrsa_row(2)]))
    assert report.difference.back == 1
    assert (await one("hrsa", "BPS-H80-000002")).vanished_on is None


async def test_an_editors_fields_outlive_every_import() -> None:
    await bring("hrsa", hrsa([hrsa_row(1)]))
    place = await one("hrsa", "BPS-H80-000001")
    ana = await Account.open_for("Ana", ["editor"])
    hours = [{"byday": "MO,TU", "opens_at": "09:00", "closes_at": "12:00"}]
    phones = [{"number": "+15595550199", "languages": ["es"], "type": "voice"}]
    ours = {"languages": ["es", "mix"], "serves_everyone": True, "schedules": hours}
    ours["phones"] = phones
    changed = await editing.change(place, ana, place.changed_at.isoformat(), ours)
    assert changed == ["languages", "phones", "schedules", "serves_everyone"]
    moved = {"Site Address": "5 Oak St", "Site Telephone Number": "559-555-7777"}
    report = await bring("hrsa", hrsa([hrsa_row(1, **moved)]))
    assert report.difference.samples["changed"][0]["fields"]["phones"][2] is True
    after = await one("hrsa", "BPS-H80-000001")
    assert (after.languages, after.serves_everyone, after.schedules) == (["es", "mix"], True, hours)
    assert after.phones[0]["number"] == "+15595550199"
    assert after.imported["phones"][0]["number"] == "+15595557777"
    assert after.address == "5 Oak St"
    await editing.hand_back(after, ana)
    again = await one("hrsa", "BPS-H80-000001")
    assert (again.phones[0]["number"], again.languages, again.own) == ("+15595557777", [], [])


async def test_the_real_clinics_are_read_in_capitals_or_not() -> None:
    report = await bring("cdph", clinics())
    assert (report.lines, report.number, report.applied) == (3284, 0, True)
    assert report.used == 3284 - 11
    place = await one("cdph", "630027516")
    assert (place.name, place.city) == ("College Of Alameda Dental Clinic", "Alameda")
    assert (place.county, place.kind, place.phones) == ("alameda", "clinic", [])
    head, rest = clinics().split(b"\n", 1)
    again = await bring("cdph", head.lower() + b"\n" + rest)
    assert not again.difference
    assert again.difference.same == report.used


async def test_all_59_columns_of_the_clinics_are_known() -> None:
    row = dict.fromkeys(CDPH, "") | {
        "FACID": "1", "FACNAME": "SUNRISE CLINIC", "BUSINESS_NAME": "SUNRISE, INC.",
        "FAC_TYPE_CODE": "COMTYC", "ADDRESS": "1 ELM ST", "CITY": "MODESTO", "ZIP": "95354",
        "COUNTY_NAME": "STANISLAUS", "LICENSE_STATUS_DESCRIPTION": "ACTIVE", "LATITUDE": "37.64",
        "LONGITUDE": "-120.99", "FACADMIN": "SOMEBODY", "CONTACT_EMAIL": "a@example.org",
        "FAC_STATUS_TYPE_CODE": "OPEN",
    }  # fmt: skip
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, CDPH)
    writer.writeheader()
    writer.writerow(row)
    writer.writerow(row | {"FACID": "2", "FAC_TYPE_CODE": "SNF"})
    writer.writerow(row | {"FACID": "3", "FAC_STATUS_TYPE_CODE": "CLOSED"})
    report = await bring("cdph", text.getvalue().encode())
    assert (report.used, report.left_out) == (1, 2)
    whole = str((await directory(), await one("cdph", "1")))
    assert "SOMEBODY" not in whole
    assert "a@example.org" not in whole


OFFICES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [-119.79, 36.74]},
            "properties": {"OBJECTID": 7, "County Name": "Fresno", "AGENCY_NAME": "Fresno DSS",
                           "Main line": "(559) 600-1377", "Town": "Fresno", "Address": "1 H St"},
        },
        {
            "type": "Feature",
            "geometry": None,
            "properties": {"OBJECTID": 8, "County Name": "Kings County", "AGENCY_NAME": "Kings HSA",
                           "Main line": None, "Town": "Hanford", "Address": None},
        },
    ],
}  # fmt: skip


async def test_county_offices_come_with_names_or_aliases_and_a_map_of_columns() -> None:
    columns = importing.read_columns("phone=Main line; city=Town")
    report = await bring("dhcs", json.dumps(OFFICES).encode(), columns=columns)
    assert (report.used, report.refused) == (2, "")
    office = await one("dhcs", "7")
    assert (office.covers, office.kind, office.latitude) == (["fresno"], "county_office", 36.74)
    assert office.phones[0]["number"] == "+15596001377"
    assert (await one("dhcs", "8")).phones == []
    text = "Agency Name,COUNTY_NAME,Phone,Hours\nYuba HHSD,Yuba,530-749-6311,Mon-Fri 8am-5pm\n"
    report = await bring("dhcs", text.encode(), let_vanish=True)
    assert report.used == 1
    assert (await one("dhcs", "yuba/yuba hhsd")).schedules[0]["closes_at"] == "17:00"
    with pytest.raises(ValueError, match="We know: county, agency"):
        importing.read_columns("telephone=Main line")


SERVICE = {
    "id": "s1", "name": "Enrollment counseling", "status": "active",
    "description": "We help you apply.", "assured_date": "2026-10-01",
    "organization": {"id": "o1", "name": "La Casa", "description": "x",
                     "phones": [{"id": "p0", "number": "559-555-0100"}]},
    "languages": [{"id": "l", "code": "spa", "name": "Spanish"}],
    "service_areas": [{"id": "a", "name": "Fresno County"}],
    "required_documents": [{"id": "d", "document": "Proof of income"}],
    "service_at_locations": [
        {"id": "sal1", "location": {
            "id": "loc1", "location_type": "physical", "name": "La Casa East", "latitude": 36.75,
            "longitude": -119.7,
            "addresses": [{"id": "ad", "address_1": "2 Elm", "city": "Fresno",
                           "state_province": "CA", "postal_code": "93702", "country": "US",
                           "address_type": "physical"}],
            "accessibility": [{"id": "ac", "description": "Ramp at the side door"}]},
         "schedules": [{"id": "sc", "freq": "WEEKLY", "byday": "MO,WE", "opens_at": "09:00:00",
                        "closes_at": "17:00:00-08:00"}]},
    ],
}  # fmt: skip


async def test_another_directory_comes_as_hsds_json() -> None:
    report = await bring("hsds", json.dumps({"contents": [SERVICE]}).encode())
    assert (report.used, report.number) == (1, 0)
    place = await one("hsds", "sal1")
    assert (place.name, place.organization, place.kind) == ("La Casa East", "La Casa", "counselor")
    assert (place.languages, place.covers, place.statewide) == (["es"], ["fresno"], False)
    assert place.schedules == [{"byday": "MO,WE", "opens_at": "09:00", "closes_at": "17:00"}]
    assert (place.documents, place.accessibility) == (
        ["Proof of income"],
        ["Ramp at the side door"],
    )
    assert str(place.assured_date) == "2026-10-01"


def package(**tables: str) -> bytes:
    whole = {
        "organizations": "id,name,description\no1,La Casa,x\n",
        "services": "id,organization_id,name,status\ns1,o1,Counseling,active\n",
        "locations": "id,location_type,latitude,longitude\nloc1,physical,36.75,-119.7\n",
        "service_at_locations": "id,service_id,location_id\nsal1,s1,loc1\n",
        "addresses": "id,location_id,address_1,city,state_province,postal_code,country,address_type"
        "\nad,loc1,2 Elm,Fresno,CA,93702,US,physical\n",
        "phones": "id,location_id,number\nph,loc1,559-555-0100\n",
        "languages": "id,phone_id,code\nla,ph,es\n",
    } | tables
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in whole.items():
            archive.writestr(f"package/{name}.csv", text)
    return packed.getvalue()


async def test_another_directory_comes_as_a_package_of_tables() -> None:
    report = await bring("hsds", package())
    assert (report.used, report.number) == (1, 0)
    place = await one("hsds", "sal1")
    assert place.phones == [{"type": "voice", "number": "+15595550100", "languages": ["es"]}]
    assert (place.address, place.zip) == ("2 Elm", "93702")


X = "Geocoding Artifact Address Primary X Coordinate"
Y = "Geocoding Artifact Address Primary Y Coordinate"
GOOD = [hrsa_row(number) for number in range(1, 6)]

BAD = [
    ("cut off in the middle of a line", hrsa(GOOD)[:-30], "line 6", "Is the file cut off?"),
    ("cut off within quotes", hrsa(GOOD) + b'"BPS', "line 7", "no sound CSV"),
    ("in another encoding", hrsa(GOOD)[3:].decode().encode("latin-1"), "line 2", "is not UTF-8"),
    ("in UTF-16", hrsa(GOOD)[3:].decode().encode("utf-16"), "line 1", "no CSV file in UTF-8"),
    ("a column renamed", hrsa(GOOD, ["Site Phone Number" if c == "Site Telephone Number" else c
                                     for c in HRSA]),
     "line 1, column “Site Telephone Number”", "Is it “Site Phone Number” now?"),
    ("in the ocean", hrsa([*GOOD, hrsa_row(9, **{X: "-126.5", Y: "36.5"})]),
     f"line 7, column “{Y}”", "is not in California"),
    ("swapped", hrsa([*GOOD, hrsa_row(9, **{X: "36.7", Y: "-119.8"})]),
     f"line 7, column “{Y}”", "Latitude and longitude are swapped."),
    ("no degrees", hrsa([*GOOD, hrsa_row(9, **{X: "west"})]), f"column “{X}”", "no number"),
    ("a phone in words", hrsa([*GOOD, hrsa_row(9, **{"Site Telephone Number": "call the desk"})]),
     "line 7, column “Site Telephone Number”", "“call the desk” is no phone number."),
    ("twice the same", hrsa([*GOOD, GOOD[0]]), "BPS-H80-000001", "is there twice"),
    ("an empty file", b"", "the file", "The file is empty."),
    ("an empty sign", hrsa(GOOD).replace("Número 3".encode(), b"N\0"), "line 4", "empty sign"),
    ("one endless line", b"x" * 200_000, "line 1", "longer than any line"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "file", "where", "words"), BAD, ids=[each[0] for each in BAD])
async def test_a_bad_file_is_told_by_line_and_column_and_changes_nothing(
    why: str, file: bytes, where: str, words: str
) -> None:
    await bring("hrsa", hrsa(GOOD[:3]))
    before = await directory()
    report = await bring("hrsa", file)
    assert not report.applied, why
    assert report.refused
    told = [str(mistake) for mistake in report.mistakes]
    assert any(where in each and words in each for each in told), told
    assert await directory() == before


@pytest.mark.parametrize(
    ("source", "file", "words"),
    [
        ("dhcs", json.dumps(OFFICES).encode()[:-40], "no whole JSON"),
        ("dhcs", b'{"features": [{"properties": {"COUNTY_NAME": "Fresno"}}]}', "is missing"),
        ("dhcs", b'{"features": [{"properties": 4}]}', "This feature has none."),
        ("dhcs", b"COUNTY_NAME,AGENCY_NAME\nAtlantis,X\n", "is no county here"),
        ("hsds", package()[:-50], "This ZIP file is broken"),
        ("hsds", package(services="id,name\n1,2\n"), "This column is missing."),
        ("hsds", package(phones="id,location_id,number\nph,loc1\n"), "another number of columns"),
        ("hsds", b"[" * 100_000, "no whole JSON"),
        ("hsds", b'[{"id": 4}, 7]', "This is missing."),
        ("cdph", clinics()[:200_001], "Is the file cut off?"),
    ],
)
async def test_other_bad_files_are_told_too(source: str, file: bytes, words: str) -> None:
    before = await directory()
    report = await bring(source, file)
    assert any(words in str(mistake) for mistake in report.mistakes), report.mistakes
    assert not report.applied
    assert await directory() == before


async def test_lines_with_mistakes_can_be_left_out_and_their_places_stay() -> None:
    await bring("hrsa", hrsa(GOOD))
    rows = [hrsa_row(1, **{"Site Telephone Number": "ask inside"}), *GOOD[1:], hrsa_row(8)]
    report = await bring("hrsa", hrsa(rows), skip_mistakes=True)
    assert (report.applied, report.number, report.difference.new) == (True, 1, 1)
    kept = await one("hrsa", "BPS-H80-000001")
    assert (kept.phones[0]["number"], kept.vanished_on) == ("+15595550001", None)


async def test_a_list_that_lost_a_fifth_of_its_places_is_not_believed() -> None:
    await bring("hrsa", hrsa([hrsa_row(number) for number in range(100)]))
    short = hrsa([hrsa_row(number) for number in range(60)])
    report = await bring("hrsa", short)
    assert (report.refused, report.difference.vanished) == (importing.TOO_MANY_VANISH, 40)
    assert (await bring("hrsa", short, let_vanish=True)).applied


def million() -> Iterator[bytes]:
    whole = hrsa([hrsa_row(1)])
    head, row = whole.split(b"\r\n")[:2]
    yield head + b"\r\n"
    for _ in range(10):
        yield (row + b"\r\n") * 100_000


@pytest.mark.slow
async def test_a_million_lines_are_refused_in_little_memory(tmp_path: Any) -> None:
    path = tmp_path / "million.csv"
    with path.open("wb") as file:
        for piece in million():
            file.write(piece)
    process = psutil.Process()
    before = process.memory_info().rss
    told = importing.Told()
    with path.open("rb") as file, pytest.raises(importing.Unusable):
        for _place in SOURCES["hrsa"].read(file, {}, told):
            pass
    assert str(told.mistakes[0]) == "line 200002: The file has more than 200,000 lines."
    assert process.memory_info().rss - before < 20_000_000


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Mon-Fri 8:00-17:00", [("MO,TU,WE,TH,FR", "08:00", "17:00")]),
        ("Mon - Thu 8am to 5:30pm; Sat 9-12", [("MO,TU,WE,TH", "08:00", "17:30"),
                                               ("SA", "09:00", "12:00")]),
        ("Mon, Wed 8-5", [("MO,WE", "08:00", "17:00")]),
        ("Offices Mon-Fri 8:00-17:00; call centre Mon-Fri 6:30-20:00", []),
        ("7:30-17:30", []),
        ("Mon-Fri 8:00-17:00 (Feb 2022)", []),
        ("by appointment", []),
        ("Mon-Fri 25:00-26:00", []),
    ],
)  # fmt: skip
def test_hours_are_read_only_when_they_are_certain(text: str, hours: list[Any]) -> None:
    found = [tuple(each.values()) for each in read_hours(text)]
    assert found == hours


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("(559) 600-1377", "+15596001377"),
        ("1-800-541-5555", "+18005415555"),
        ("559.600.1377 ext. 12", "+15596001377"),
        ("211", "211"),
        ("call us", None),
        ("555", None),
        ("", None),
        ("9" * 40, None),
    ],
)
def test_a_phone_number_is_one_that_can_be_dialed(text: str, number: str | None) -> None:
    found = read_phone(text)
    assert (found and found["number"]) == number
