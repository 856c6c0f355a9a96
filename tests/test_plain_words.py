"""Sixth grade: every sentence we write ourselves can be read by someone with little time."""

import re

import pyphen
import pytest
from babel.messages.pofile import read_po

from backend.counties import gazetteer
from backend.policies import files
from backend.web import language

HARDEST = 7.0
SYLLABLES = pyphen.Pyphen(lang="en_US")


def grade(text: str) -> float:
    """Flesch-Kincaid grade (Kincaid and others, 1975): 0.39 words a sentence plus 11.8 syllables
    a word minus 15.59. Numbers and names of laws count as short words; syllables are where a
    word could be hyphenated."""
    plain = re.sub(r"\b[A-Z]*\d[\w.,:–-]*|\([^)]*\)", "ten", text)
    words = re.findall(r"[A-Za-z’']+", plain)
    sentences = max(1, len(re.findall(r"[.!?:](?=\s|$)", plain)))
    syllables = sum(len(SYLLABLES.positions(word)) + 1 for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def test_the_measure_can_tell_plain_from_hard() -> None:
    assert grade("The jail is not allowed to keep anyone past release for ICE.") < 4
    hard = "Notwithstanding applicable statutory limitations, custodial authorities may"
    assert grade(f"{hard} effectuate administrative detention upon notification.") > 12


def test_the_pages_own_sentences_are_plain() -> None:
    with (language.TRANSLATIONS / "es.po").open("rb") as file:
        ids = [message.id for message in read_po(file, locale="es") if message.id]
    sentences = [
        re.sub(r"%\(\w+\)s", "ten", each)
        for each in ids
        if isinstance(each, str) and each.endswith((".", "?"))
    ]
    assert len(sentences) > 80
    assert grade(" ".join(sentences)) <= HARDEST
    # A single sentence jumps about with one long name in it, so its limit is wider.
    assert [each for each in sentences if len(each.split()) > 8 and grade(each) > 12] == []


@pytest.mark.parametrize("county", ["state", *(county.slug for county in gazetteer.counties())])
def test_the_record_is_plain(county: str) -> None:
    file = files.read(files.FOLDER, frozenset(c.slug for c in gazetteer.counties()))[county]
    texts = [
        text.en
        for fact in (*file.laws, *file.rules, *file.practice, *file.figures)
        for text in (getattr(fact, "summary", None), *getattr(fact, "points", []), fact.note)
        if text
    ]
    if texts:
        assert grade(" ".join(texts)) <= HARDEST
