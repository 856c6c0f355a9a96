"""What a person reads first is never calmer than the worst of what the jail can do."""

import csv
import datetime
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.counties import gazetteer
from backend.policies import headline, wording
from backend.policies.days import FIRST_DAY, Day
from backend.policies.headline import ASKED, CALMNESS, ROWS, Pattern
from backend.policies.questions import ANSWERS, LOOKS, NOT_KNOWN, Question
from backend.policies.record import CountyRecord
from backend.policies.tables import Figure, Practice
from backend.settings import VAR
from backend.web import language
from backend.web.clock import today
from tests.policies.test_what_holds import a_rule, day

GOLDEN = Path(__file__).with_name("headlines.csv")
ON = day("2026-11-30")


def jail(hold: str, notification: str, transfer: str, *more: Practice | Figure) -> CountyRecord:
    """A county whose rules give these three answers; "" where there is none."""
    given = {"hold": hold, "notification": notification, "transfer": transfer}
    rules = [
        a_rule("a", answer, "2018-01-01", question=question)
        for question, answer in given.items()
        if answer
    ]
    return CountyRecord(
        tuple(rules),
        tuple(each for each in more if isinstance(each, Practice)),
        tuple(each for each in more if isinstance(each, Figure)),
    )


def says(*, said_by: str | None) -> Practice:
    return Practice(
        key="here/says", topic="transfer", disputes="here/a/transfer", from_text="2024-12-10",
        said_by={"en": said_by, "es": said_by} if said_by else None, summary={"en": "x", "es": "x"},
        sources=[{"grade": "B"}],
    )  # fmt: skip


def counted(measure: str, period: str, low: int, grade: str = "B") -> Figure:
    return Figure(
        key=f"here/{measure}-{period}", measure=measure, from_text=period, until_text=period,
        low=low, high=low, about=False, sources=[{"grade": grade}],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "pattern", "tone"),
    [
        (("prohibited", "never", "never"), Pattern.JUDGE, "shield"),
        (("prohibited", "judicial_warrant_only", "never"), Pattern.JUDGE, "warrant"),
        (("prohibited", "stricter_unread", "judicial_warrant_only"), Pattern.UNREAD, "unread"),
        (("warrant_unclear", "never", "never"), Pattern.UNCLEAR, "unclear"),
        (("prohibited", "never", "listed_convictions"), Pattern.SOME, "limit"),
        (("prohibited", "held_to_answer", "listed_convictions"), Pattern.SOME, "charges"),
        (("prohibited", "open_charges", "listed_convictions"), Pattern.BEYOND, "beyond"),
        (("prohibited", "posted_publicly", "never"), Pattern.ALLOWED, "open"),
        (("permitted", "never", "never"), Pattern.ALLOWED, "open"),
        (("", "", ""), Pattern.NO_LAW, "unknown"),
        (("limited", "", ""), Pattern.PARTLY_NO_LAW, "unknown"),
        (("permitted", "", ""), Pattern.ALLOWED, "open"),
    ],
)
def test_the_worst_of_the_three_decides(
    answers: tuple[str, str, str], pattern: Pattern, tone: str
) -> None:
    found = headline.of(jail(*answers), ON)
    assert (found.pattern, found.tone) == (pattern, tone)


def test_who_is_in_office_and_disagrees_comes_first_whatever_the_rule_says() -> None:
    record = jail("prohibited", "never", "never", says(said_by="Sheriff X"))
    found = headline.of(record, ON)
    assert (found.pattern, found.tone) == (Pattern.DISAGREE, "disputed")
    assert [standing.question for standing in found.disputed] == [Question.TRANSFER]
    # Before they said so, it was the rule.
    assert headline.of(record, day("2020-01-01")).pattern is Pattern.JUDGE
    # What others report stands beside the rule, and is no official's word.
    reported = headline.of(jail("prohibited", "never", "never", says(said_by=None)), ON)
    assert (reported.pattern, reported.disputed) == (Pattern.JUDGE, ())


def test_the_newest_count_is_of_people_and_has_a_better_source_than_a_repost() -> None:
    counts = (
        counted("ice_requests", "2025", 900),
        counted("people_transferred", "2024", 102),
        counted("ice_pickups", "2024", 90),
        counted("people_transferred", "2023", 5),
        counted("people_transferred", "2026", 1, grade="C"),
    )
    found = headline.of(jail("prohibited", "never", "never", *counts), ON)
    assert found.count is not None
    assert found.count.low == 102
    assert wording.newest_count(found.count) == "People handed over to ICE, 2024: 102"
    assert headline.of(jail("prohibited", "never", "never"), ON).count is None


def days_of(record: CountyRecord) -> set[datetime.date]:
    """Every day on which something began, ended or was said, and the days around it."""
    written = {
        text
        for fact in (*record.rules, *record.practice)
        for text in (fact.from_text, fact.until_text)
        if text
    }
    one = datetime.timedelta(days=1)
    found = {today(), FIRST_DAY}
    for text in written:
        for edge in (Day.parse(text).first, Day.parse(text).last):
            found |= {edge - one, edge, edge + one}
    return {each for each in found if FIRST_DAY <= each <= today()}


def test_in_no_county_and_on_no_day_is_it_calmer_than_the_worst_answer(
    records: Mapping[str, CountyRecord],
) -> None:
    looked_at = 0
    for slug, record in records.items():
        for on in days_of(record):
            found = headline.of(record, on)
            worst = max(
                (LOOKS[record.standing(question, on).answer] for question in ASKED),
                key=CALMNESS.index,
            )
            assert CALMNESS.index(found.tone) >= CALMNESS.index(worst), (slug, on)
            if found.tone == "shield":
                assert found.pattern is Pattern.JUDGE, (slug, on)
            looked_at += 1
    assert looked_at > 58 * 15


def test_nobody_sees_green_where_the_jail_can_tell_or_hand_over(
    records: Mapping[str, CountyRecord],
) -> None:
    green = {slug for slug, record in records.items() if headline.of(record, today()).tone
             == "shield"}  # fmt: skip
    for slug in green:
        for question in ASKED:
            assert records[slug].standing(question, today()).answer in ("prohibited", "never")


def test_the_headlines_of_all_counties_are_as_somebody_looked_at_them(
    records: Mapping[str, CountyRecord],
) -> None:
    """Golden file. When the record changes on purpose, look at each changed line of what this
    writes into var/headlines.csv, and put it in the file's place."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["county", "tone", "disputed", "en", "es", "newest count"])
    for county in gazetteer.counties():
        found = headline.of(records[county.slug], day("2026-11-30"))
        words = wording.headline_in_every_language(found)
        disputed = " ".join(each.question for each in found.disputed)
        count = wording.newest_count(found.count) if found.count else ""
        writer.writerow([county.slug, found.tone, disputed, words["en"], words["es"], count])
    if table.getvalue() != GOLDEN.read_text("utf-8"):
        VAR.mkdir(exist_ok=True)
        (VAR / "headlines.csv").write_text(table.getvalue(), "utf-8")
    assert table.getvalue() == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_every_pattern_and_every_answer_has_its_words(code: str) -> None:
    token = language.current.set(language.LANGUAGES[code])
    try:
        said = {pattern: wording._(wording.HEADLINES[pattern]) for pattern in Pattern}
        assert len(set(said.values())) == len(Pattern)
        for question in ROWS:
            assert wording.row(question)
            for answer in (*ANSWERS[question], NOT_KNOWN):
                assert wording.answer(question, answer)
                assert wording.short_answer(answer)
    finally:
        language.current.reset(token)
    assert set(headline._PATTERNS) == {
        NOT_KNOWN, *(answer for question in ASKED for answer in ANSWERS[question])
    }  # fmt: skip


async def test_programs_are_told_too(client: Any, record: None) -> None:
    told = (await client.get("/api/v1/counties/san-diego")).json()
    assert told["disputed"] is True
    assert told["headline"]["pattern"] == "disagree"
    assert told["headline"]["words"]["es"] == "Las autoridades discrepan."
    every = {each["slug"]: each for each in (await client.get("/api/v1/counties")).json()}
    assert every["fresno"]["headline"]["words"]["en"] == "Yes, in some cases."
    assert every["fresno"]["disputed"] is False
    table = list(csv.DictReader(io.StringIO((await client.get("/api/v1/counties.csv")).text)))
    assert {row["slug"] for row in table if row["disputed"] == "yes"} == {
        slug for slug, each in every.items() if each["disputed"]
    }


async def test_where_officials_disagree_it_says_what_each_of_them_says(
    client: Any, record: None
) -> None:
    for code, told in (
        ("en", "She said she would not follow Board Policy L-2.</a>"),
        ("es", "Dijo que no seguiría la Política L-2 de la junta.</a>"),
    ):
        page = (await client.get(f"/counties/san-diego?lang={code}")).text
        assert told in page[: page.index('class="first-rows"')]


def test_where_others_report_that_a_rule_is_broken_the_rule_stands_beside_it(
    records: Mapping[str, CountyRecord],
) -> None:
    held = records["orange"].standing(Question.HOLD, ON)
    assert wording.row_answer(held) == "Not allowed. Reports differ."
    told = records["san-diego"].standing(Question.TRANSFER, ON)
    assert wording.row_answer(told) == "Disputed: see both sides"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("She said no. She went on.", "She said no."),
        ("The U.S. Marshals came. They left.", "The U.S. Marshals came."),
        ("Se reúne a las 9 a. m. en la sala. Hay más.", "Se reúne a las 9 a. m. en la sala."),
        ("One alone", "One alone"),
    ],
)
def test_a_first_sentence_ends_where_it_ends(text: str, first: str) -> None:
    assert wording.opening(text) == first


@pytest.mark.parametrize("code", language.LANGUAGES)
async def test_a_shared_link_says_the_headline_in_words_and_as_a_picture(
    client: httpx.AsyncClient, code: str
) -> None:
    page = (await client.get("/counties/fresno", headers={"Cookie": f"lang={code}"})).text
    said = {"en": "Yes, in some cases.", "es": "Sí, en algunos casos."}[code]
    for tag in ('name="description"', 'property="og:description"'):
        [line] = [each for each in page.splitlines() if tag in each]
        assert said in line
        assert "102" in line
    [address] = re.findall(r'property="og:image" content="[^"]*?(/counties/[^"]+)"', page)
    picture = await client.get(address)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    other = await client.get(address.replace("fresno", "modoc"))
    assert other.content != picture.content
    assert (await client.get(address.replace("fresno", "nowhere"))).status_code == 404
