"""Email layout: a letter from its lines; the plain text and the HTML say the same because they are
made of the same. The HTML has no styles, pictures or scripts: it looks as the reader's mail program
likes it, also in the dark and in large type, and asks no server for anything."""

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from backend import settings
from backend.web import language
from backend.web.language import ENGLISH, LANGUAGES, Language
from backend.web.mail import Letter
from backend.web.pages import render

# They keep the writing direction of a name to the name.
ISOLATE, END = "\u2068", "\u2069"
RIGHT_TO_LEFT = ("R", "AL", "AN")


@dataclass(frozen=True)
class Say:
    """A paragraph. `values` are put into its `%(…)s`; people wrote them, so they are escaped and
    keep their own direction."""

    words: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.words % {name: _isolated(value) for name, value in self.values.items()}

    @property
    def html(self) -> Markup:
        values = {name: Markup("<bdi>%s</bdi>") % value for name, value in self.values.items()}
        return Markup("<p>%s</p>") % (escape(self.words) % values)


@dataclass(frozen=True)
class Title:
    """What this part of the letter is about, in a few words."""

    words: str

    @property
    def text(self) -> str:
        return f"{_isolated(self.words)}\n{'-' * min(len(self.words), 60)}"

    @property
    def html(self) -> Markup:
        return Markup('<h2 dir="auto">%s</h2>') % self.words


@dataclass(frozen=True)
class Code:
    """Digits to be typed somewhere, large, on a line of their own."""

    digits: str

    @property
    def text(self) -> str:
        return f"    {self.digits}"

    @property
    def html(self) -> Markup:
        return Markup('<h1 dir="ltr">%s</h1>') % self.digits


@dataclass(frozen=True)
class Link:
    """An address to open. It is written out, so that everyone sees where it leads."""

    words: str
    address: str

    @property
    def text(self) -> str:
        return f"{self.words}:\n{self.address}"

    @property
    def html(self) -> Markup:
        words, address = self.words, self.address
        return Markup('<p>%s:<br><a href="%s" dir="ltr">%s</a></p>') % (words, address, address)


@dataclass(frozen=True)
class Words:
    """Words that have both forms already: `html` must be clean."""

    text: str
    html: Markup


Line = Say | Title | Code | Link | Words


def compose(
    to: str, subject: str, lines: list[Line], headers: Mapping[str, str] | None = None
) -> Letter:
    """A letter in the current language."""
    reader = language.current.get()
    html = render("layouts/letter.html", language=reader, subject=subject, lines=lines)
    text = "\n\n".join(line.text for line in lines) + "\n"
    return Letter(to, subject, text, html, reader.code, headers or {})


@contextmanager
def written_in(code: str) -> Iterator[Language]:
    """What is written in here is in that language, or in English when we do not know it."""
    reader = LANGUAGES.get(code, ENGLISH)
    token = language.current.set(reader)
    try:
        yield reader
    finally:
        language.current.reset(token)


def our_page(path: str) -> str:
    """The whole address of a page of ours."""
    return settings.read().site_url + path


def _isolated(value: str) -> str:
    turns = any(unicodedata.bidirectional(sign) in RIGHT_TO_LEFT for sign in value)
    return f"{ISOLATE}{value}{END}" if turns else value
