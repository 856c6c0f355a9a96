"""The ledger of forums: which county held one in which year, what it told, and what is overdue."""

import csv
import datetime
import io
import re

import httpx
import pytest

from backend.hearings import changes, ledger
from backend.hearings.kinds import Status
from backend.hearings.ledger import State
from backend.policies import queries as record
from backend.policies.days import Day
from backend.policies.tables import Figure, Practice
from backend.staff.tables import Account
from backend.web.clock import CALIFORNIA, today
from tests.hearings.test_changes import forum
from tests.policies.test_pages import lines_of


async def line(county: str, year: int, day: datetime.date | None = None) -> ledger.Line:
    [found] = [each for each in (await ledger.of_all(day or today()))[county] if each.year == year]
    return found


async def test_it_has_58_counties_and_every_year_since_2018(record: None) -> None:
    of_all = await ledger.of_all(today())
    assert len(of_all) == 58
    years = list(range(2018, today().year + 1))
    assert all([each.year for each in lines] == years for lines in of_all.values())


async def test_a_forum_is_shown_with_the_numbers_of_the_year_before(record: None) -> None:
    fresno = await line("fresno", 2025)
    assert (fresno.asked and fresno.asked.low) == 389
    assert (fresno.handed_over and fresno.handed_over.low) == 102
    assert fresno.about == 2024


async def test_access_without_a_forum_is_owed_and_then_overdue(record: None) -> None:
    """Modoc's record is empty: what is shown here is this test's own."""
    assert (await line("modoc", 2024)).state == State.NOT_FOUND
    await _handed_over("modoc", 2023)
    before, after = datetime.date(2024, 12, 31), datetime.date(2025, 1, 1)
    owed, overdue = await line("modoc", 2024, before), await line("modoc", 2024, after)
    assert (owed.state, owed.overdue_from) == (State.OWED, None)
    assert (overdue.state, overdue.overdue_from) == (State.OVERDUE, after)
    assert "modoc" in {each.county for each in await ledger.owed(before)}
    ana = await Account.open_for("Ana", ["editor"])
    noon = datetime.datetime(2024, 5, 14, 12, tzinfo=CALIFORNIA)
    held = forum(county="modoc", starts_at=noon, status=Status.HELD)
    await changes.announce(held, ana)
    found = await line("modoc", 2024, after)
    assert (found.state, [each.day for each in found.forums]) == (State.HELD, ["2024-05-14"])
    assert "modoc" not in {each.county for each in await ledger.owed(before)}


async def test_no_county_is_called_late_in_a_year_whose_forum_its_own_sources_tell_of(
    record: None,
) -> None:
    told = {
        "contra-costa": (2022, 2023, 2025),
        "fresno": (2019, 2021, 2022, 2023),
        "kern": (2022,),
        "los-angeles": (2018,),
        "marin": (2018, 2019, 2022),
        "san-diego": (2018, 2019),
        "san-mateo": (2021,),
        "stanislaus": (2020,),
    }
    of_all = await ledger.of_all(today())
    for county, years in told.items():
        states = {each.year: each.state for each in of_all[county]}
        assert {states[year] for year in years} == {State.HELD}, county


async def test_one_forum_among_the_hearings_and_in_the_record_is_one(record: None) -> None:
    lines = [each for found in (await ledger.of_all(today())).values() for each in found]
    for each in lines:
        days = [held.day for held in each.forums]
        assert len(days) == len(set(days)), each.county
        for held in each.forums:
            assert Day.parse(held.day).last.year == each.year


async def test_no_forum_of_a_year_to_come_and_none_before_the_law(record: None) -> None:
    reports = await Practice.objects().where(
        Practice.topic == "forum", Practice.retired_at.is_null()
    )
    for report in reports:
        if report.from_text:
            assert Day.parse(report.from_text).first <= today(), report.key
        assert report.year is None or 2016 <= report.year <= today().year, report.key


async def test_the_page_says_what_is_found_and_what_is_not(client: httpx.AsyncClient) -> None:
    page = await client.get("/hearings/forums?year=2025")
    text = " ".join(lines_of(page.text).split())
    assert "Forums on ICE and the jail in 2025" in text
    assert "That does not mean that there was none." in text
    assert "Do not compare these with another county." in text
    assert len(re.findall(r'href="/counties/([a-z-]+)/hearings"', page.text)) == 58
    spanish = await client.get("/hearings/forums?year=2025&lang=es", follow_redirects=True)
    assert "Foros sobre ICE y la cárcel en 2025" in spanish.text


@pytest.mark.parametrize("year", ["1999", "2031", "", "two", "9" * 500, "2025&year=2024"])
async def test_a_year_it_does_not_have_is_told_in_words(
    client: httpx.AsyncClient, year: str
) -> None:
    answer = await client.get(f"/hearings/forums?year={year}")
    assert answer.status_code == 400
    assert "The ledger has the years 2018 to" in answer.text


async def test_programs_get_it_as_json_and_csv(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/forums")).json()
    years = today().year - 2017
    assert len(found) == 58 * years
    [fresno] = [each for each in found if (each["county"], each["year"]) == ("fresno", 2025)]
    assert fresno["handed_over"] == [102, 102]
    rows = list(csv.DictReader(io.StringIO((await client.get("/hearings/forums.csv")).text)))
    assert len(rows) == 58 * years
    [row] = [each for each in rows if (each["county"], each["year"]) == ("fresno", "2025")]
    assert row["handed_over"] == "102"


async def test_a_county_shows_its_own_lines(client: httpx.AsyncClient) -> None:
    page = lines_of((await client.get("/counties/fresno/hearings")).text)
    assert "Every year since 2018" in page
    assert "In 2024: Requests from ICE 389" in " ".join(page.split())


async def _handed_over(county: str, year: int) -> None:
    fresno = await Figure.objects().where(Figure.key == "fresno/transfers-2024").first()
    assert fresno is not None
    [place] = await Figure.raw("SELECT id FROM county WHERE slug = {}", county)
    columns = fresno.to_dict()
    del columns["id"]
    await Figure(**{
        **columns, "key": f"{county}/transfers-{year}", "county": place["id"],
        "from_text": str(year), "until_text": str(year),
    }).save()  # fmt: skip
    record.forget()
