"""The guide's files: a mistake in one is named with its line, and some words never stand there."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from backend.enrollment import guide
from backend.policies.files import RecordError
from backend.settings import FRONTEND
from tests.test_plain_words import HARDEST, grade

ENGLISH = (
    r"never (be )?shared",
    r"not (be )?shared with (ice|immigration|anyone)",
    r"(kept|stays?|is|are) (fully |completely |always )?(private|confidential)",
    r"(completely|totally|perfectly|always) safe",
    r"nobody will (see|know|tell)",
    r"illegal|alien\b",
)
SPANISH = (
    r"nunca se comparte",
    r"(no|nunca) (se )?(comparte|compartirá|compartimos)",
    r"(totalmente|completamente|siempre) (segur|privad|confidencial)",
    r"es confidencial",
    r"nadie (verá|sabrá)",
    r"ilegal|extranjero ilegal",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in guide.SECTIONS:
        shutil.copy(guide.FOLDER / name, tmp_path / name)
    return tmp_path


MISTAKES = [
    ("section: clinics\n    from: 2025-09-10", "section: clinic\n    from: 2025-09-10", "section"),
    ("sources: [clinics-nonprofit]", "sources: [nobody]", "no source 'nobody'"),
    ("{age: [under_19], pregnant", "{age: [under_18], pregnant", "'under_18'"),
    ("{child: [yes]}\n    summary", "{status: [yes]}\n    summary", "does not ask 'status'"),
    ("county: [san-diego]", "county: [san-diago]", "'san-diago'"),
    ("from: 2016-05-16", "from: 2016-05", "whole day"),
    ("until: 2025-12-31", "until: 2019-12-31", "before it starts"),
    ("id: child-parents", "id: child-full", "there twice"),
    ("recheck: yes", "recheck: maybe", "maybe"),
    ("    path: other", "    path: others", "others"),
    ("ask: legal", "ask: nobody", "nobody"),
    ("phone: 888-804-3536", "phone: call us", "Expected `str` matching"),
    ("grade: B", "grade: D", "D"),
    ("first: 15960", "first: 0", "1"),
    ("review_by: 2027-05-24", "review_by: 2026-05-24", "before it was checked"),
    ("  - id: tps\n", "  - id: daca\n", "status 'daca' is there twice"),
    ("sources: [dhcs-statuses]}", "sources: [legal-aid-quoted]}", "grade C alone"),
    ("    path: counted\n    name", "    path: either\n    name", "either"),
    ("    settles: {child: full}", "    settle: {child: full}", "settle"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[each[1] for each in MISTAKES])
def test_a_mistake_is_named_with_its_line(folder: Path, right: str, wrong: str, said: str) -> None:
    path = folder / guide.GUIDE
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(RecordError, match=rf"guide\.yaml:\d+: .*{re.escape(said)}"):
        guide.read(folder)


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_sentence_without_one_of_the_languages_is_a_mistake(folder: Path, language: str) -> None:
    for name in guide.SECTIONS:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        before, line, after = text.rpartition(f"      {language}: ")
        path.write_text(before + after.partition("\n")[2], encoding="utf-8")
        assert line
        with pytest.raises(RecordError, match=rf"{name}:\d+: .*`{language}`"):
            guide.read(folder)
        path.write_text(text, encoding="utf-8")


def test_a_source_nobody_uses_and_one_that_is_missing_are_mistakes(folder: Path) -> None:
    path = folder / guide.SAFE
    path.write_text(path.read_text("utf-8").replace("ajsocal:", "ajsocial:", 1), encoding="utf-8")
    with pytest.raises(RecordError) as raised:
        guide.read(folder)
    said = " ".join(raised.value.mistakes)
    assert "no sentence uses the source 'ajsocial'" in said
    assert "there is no source 'ajsocal'" in said


@pytest.mark.parametrize("name", list(guide.SECTIONS))
def test_the_files_are_plain(name: str) -> None:
    texts = [entry["summary"]["en"] for entry in written(name)]
    assert grade(" ".join(texts)) <= HARDEST


def test_nothing_promises_that_information_is_never_shared() -> None:
    english = [entry["summary"]["en"] for name in guide.SECTIONS for entry in written(name)]
    spanish = [entry["summary"]["es"] for name in guide.SECTIONS for entry in written(name)]
    pages = [path.read_text("utf-8") for path in (FRONTEND / "enrollment").glob("*.html")]
    found = [
        (pattern, text[:120])
        for patterns, texts in ((ENGLISH, [*english, *pages]), (SPANISH, spanish))
        for pattern in patterns
        for text in texts
        if re.search(pattern, text, re.IGNORECASE)
    ]
    assert found == []


def test_the_search_for_promises_would_find_one() -> None:
    for text, patterns in (
        ("Your information is never shared.", ENGLISH),
        ("It will not be shared with ICE.", ENGLISH),
        ("Your form stays confidential.", ENGLISH),
        ("Su información nunca se comparte.", SPANISH),
        ("Su solicitud es confidencial.", SPANISH),
    ):
        assert any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns), text


def test_what_must_be_looked_at_again_says_so() -> None:
    """The facts' own list of what a person must re-check before launch."""
    whole = guide.guide()
    recheck = {each.id for each in (*whole.sentences, *whole.safe) if each.recheck}
    assert recheck >= {
        "dental-emergency",  # 1: the dental change took effect?
        "adult-counted-narrower", "adult-between",  # 1: October 1, 2026
        "adult-bill",  # 2: SB 1422
        "county-all", "county-cmsp",  # 2, 10: county programs
        "ice-may-get", "ice-may-not-get", "not-known",  # 3: after January 2026
        "charge-now", "charge-later",  # 4: public charge
        "clinics", "clinics-now",  # 5: the appeal
        "covered-open", "covered-over",  # 6: the end of open enrollment
    }  # fmt: skip


def written(name: str) -> list[dict[str, dict[str, str]]]:
    sentences: list[dict[str, dict[str, str]]] = yaml.load(
        (guide.FOLDER / name).read_text(encoding="utf-8"), yaml.BaseLoader
    )["sentences"]
    return sentences
