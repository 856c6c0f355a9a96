"""Mistakes in the record's files are found, with file and line, and nothing is loaded."""

import shutil
from pathlib import Path

import pytest

from backend.counties import gazetteer
from backend.counties.tables import County
from backend.policies import files, loading
from backend.policies.tables import Rule
from backend.web import language

SLUGS = frozenset(county.slug for county in gazetteer.counties())

FACT = """\
county: modoc
sources:
  paper:
    title: A report
    publisher: A paper
    url: https://paper.test/report
    read_on: 2026-11-24
    grade: B
rules:
  - id: order
    answers: {hold: limited}
    issuer: sheriff_policy
    instrument: {en: An order, es: Una orden}
    from: 2014-05
    until: 2016
    summary: {en: It says so., es: Así dice.}
    sources: [paper]
    checked_on: 2026-11-24
    review_by: 2027-05-24
practice: []
figures: []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The whole record in a folder of its own, with one rule for Modoc."""
    copy = tmp_path / "data"
    shutil.copytree(files.FOLDER, copy)
    (copy / "modoc.yaml").write_text(FACT, encoding="utf-8")
    return copy


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(files.RecordError) as caught:
        files.read(folder, SLUGS)
    return caught.value.mistakes


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "modoc.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_record_as_it_is_has_no_mistakes() -> None:
    assert len(files.read(files.FOLDER, SLUGS)) == 59


def test_the_made_up_rule_is_fine_as_it_stands(folder: Path) -> None:
    assert files.read(folder, SLUGS)["modoc"].rules[0].answers == {"hold": "limited"}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    sources: [paper]\n", "    sources: []\n", 17, "length >= 1"),
        ("    sources: [paper]\n", "", 10, "missing required field `sources`"),
        ("sources: [paper]", "sources: [rumor]", 17, "there is no source 'rumor'"),
        ("    from: 2014-05\n", "    form: 2014-05\n", 10, "form"),
        ("from: 2014-05\n", "from: 2014-13\n", 14, "is not a day that exists"),
        ("from: 2014-05\n", "from: 2014-02-30\n", 14, "is not a day that exists"),
        ("from: 2014-05\n", "from: May 2014\n", 14, "is not a day"),
        ("until: 2016", "until: 2013", 15, "ends (2013) before it starts (2014-05)"),
        ("{hold: limited}", "{hold: perhaps}", 11, "'perhaps' is no answer to hold"),
        ("{hold: limited}", "{holds: limited}", 11, "there is no question 'holds'"),
        ("{hold: limited}", "{rule_maker: voters}", 11, "there is no question 'rule_maker'"),
        ("issuer: sheriff_policy", "issuer: the_sheriff", 12, "the_sheriff"),
        ("issuer: sheriff_policy", "issuer: state_law", 12, "does not make rules for modoc"),
        ("es: Así dice.", "es: ''", 16, "length >= 1"),
        (", es: Así dice.", "", 16, "missing required field `es`"),
        ("checked_on: 2026-11-24", "checked_on: 2026-11", 18, "needs a whole day"),
        ("review_by: 2027-05-24", "review_by: 2020-05-24", 19, "before it was checked"),
        ("grade: B", "grade: C", 10, "a rule needs a source better than grade C"),
        ("url: https://paper.test/report", "url: javascript:alert(1)", 6, "matching regex"),
        ("county: modoc", "county: mono", 1, "says it is 'mono'"),
        ("    until: 2016\n", "    until: 2016\n    law: no-such-law\n", 16, "no law"),
        ("    until: 2016\n", "    until: 2016\n    until: 2017\n", 16, "stands here twice"),
        ("practice: []", "practice: [", 22, "this is not YAML"),
        ("  paper:", "  unused:", 3, "no fact uses the source 'unused'"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    folder: Path, old: str, new: str, line: int, says: str
) -> None:
    edit(folder, old, new)
    found = [each for each in mistakes(folder) if says in each]
    assert found, mistakes(folder)
    assert any(each.startswith(f"modoc.yaml:{line}:") for each in found), found


def test_a_missing_and_a_foreign_file_are_mistakes(folder: Path) -> None:
    (folder / "modoc.yaml").rename(folder / "atlantis.yaml")
    found = mistakes(folder)
    assert any(each.startswith("modoc.yaml: there is no such file") for each in found)
    assert any("no county is called 'atlantis'" in each for each in found)


def test_an_empty_file_and_one_that_is_no_text_are_mistakes(folder: Path) -> None:
    (folder / "modoc.yaml").write_text("")
    (folder / "mono.yaml").write_bytes(b"county: \xff\xfe")
    found = "\n".join(mistakes(folder))
    assert "modoc.yaml:1: this is not YAML: the file is empty" in found
    assert "mono.yaml:1: this is not YAML: it is not UTF-8 text" in found


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder, "{hold: limited}", "{hold: perhaps}")
    edit(folder, "until: 2016", "until: 2013")
    assert len(mistakes(folder)) == 2


async def test_a_mistake_anywhere_changes_nothing(record: None, folder: Path) -> None:
    edit(folder, "{hold: limited}", "{hold: perhaps}")
    before = await Rule.select(Rule.key, Rule.loaded_at).order_by(Rule.key)
    with pytest.raises(files.RecordError):
        await loading.load(folder)
    assert await Rule.select(Rule.key, Rule.loaded_at).order_by(Rule.key) == before


async def test_loading_twice_changes_nothing(record: None) -> None:
    report = await loading.load()
    assert (report.added, report.changed, report.retired) == ([], [], [])
    assert report.unchanged > 300


async def test_ids_stay_when_a_fact_changes_leaves_and_comes_back(
    record: None, folder: Path
) -> None:
    report = await loading.load(folder)
    assert report.added == ["modoc/order/hold"]
    first = await Rule.objects().get(Rule.key == "modoc/order/hold")
    assert first is not None

    edit(folder, "It says so.", "It says something else.")
    assert (await loading.load(folder)).changed == ["modoc/order/hold"]

    gone = await loading.load()
    assert gone.retired == ["modoc/order/hold"]
    assert (await loading.load()).retired == []

    assert (await loading.load(folder)).changed == ["modoc/order/hold"]
    again = await Rule.objects().get(Rule.key == "modoc/order/hold")
    assert again is not None
    assert again.id == first.id
    assert again.retired_at is None


async def test_a_retired_fact_is_kept_but_not_shown(record: None, folder: Path) -> None:
    from backend.policies import queries

    await loading.load(folder)
    await loading.load()
    queries.forget()
    modoc = await queries.county_record("modoc")
    assert all(rule.key != "modoc/order/hold" for rule in modoc.rules)
    assert await Rule.exists().where(Rule.key == "modoc/order/hold")


async def test_the_counties_are_all_there_once(record: None) -> None:
    rows = await County.select().order_by(County.fips)
    assert len(rows) == 58
    assert {row["slug"] for row in rows} == SLUGS
    los_angeles = next(row for row in rows if row["slug"] == "los-angeles")
    assert los_angeles["fips"] == "06037"
    assert los_angeles["ocd_id"] == "ocd-division/country:us/state:ca/county:los_angeles"


async def test_a_review_holds_only_for_the_english_it_was_of(record: None, folder: Path) -> None:
    rule = files.read(folder, SLUGS)["modoc"].rules[0]
    mark = (
        "    reviewed: {language: es, by: A person, on: 2026-12-01, "
        f"of: {files.fingerprint(rule)}}}\n"
    )
    edit(folder, "    sources: [paper]\n", mark + "    sources: [paper]\n")
    assert (await loading.load(folder)).stale_reviews == []
    row = await Rule.select(Rule.reviewed).where(Rule.key == "modoc/order/hold").first()
    assert row is not None
    assert row["reviewed"]["es"]["by"] == "A person"

    edit(folder, "It says so.", "It says something else.")
    assert (await loading.load(folder)).stale_reviews == ["modoc/order"]
    row = await Rule.select(Rule.reviewed).where(Rule.key == "modoc/order/hold").first()
    assert row is not None
    assert row["reviewed"] is None


# --- answers of reports, successors, forums


LATER = """\
  - id: ordinance
    answers: {hold: prohibited}
    issuer: board_ordinance
    instrument: {en: A law, es: Una ley}
    from: 2020-03-01
    summary: {en: It says more., es: Dice más.}
    sources: [paper]
    checked_on: 2026-11-24
    review_by: 2027-05-24
practice: []
"""
FORUM = """\
practice:
  - id: forum
    topic: forum
    from: 2025-05-20
    year: 2024
    summary: {en: It was held., es: Se hizo.}
    sources: [paper]
    checked_on: 2026-11-24
    review_by: 2027-05-24
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    grade: B\n", "", 3, "missing required field `grade`"),
        ("    until: 2016\n", "    superseded_by: nobody\n", 15, "there is no rule 'nobody'"),
        ("    until: 2016\n", "    superseded_by: order\n", 15, "order does not begin later"),
        (
            "{hold: limited}",
            "{notification: open_charges}\n    citation: Gov. Code 7282.5",
            11,
            "open_charges is looser than state law",
        ),
        (
            "practice: []\n",
            FORUM.replace("2025-05-20", "2199-05-20"),
            23,
            "a forum that is still to come stands among the hearings",
        ),
        (
            "practice: []\n",
            FORUM.replace("year: 2024", "year: 2199"),
            24,
            "Expected `int` <= 2100",
        ),
        (
            "practice: []\n",
            FORUM.replace("year: 2024", "year: 2026"),
            24,
            "a forum cannot tell of a year that has not come",
        ),
        (
            "practice: []\n",
            FORUM.replace("    year: 2024\n", "    answer: lobby\n"),
            24,
            "'lobby' is no answer a report can give to forum",
        ),
        (
            "practice: []\n",
            FORUM.replace("topic: forum", "topic: hold"),
            24,
            "only a forum tells of a year",
        ),
    ],
)
def test_what_the_loader_stops_at_says_where(
    folder: Path, old: str, new: str, line: int, says: str
) -> None:
    edit(folder, old, new)
    [mistake] = mistakes(folder)
    assert mistake.startswith(f"modoc.yaml:{line}: ")
    assert says in mistake


def test_a_later_rule_by_a_higher_hand_ends_one_the_day_before(folder: Path) -> None:
    edit(folder, "    until: 2016\n", "    superseded_by: ordinance\n")
    edit(folder, "practice: []\n", LATER)
    file = files.read(folder, SLUGS)["modoc"]
    until = loading._until(file.rules[0], file)
    assert until is not None
    assert until.written == "2020-02-29"
    edit(folder, "issuer: board_ordinance", "issuer: jail_department")
    [mistake] = mistakes(folder)
    assert "ordinance is by a lower hand, which ends nothing" in mistake


def test_a_headline_without_its_spanish_stops_the_loader(tmp_path: Path) -> None:
    assert [*loading._unsaid_headlines()] == []
    whole = (language.TRANSLATIONS / "es.po").read_text("utf-8")
    said = 'msgid "Yes, in some cases."\nmsgstr "Sí, en algunos casos."'
    assert said in whole
    (tmp_path / "es.po").write_text(whole.replace(said, said.splitlines()[0] + '\nmsgstr ""'))
    [mistake] = loading._unsaid_headlines(tmp_path)
    line = whole[: whole.index(said)].count("\n") + 1
    assert mistake == f"es.po:{line}: the headline some has no words in es"
