"""Before and after, side by side: what of an entry differs, and which words."""

import difflib
import re
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from backend.policies import wording
from backend.policies.entries import ORDER, Entry
from backend.policies.questions import Question
from backend.web.language import LANGUAGES, current, later, number_in_words
from backend.web.language import gettext as _

# Texts longer than this are shown whole: comparing them word by word takes too long.
LONGEST = 6000
LOOKED_AT = ("checked_on", "review_by")

LABELS = {
    "about": later("How exact"),
    "answer": later("What it answers where no rule does"),
    "checked_on": later("Read on"),
    "citation": later("Citation, as lawyers write it"),
    "definition": later("What just is counted"),
    "disputes": later("Rule it contradicts"),
    "from": later("In force from"),
    "from_means": later("That day means"),
    "high": later("The highest"),
    "instrument": later("What kind of paper"),
    "issuer": later("Who made it"),
    "kind": later("Kind"),
    "law": later("Law in the timeline"),
    "low": later("Number, or the lowest"),
    "measure": later("What is counted"),
    "note": later("What is not sure about it"),
    "on": later("When it happened"),
    "points": later("Points"),
    "read": later("How it was read"),
    "review_by": later("Look again by"),
    "reviewed": later("Spanish read by"),
    "said_by": later("Who says so"),
    "short": later("Short name"),
    "sources": later("Sources"),
    "status": later("Status"),
    "summary": later("In plain words"),
    "superseded_by": later("Rule that ended it"),
    "title": later("Title"),
    "topic": later("About"),
    "until": later("Last day in force"),
    "until_means": later("What that last day means"),
    "year": later("Year whose numbers it told"),
}
LABELS_OF = {
    ("practice", "from"): later("Since"),
    ("practice", "until"): later("Until"),
    ("figure", "from"): later("Period from"),
    ("figure", "until"): later("Period until"),
}
DAYS = ("from", "until", "on", "checked_on", "review_by")
WORDS: dict[str, dict[str, str]] = {
    "issuer": wording.ISSUERS,
    "measure": wording.MEASURES,
    "kind": wording.KINDS,
    "status": wording.STATUSES,
    "practice topic": {
        **{str(asked): words for asked, words in wording.SHORT_QUESTIONS.items()},
        **wording.TOPICS,
    },
    "law topic": wording.LAW_TOPICS,
    "from_means": wording.FROM_MEANS,
    "until_means": wording.UNTIL_MEANS,
    "read": wording.HOW_READ,
    "answer": wording.SHORT_ANSWERS,
    "about": wording.HOW_EXACT,
}


@dataclass(frozen=True)
class Difference:
    """One line of an entry, `label` its key (with the language where it has one). Both sides have
    the words that differ marked; an empty side says nothing there."""

    kind: str
    label: str
    before: Markup
    after: Markup
    differs: bool

    @property
    def name(self) -> str:
        """What a reader knows the line by."""
        key, _colon, part = self.label.partition(": ")
        if key == "answers":
            return wording.short_question(part)
        name, _space, number = key.partition(" ")
        words = _(LABELS_OF.get((self.kind, name)) or LABELS[name])
        return f"{words} {number}".strip()

    @property
    def language(self) -> str:
        """The language of the line in itself, where it has one: English, Español."""
        code = self.label.rpartition(": ")[2]
        return LANGUAGES[code].name if code in LANGUAGES else ""


def differences(kind: str, before: Entry | None, after: Entry | None) -> list[Difference]:
    """Every line of either side, in the files' order."""
    old, new = _lines(kind, before or {}), _lines(kind, after or {})
    return [
        _difference(kind, label, old.get(label, ""), new.get(label, ""))
        for label in dict.fromkeys((*old, *new))
    ]


def changed(kind: str, before: Entry | None, after: Entry | None) -> list[Difference]:
    return [each for each in differences(kind, before, after) if each.differs]


def said_differently(kind: str, before: Entry | None, after: Entry | None) -> list[Difference]:
    """What a reader of the current language sees of a change: its words, answers and days, without
    the other languages and the days of looking at it."""
    code = current.get().code
    return [
        each
        for each in differences(kind, _for_readers(before), _for_readers(after))
        if each.differs
        and each.label not in LOOKED_AT
        and not each.label.startswith("reviewed")
        and each.label.rpartition(": ")[2] not in set(LANGUAGES) - {code}
    ]


def _for_readers(entry: Entry | None) -> Entry | None:
    """With the sources' names for their addresses: the page of the fact links to them."""
    if entry is None:
        return None
    return {**entry, "sources": [{**each, "url": each["publisher"]} for each in entry["sources"]]}


def _difference(kind: str, label: str, before: str, after: str) -> Difference:
    return Difference(kind, label, *side_by_side(before, after), differs=before != after)


def side_by_side(before: str, after: str) -> tuple[Markup, Markup]:
    """Both texts, with the words that differ marked."""
    if before == after:
        return escape(before), escape(after)
    if not before or not after or len(before) + len(after) > LONGEST:
        return _mark("del", before), _mark("ins", after)
    old, new = (re.findall(r"\s+|[^\s]+", text) for text in (before, after))
    left, right = Markup(), Markup()
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        one, two = "".join(old[a:b]), "".join(new[c:d])
        left += escape(one) if what == "equal" else _mark("del", one)
        right += escape(two) if what == "equal" else _mark("ins", two)
    return left, right


def _mark(tag: str, text: str) -> Markup:
    # The tag is ours; what people wrote is escaped.
    return Markup(f"<{tag}>{{}}</{tag}>").format(text) if text else Markup()  # noqa: S704


def _lines(kind: str, entry: Entry) -> dict[str, str]:
    lines: dict[str, str] = {}
    for key in ORDER[kind]:
        value: Any = entry.get(key)
        if value is None:
            continue
        if key == "sources":
            lines[key] = " · ".join(f"{each['title']} ({each['url']})" for each in value)
        elif key == "answers":
            lines |= {
                f"{key}: {asked}": wording.answer(Question(asked), given)
                for asked, given in value.items()
            }
        elif key == "reviewed":
            lines[key] = f"{value['by']}, {wording.day(value['on'])}"
        elif isinstance(value, dict):
            lines |= {f"{key}: {part}": str(words) for part, words in value.items()}
        elif isinstance(value, list):
            for number, each in enumerate(value, 1):
                lines |= {f"{key} {number}: {part}": words for part, words in each.items()}
        else:
            lines[key] = _said(kind, key, value)
    return lines


def _said(kind: str, key: str, value: Any) -> str:
    """A value as readers know it, in the current language."""
    if key in DAYS:
        return wording.day(value)
    if key in ("low", "high"):
        return number_in_words(value)
    words = {**WORDS.get(key, {}), **WORDS.get(f"{kind} {key}", {})}
    return _(words[value]) if value in words else str(value)
