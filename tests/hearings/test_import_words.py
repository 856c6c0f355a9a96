"""Words decide what is relevant: however they are written, and never by a piece of another word."""

import time

import pytest

from backend.hearings import relevance
from backend.hearings.relevance import WORDS, clean, find, words_of


def found(text: str, words: tuple[str, ...] = WORDS) -> set[str]:
    return {match.word for match in find([("item", clean(text))], words)}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("TRUTH Act forum", "TRUTH Act"),
        ("the Truth-Act", "TRUTH Act"),
        ("TRUTH\n  Act", "TRUTH Act"),
        ("<b>TRUTH</b>&nbsp;<i>Act</i>", "TRUTH Act"),
        ("“TRUTH” Act", "TRUTH Act"),
        ("Government Code section 7283.1(d)", "7283.1"),
        ("SB-54", "SB-54"),
        ("SB 54", "SB-54"),
        ("SB54 report", "SB-54"),
        ("S.B. 54", "SB-54"),
        ("sb – 54", "SB-54"),
        ("I.C.E. access", "ICE Access"),
        ("California Values Act.", "Values Act"),
        ("IMMIGRATION ENFORCEMENT,", "immigration enforcement"),
        ("County controlled property", "County-controlled property"),
        ("U.S. Immigration and Customs Enforcement’s", "Immigration and Customs Enforcement"),
        (
            "Transparent Review of Unjust Transfers and Holds (TRUTH)",
            "Transparent Review of Unjust Transfers and Holds",
        ),
    ],
)
def test_a_word_is_found_however_it_is_written(text: str, word: str) -> None:
    assert word in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "SB 540",
        "SB 154",
        "SB 5.4",
        "AB 54",
        "HSB 54",
        "7283.10",
        "17283.1",
        "7283",
        "service access",
        "the truth: actors",
        "Truth in Taxation Act",
        "ICE and road access",
        "immigration and law enforcement",
        "values activity",
        "",
        "\0",
    ],
)
def test_a_piece_of_something_else_is_not_it(text: str) -> None:
    assert found(text) == set()


def test_each_word_is_told_once_for_each_place_with_what_is_around_it() -> None:
    long = "x" * 100
    texts = [("item", f"{long} SB 54 {long}"), ("item", "SB 54"), ("attachment", "SB 54.pdf")]
    told = find(texts, WORDS)
    assert [(match.word, match.found_in) for match in told] == [
        ("SB-54", "item"),
        ("SB-54", "attachment"),
    ]
    assert told[0].text.startswith("…xxx")
    assert " SB 54 " in told[0].text
    assert len(told[0].text) < 140
    assert told[0].where == "in an agenda item"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("<p>One</p><p>Two</p>", "One Two"),
        ("Health &amp; Human", "Health & Human"),
        ("a < b", "a < b"),
        ("x<script>alert(1)</script>y", "xy"),
        ("<style>b{}</style>y", "y"),
        ("tab\there\r\nthere", "tab here there"),
        ("nul\x00 and bell\x07 and zero\u200bwidth", "nul and bell and zerowidth"),
        ("<b unclosed", ""),
        (None, ""),
    ],
)
def test_html_becomes_plain_words(written: str | None, plain: str) -> None:
    assert clean(written) == plain


def test_what_is_too_long_ends_at_a_word() -> None:
    assert clean("one two three", 9) == "one two…"
    assert clean("x" * 30, 10) == "x" * 9 + "…"


def test_an_editors_list_of_words_is_one_a_line_each_once() -> None:
    typed = " ICE Access \r\n\r\nSB 54\nSB 54\n--\n" + "long " * 40
    words = words_of(typed)
    assert words[:2] == ["ICE Access", "SB 54"]
    assert all(len(word) <= relevance.LONGEST_WORD for word in words)
    assert len(words) == 3


def test_signs_that_mean_something_to_machines_are_only_signs() -> None:
    assert found("a (b) [c] .* +", ("(b)",)) == {"(b)"}
    assert found("C++ and more", ("...",)) == set()


def test_tags_within_tags_take_no_time_at_all() -> None:
    began = time.monotonic()
    assert relevance.clean("<a><b>x" * 600_000).startswith("xxx")
    assert time.monotonic() - began < 15
