"""Letters to signers: plain, neutral from outside, and the same in both of their forms."""

import datetime
import inspect
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from backend.campaigns import letters
from backend.web import language
from backend.web.mail import Letter

TITLE = "End every ICE hold"
CODE = "123456"
LINK = "https://confianza.example/pledges#K7QMX9RTAB.123456"
SIGNER = {"to": "ana@example.org", "campaign_title": TITLE}
MINE = {"receipt": "K7QMX9RTAB", "link": LINK}
WAITS = {"unconfirmed_kept": datetime.timedelta(days=7)}
ENDS = {"names_end_on": datetime.date(2027, 3, 1)}

KINDS: dict[str, tuple[Callable[..., Letter], dict[str, Any]]] = {
    "confirm": (letters.confirm_letter, {**SIGNER, **MINE, **WAITS, **ENDS, "code": CODE}),
    "remind": (letters.reminder_letter, {**SIGNER, **MINE, **WAITS, **ENDS, "code": CODE}),
    "again": (
        letters.again_letter,
        {**SIGNER, **MINE, **WAITS, **ENDS, "code": CODE, "earlier_counts": True},
    ),
    "third": (letters.third_name_letter, {**SIGNER, **MINE, **WAITS}),
    "leave": (letters.leave_letter, {**SIGNER, **MINE, **ENDS}),
    "update": (
        letters.update_letter,
        {
            "to": "ana@example.org",
            "campaign_title": TITLE,
            "title": "The board heard you",
            "words": "It was **close**. See [the vote](https://vote.example/1).\n\n- Three did",
            "link": "https://confianza.example/campaigns/x",
            "leave_link": LINK,
        },
    ),
}


def write(kind: str, code: str = "en", **other: Any) -> Letter:
    make, values = KINDS[kind]
    return make(**{**values, "language": code, **other})


class Reader(HTMLParser):
    """What somebody sees of a page, and every tag and attribute in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html.partition("<body>")[2])

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "br":
            self.seen.append("\n")

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def words(text: str) -> list[str]:
    """Without what only one of the two forms has: the marks of Markdown and of direction."""
    return re.findall(r"[\w/:?=.,;!¡¿“”’+-]+", re.sub("[\u2066-\u2069]|-{3,}|\\*\\*", " ", text))


@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "update"])
def test_text_and_html_say_the_same(kind: str, code: str) -> None:
    letter = write(kind, code)
    assert words(letter.text) == words("".join(Reader(letter.html).seen))
    assert letter.language == code
    assert f'<html lang="{code}" dir="ltr">' in letter.html


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_is_in_its_signers_language_and_no_other(kind: str) -> None:
    token = language.current.set(language.ENGLISH)
    try:
        english, spanish = write(kind, "en"), write(kind, "es")
        assert language.current.get() is language.ENGLISH
    finally:
        language.current.reset(token)
    said = set(spanish.text.splitlines()) & set(english.text.splitlines())
    own = {TITLE, "K7QM", "123 456", "http", "The board", "It was", "- Three", "---"}
    assert [line for line in said if line.strip() and not any(each in line for each in own)] == []
    assert spanish.subject != english.subject
    assert write(kind, "qq").text == english.text


@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_glance_over_the_shoulder_tells_nothing(kind: str, code: str) -> None:
    letter = write(kind, code)
    glance = letter.subject + letter.text[:60] + re.sub("<[^>]*>", "", letter.html)[:60]
    assert "ICE" not in glance
    assert TITLE not in glance
    assert "Ana" not in letter.subject
    assert "K7QM" not in letter.subject


@pytest.mark.parametrize("kind", ["confirm", "remind", "again"])
def test_who_should_confirm_finds_all_they_need(kind: str) -> None:
    letter = write(kind)
    for text in (letter.text, "".join(Reader(letter.html).seen)):
        for part in ("123 456", LINK, "K7QMX-9RTAB", TITLE, "March 1, 2027", "7 days"):
            assert part in text, part
        assert "withdraw" in text
        assert "Opening it alone confirms nothing" in text
    assert letter.subject.endswith("123 456")


@pytest.mark.parametrize("code", ["en", "es"])
def test_whoever_signed_before_learns_what_stands(code: str) -> None:
    counts = write("again", code, earlier_counts=True).text
    waits = write("again", code, earlier_counts=False).text
    assert counts != waits
    if code == "en":
        assert "Your earlier pledge counts" in counts
        assert "still waits" in waits


def test_a_day_that_is_not_known_yet_is_told_as_such() -> None:
    assert "90 days after the campaign closes" in write("confirm", names_end_on=None).text


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_that_somebody_typed_stands_in_a_letter(kind: str) -> None:
    """A stranger's mailbox would get it under our name."""
    make, _values = KINDS[kind]
    assert not {"name", "signer", "county"} & set(inspect.signature(make).parameters)
    assert kind == "update" or write(kind).text.startswith("Hello,\n")


def test_how_long_it_is_kept_is_said_as_the_rule_has_it() -> None:
    for days in (7, 30):
        kept = {"unconfirmed_kept": datetime.timedelta(days=days)}
        for kind in ("confirm", "remind", "again", "third"):
            assert f"after {days} days" in write(kind, **kept).text


@pytest.mark.parametrize("kind", KINDS)
def test_a_title_is_only_words(kind: str) -> None:
    title = "<img src=x> & 50 % of {{ all }} </p>"
    values = {"campaign_title": title} | ({"title": title} if kind == "update" else {})
    letter = write(kind, **values)
    assert letter.text.count(title) == len(values)
    reader = Reader(letter.html)
    assert "".join(reader.seen).count(title) == len(values)
    assert "img" not in {tag for tag, _attributes in reader.tags}


@pytest.mark.parametrize("kind", KINDS)
def test_reading_a_letter_tells_nobody(kind: str) -> None:
    """No picture, style or script, and no address that is not written out."""
    reader = Reader(write(kind).html)
    for tag, attributes in reader.tags:
        assert tag not in ("img", "style", "script", "link", "iframe", "object")
        assert not set(attributes) - {"href", "dir", "rel"}, tag
    assert "<head>" in write(kind).html
    assert not re.search(r"<(link|style|script|img)", write(kind).html)


def test_news_brings_no_picture_and_no_markup_of_its_own() -> None:
    text = "Hi ![x](https://spy.example/1.png) <img src=//spy.example> [go](javascript:alert(1))"
    letter = write("update", words=text)
    assert not any(tag == "img" for tag, _attributes in Reader(letter.html).tags)
    assert "spy.example/1.png" not in letter.text + letter.html
    assert not any("javascript" in str(each) for each in Reader(letter.html).tags)
    reader = Reader(write("update").html)
    assert {"strong", "li"} <= {tag for tag, _attributes in reader.tags}
    assert "https://vote.example/1" in write("update").text


def test_news_can_be_left_from_the_letter_itself() -> None:
    letter = write("update")
    assert letter.headers == {"List-Unsubscribe": f"<{LINK}>"}
    assert LINK in letter.text


def test_an_answer_is_asked_for_only_where_somebody_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MAIL_FROM", raising=False)
    assert "Answer this e-mail" not in write("confirm").text
    monkeypatch.setenv("MAIL_FROM", "hello@confianza.example")
    assert "Answer this e-mail" in write("confirm").text


async def test_a_letter_survives_the_post(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from backend import settings
    from backend.web import mail, outbox

    monkeypatch.setattr(settings, "VAR", tmp_path)
    monkeypatch.delenv("SMTP_URL", raising=False)
    await mail.send(write("confirm", "es", campaign_title="Ñandú علی " + "n" * 180))
    [lying], _number = outbox.lying()
    found = outbox.open_letter(lying.name)
    assert found is not None
    assert found.text == write("confirm", "es", campaign_title="Ñandú علی " + "n" * 180).text
