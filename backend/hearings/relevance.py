"""Keyword filter: words decide what of a county's agendas is relevant, and are shown beside what
they found."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import nh3

from backend.web.language import gettext as _
from backend.web.language import later

# Seen in titles of real items (policy_facts.md, section 5); the numbers of bills with and without
# their hyphen are one word here.
WORDS = (
    "TRUTH Act",
    "Transparent Review of Unjust Transfers and Holds",
    "ICE Access",
    "7283.1",
    "Immigration and Customs Enforcement",
    "SB-54",
    "Values Act",
    "immigration enforcement",
    "County-controlled property",
)
TITLE, ITEM, ATTACHMENT = "title", "item", "attachment"
PLACES = {
    TITLE: later("in the title"),
    ITEM: later("in an agenda item"),
    ATTACHMENT: later("in the name of an attachment"),
    "file": later("in a file that we were given"),
}
AROUND = 60
# Tags within tags take ever longer: this many letters are milliseconds, millions are minutes.
MOST_RAW = 20_000
MOST_WORDS, LONGEST_WORD = 60, 80

BREAKS = re.compile(r"<\s*/?\s*(?:br|p|div|li|td|tr|h[1-6])\b[^>]{0,500}>", re.IGNORECASE)
GAP = r"[\W_]{1,4}"
# "SB-54", "SB 54", "SB54"; but "ICE" and "Access" are two words.
NARROW = r"[\W_]{0,4}"


@dataclass(frozen=True)
class Match:
    """`text` is the word as it stands there, with what is around it."""

    word: str
    found_in: str
    text: str

    @property
    def where(self) -> str:
        return _(PLACES.get(self.found_in, ""))


def find(texts: Iterable[tuple[str, str]], words: Iterable[str]) -> list[Match]:
    """Whole words, however they are written: case, hyphens and line ends say nothing. `texts` are
    (where it stands, plain text); each word is told once for each of those places."""
    patterns = _patterns(tuple(words))
    found: dict[tuple[str, str], Match] = {}
    for place, text in texts:
        for word, pattern in patterns:
            if (word, place) in found:
                continue
            if met := pattern.search(text):
                found[word, place] = Match(word, place, _around(text, met.start(), met.end()))
    return list(found.values())


def clean(text: str | None, most: int = 0) -> str:
    """Plain text in one line: no tags, no entities, nothing that PostgreSQL refuses. No longer
    than `most`, if it is given."""
    if not text:
        return ""
    text = text[:MOST_RAW]
    if "<" in text:
        text = nh3.clean(BREAKS.sub(" ", text), tags=set())
    plain = html.unescape(text)
    plain = "".join(
        letter if letter in "\t\n\r" or unicodedata.category(letter)[0] != "C" else ""
        for letter in plain
    )
    return cut(" ".join(plain.split()), most)


def cut(text: str, most: int) -> str:
    """At a word's end, if it is too long."""
    if not most or len(text) <= most:
        return text
    short = text[: most - 1]
    return (short.rpartition(" ")[0] or short) + "…"


def words_of(text: str) -> list[str]:
    """What an editor typed, a word or phrase a line, once each."""
    lines = (clean(line, LONGEST_WORD) for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if re.search(r"\w", line)))


@lru_cache(maxsize=64)
def _patterns(words: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((word, _pattern(word)) for word in words if re.search(r"\w", word))


def _pattern(word: str) -> re.Pattern[str]:
    parts = re.findall(r"[^\W\d_]+|\d+", word)
    written = _written(parts[0])
    for before, part in pairwise(parts):
        together = before.isdecimal() != part.isdecimal()
        written += (NARROW if together else GAP) + _written(part)
    return re.compile(rf"(?<![^\W_]){written}(?![^\W_])", re.IGNORECASE)


def _written(part: str) -> str:
    if part.isupper() and len(part) <= 3:
        return r"\.?".join(part) + r"\.?"  # S.B., I.C.E.
    return re.escape(part)


def _around(text: str, start: int, end: int) -> str:
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    before = "…" if first else ""
    after = "…" if last < len(text) else ""
    return before + text[first:last].strip() + after
