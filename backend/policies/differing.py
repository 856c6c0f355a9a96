"""Before and after, side by side: what of an entry differs, and which words."""

import difflib
import re
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from backend.policies.entries import ORDER, Entry
from backend.web.language import LANGUAGES, current

# Texts longer than this are shown whole: comparing them word by word takes too long.
LONGEST = 6000
LOOKED_AT = ("checked_on", "review_by")


@dataclass(frozen=True)
class Difference:
    """One line of an entry, `label` its key (with the language where it has one). Both sides have
    the words that differ marked; an empty side says nothing there."""

    label: str
    before: Markup
    after: Markup
    differs: bool


def differences(kind: str, before: Entry | None, after: Entry | None) -> list[Difference]:
    """Every line of either side, in the files' order."""
    old, new = _lines(kind, before or {}), _lines(kind, after or {})
    return [
        _difference(label, old.get(label, ""), new.get(label, ""))
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
        for each in changed(kind, before, after)
        if each.label not in LOOKED_AT
        and not each.label.startswith("reviewed")
        and each.label.rpartition(": ")[2] not in set(LANGUAGES) - {code}
    ]


def _difference(label: str, before: str, after: str) -> Difference:
    if before == after:
        return Difference(label, escape(before), escape(after), differs=False)
    if not before or not after or len(before) + len(after) > LONGEST:
        return Difference(label, _mark("del", before), _mark("ins", after), differs=True)
    old, new = (re.findall(r"\s+|[^\s]+", text) for text in (before, after))
    left, right = Markup(), Markup()
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        one, two = "".join(old[a:b]), "".join(new[c:d])
        left += escape(one) if what == "equal" else _mark("del", one)
        right += escape(two) if what == "equal" else _mark("ins", two)
    return Difference(label, left, right, differs=True)


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
        elif isinstance(value, dict):
            lines |= {f"{key}: {part}": str(words) for part, words in value.items()}
        elif isinstance(value, list):
            for number, each in enumerate(value, 1):
                lines |= {f"{key} {number}: {part}": words for part, words in each.items()}
        else:
            lines[key] = str(value)
    return lines
