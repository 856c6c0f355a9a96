"""The truth rules: a wrong answer here can cost someone their family (design: domain.md)."""

import csv
import datetime
import re
from collections.abc import Mapping

import httpx
import pytest

from backend.counties import gazetteer
from backend.policies import files, loading, queries
from backend.policies.questions import Question
from backend.policies.record import CountyRecord
from backend.web.clock import today
from tests.serving import HOUSE, SHARED

WITHOUT_A_RECORD = """
alpine calaveras colusa del-norte glenn imperial inyo lake lassen mariposa mendocino modoc mono
plumas san-benito sierra trinity
""".split()

ENDED_HOLDS_BY_2014 = """
santa-clara san-francisco alameda contra-costa los-angeles monterey napa orange riverside
sacramento san-bernardino san-diego san-joaquin santa-cruz sonoma sutter
""".split()


def on(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def test_since_2018_no_county_may_hold_anyone_for_ice(records: Mapping[str, CountyRecord]) -> None:
    for day in (on("2018-01-01"), on("2020-06-15"), today()):
        standings = [record.standing(Question.HOLD, day) for record in records.values()]
        assert {standing.answer for standing in standings} == {"prohibited"}
        assert len(standings) == 58
        for standing in standings:
            assert standing.state_rule is not None
            assert "7284.6(a)(1)(B)" in standing.state_rule.citation


async def test_every_county_says_the_warrant_and_the_prisons_are_another_thing(
    client: httpx.AsyncClient,
) -> None:
    for county in gazetteer.counties():
        page = (await client.get(f"/counties/{county.slug}")).text
        assert "A judge’s criminal warrant is another thing, and state prisons" in page, county.name


def test_from_2014_to_2017_the_trust_act_is_the_floor(
    records: Mapping[str, CountyRecord],
) -> None:
    for day in (on("2014-01-01"), on("2017-12-31")):
        for slug in WITHOUT_A_RECORD:
            standing = records[slug].standing(Question.HOLD, day)
            assert standing.answer == "limited", slug
            assert standing.rule is not None
            assert standing.rule.law.slug == "trust-act"
    assert records["modoc"].standing(Question.HOLD, on("2013-12-31")).answer == "not_known"


def test_we_name_only_the_counties_whose_end_of_holds_we_have_a_source_for(
    records: Mapping[str, CountyRecord],
) -> None:
    ended = [
        slug
        for slug, record in records.items()
        for standing in [record.standing(Question.HOLD, on("2014-12-31"))]
        if standing.local_rule is not None
    ]
    assert sorted(ended) == sorted(ENDED_HOLDS_BY_2014)


def test_ended_holds_by_2014_agrees_with_the_facts_we_were_given() -> None:
    given = SHARED / "data" / "counties_58.csv"
    if not given.exists():
        pytest.skip("needs ../shared/data/counties_58.csv")
    with given.open(encoding="utf-8") as file:
        yes = {row["county"] for row in csv.DictReader(file) if row[NAMED] == "yes"}
    names = {county.slug: county.name for county in gazetteer.counties()}
    # Sutter's own order of 2014 was found after that list was made.
    assert yes | {"Sutter"} == {names[slug] for slug in ENDED_HOLDS_BY_2014}


NAMED = "sourced_end_of_holds_by_2014"


async def test_a_county_without_a_record_says_so_and_shows_the_state_rule(
    client: httpx.AsyncClient,
) -> None:
    for slug in WITHOUT_A_RECORD:
        page = (await client.get(f"/counties/{slug}")).text
        assert "No county rule found. State law applies." in page, slug
        assert "California Values Act" in page, slug


async def test_san_diegos_board_and_sheriff_are_shown_disagreeing(
    client: httpx.AsyncClient, records: Mapping[str, CountyRecord]
) -> None:
    for question in (Question.NOTIFICATION, Question.TRANSFER):
        standing = records["san-diego"].standing(question, on("2024-12-10"))
        assert standing.answer == "judicial_warrant_only"
        assert standing.disputed_by, question
        before = records["san-diego"].standing(question, on("2024-12-09"))
        assert not before.disputed_by, question
    page = (await client.get("/counties/san-diego")).text
    assert "They disagree." in page
    assert "Martinez" in page


async def test_reports_that_jails_kept_people_for_ice_stand_under_that_question(
    client: httpx.AsyncClient, records: Mapping[str, CountyRecord]
) -> None:
    for slug in ("fresno", "orange", "stanislaus"):
        standing = records[slug].standing(Question.HOLD, today())
        assert standing.answer == "prohibited", slug
        assert standing.disputed_by, slug
    extra = "sheriffs of the Central Valley kept people in jail extra time"
    for slug in ("kings", "madera", "merced", "tulare"):
        standing = records[slug].standing(Question.HOLD, today())
        assert any(extra in report.summary["en"] for report in standing.practice), slug
    assert extra in (await client.get("/counties?question=hold")).text


def test_warrants_of_federal_judges_are_told_in_each_of_the_seven_counties(
    records: Mapping[str, CountyRecord],
) -> None:
    named = {
        *("los-angeles", "orange", "riverside", "san-bernardino", "san-luis-obispo"),
        *("santa-barbara", "ventura"),
    }
    told = {
        slug
        for slug, record in records.items()
        for report in record.taken(today())
        if "the jails of seven counties, this one among them" in report.summary["en"]
    }
    assert told == named


async def test_the_48_counties_are_cipcs_own_undated_words(record: None) -> None:
    state = files.read(files.FOLDER, frozenset(c.slug for c in gazetteer.counties()))["state"]
    told = [
        entry
        for entry in (*state.practice, *state.laws, *state.rules)
        if re.search(r"\b48\b", entry.summary.en + " ".join(p.en for p in _points(entry)))
        and "hold" in entry.summary.en
    ]
    assert told, "CIPC's statement is part of the record"
    for entry in told:
        assert getattr(entry, "said_by", None) is not None
        assert "CIPC" in entry.said_by.en or "California Immigrant Policy" in entry.said_by.en
        assert entry.note is not None


def _points(entry: object) -> list[files.Text]:
    return getattr(entry, "points", [])


async def test_ab_1876_was_not_vetoed(client: httpx.AsyncClient) -> None:
    laws = {law.slug: law for law in await queries.laws()}
    assert laws["ab-1876"].status == "failed"
    page = (await client.get("/laws/ab-1876")).text
    assert "Vetoed" not in page


async def test_what_is_not_confirmed_is_never_shown_as_plain_fact(
    client: httpx.AsyncClient, records: Mapping[str, CountyRecord]
) -> None:
    reposts = 0
    for slug, record in records.items():
        unconfirmed = [fact for fact in (*record.practice, *record.figures) if not fact.confirmed()]
        assert all(rule.confirmed() for rule in record.rules)
        assert all(fact.note for fact in unconfirmed), slug
        if unconfirmed:
            reposts += len(unconfirmed)
            page = (await client.get(f"/counties/{slug}")).text
            assert page.count("Not confirmed.") >= len(unconfirmed), slug
    assert reposts > 0


async def test_numbers_come_with_the_warning_that_they_do_not_compare(
    client: httpx.AsyncClient, records: Mapping[str, CountyRecord]
) -> None:
    with_figures = [slug for slug, record in records.items() if record.figures]
    assert len(with_figures) >= 15
    for slug in with_figures:
        page = (await client.get(f"/counties/{slug}")).text
        assert "Do not compare these with another county." in page, slug


def test_every_fact_has_a_source_a_check_and_a_day_for_the_next_look(
    records: Mapping[str, CountyRecord],
) -> None:
    seen = 0
    for record in records.values():
        for fact in (*record.rules, *record.practice, *record.figures):
            seen += 1
            assert fact.cited(), fact.key
            assert fact.checked_on <= fact.review_by, fact.key
            for source in fact.cited():
                assert source["grade"] in "ARBC"
                assert source["title"]
                assert source["publisher"]
                assert source["url"].startswith("http")
    assert seen > 250


async def test_a_fact_past_its_day_is_shown_as_due_never_hidden(
    client: httpx.AsyncClient,
) -> None:
    from backend.policies.tables import Rule

    await Rule.update({Rule.review_by: datetime.date(2020, 1, 1)}, force=True)
    queries.forget()
    page = (await client.get("/counties/modoc")).text
    assert "Due for review since January 1, 2020." in page
    assert "No. The jail is not allowed to keep anyone past release for ICE." in page


def test_every_given_fact_about_a_county_is_in_the_record(
    records: Mapping[str, CountyRecord],
) -> None:
    given = SHARED / "data" / "county_facts.csv"
    if not given.exists():
        pytest.skip("needs ../shared/data/county_facts.csv")
    slugs = {county.name: county.slug for county in gazetteer.counties()}
    missing = []
    with given.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["county"] == "(statewide)":
                continue
            record = records[slugs[row["county"]]]
            facts = (*record.rules, *record.practice, *record.figures)
            addresses = {source["url"] for fact in facts for source in fact.cited()}
            if row["source_url"] not in addresses:
                missing.append((row["county"], row["source_url"]))
    assert missing == []


def rows_given(list_: str) -> list[dict[str, str]]:
    path = SHARED / "data" / list_
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{list_}")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def left_out() -> dict[tuple[str, str, str, str], str]:
    """Why, by county, date, category and address."""
    text = (files.FOLDER / "LEFT_OUT.md").read_text("utf-8")
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| county |")
    ]
    assert all(len(each) == 5 and all(each) for each in cells), "five cells a row, none empty"
    return {(each[0], each[1], each[2], each[3]): each[4] for each in cells}


def test_every_collected_fact_is_in_the_record_or_left_out_with_a_reason() -> None:
    given = rows_given("county_facts_2026-11-30.csv")
    slugs = {county.name: county.slug for county in gazetteer.counties()}
    by_file = {
        name: {source.url for source in file.sources.values()}
        for name, file in loading.check().items()
    }
    lines = (HOUSE / "backend" / "detained" / "data" / "lines.yaml").read_text("utf-8")
    why, missing = left_out(), []
    named = {(row["county"], row["date"], row["category"], row["source_url"]) for row in given}
    for row in given:
        name = (row["county"], row["date"], row["category"], row["source_url"])
        address = row["source_url"].split(" ")[0]
        there = address in by_file[slugs.get(row["county"], "state")] or (
            row["category"] in ("hotline", "legal help") and address in lines
        )
        if name not in why and not there:
            missing.append(name)
    assert missing == []
    assert why.keys() <= named, "and nothing is said of a row that is not in the list"


def test_a_copy_that_somebody_else_keeps_is_no_official_text() -> None:
    read = files.read(files.FOLDER, frozenset(c.slug for c in gazetteer.counties()))
    copied = re.compile(r"copy|reprint|docslib|scribd", re.IGNORECASE)
    official = [
        source.publisher
        for file in read.values()
        for source in file.sources.values()
        if source.grade == "A" and copied.search(source.publisher)
    ]
    assert official == []


def test_no_word_of_ours_calls_a_person_illegal() -> None:
    words = re.compile(r"\b(illegals?|aliens?|ilegal(es)?)\b", re.IGNORECASE)
    for path in files.FOLDER.glob("*.yaml"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.lstrip().startswith(("url:", "title:")):
                assert not words.search(line), f"{path.name}:{number}"
