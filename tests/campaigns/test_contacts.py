"""Which contacts can exist, and which are one person's."""

import pytest

from backend.campaigns import contacts, receipts
from backend.campaigns.contacts import NotAContact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana.Lopez+ice@gmail.com", "analopez@googlemail.com"),
        ("ANA@Example.ORG", "ana@example.org"),
        ("ana+petition@outlook.com", "ana@outlook.com"),
        ("ana-news@yahoo.com", "ana@yahoo.com"),
        ("ana@pm.me", "ana+x@protonmail.com"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("(415) 555-2671", "+14155552671"),
        ("415.555.2671", "1 415 555 2671"),
        ("+52 55 1234 5678", "+525512345678"),
    ],
)
def test_these_are_the_same(one: str, other: str) -> None:
    assert contacts.read(one).same == contacts.read(other).same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana.lopez@example.org", "analopez@example.org"),
        ("ana+x@example.org", "ana@example.org"),
        ("ana-x@gmail.com", "ana@gmail.com"),
        ("415 555 2671", "415 555 2672"),
    ],
)
def test_these_are_two(one: str, other: str) -> None:
    assert contacts.read(one).same != contacts.read(other).same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana@",
        "@example.org",
        "ana@example",
        "ana@@example.org",
        "a b@example.org",
        "ana@localhost",
        "ana@example.test",
        "x" * 10_000 + "@example.org",
        "ana@" + "x" * 10_000 + ".org",
        "12345",
        "911",
        "+1 000 000 0000",
        "5" * 10_000,
        "call me",
        "🌊@🌊.🌊\x00",
    ],
)
def test_these_cannot_exist(text: str) -> None:
    with pytest.raises(NotAContact):
        contacts.read(text)


def test_what_we_write_to_is_what_was_given() -> None:
    assert contacts.read("Ana.Lopez+ice@gmail.com").address == "Ana.Lopez+ice@gmail.com"
    assert contacts.read("(415) 555-2671").address == "+14155552671"


def test_a_receipt_code_is_understood_however_it_is_typed() -> None:
    assert receipts.read("k7qm-x9rt") == "K7QMX9RT"
    assert receipts.read(" K7QM X9RT ") == "K7QMX9RT"
    assert receipts.read("oil0-0000") == "01100000"
    for wrong in ("", "K7QM", "K7QM-X9RTA", "K7QM-X9R!", "ñ" * 8, "K" * 10_000):
        assert receipts.read(wrong) is None
    assert all(receipts.read(receipts.in_words(code)) == code for code in [receipts.new()] * 3)
