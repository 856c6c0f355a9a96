"""A fact as the files write it, but with its sources written out: what people edit at the desk,
and what a change keeps of before and after."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from backend.policies import files
from backend.policies.files import RecordFile
from backend.policies.tables import Fact, Figure, Law, Practice, Rule

Entry = dict[str, Any]
Source = dict[str, Any]

TABLES: Final[dict[str, type[Fact]]] = {
    "law": Law,
    "rule": Rule,
    "practice": Practice,
    "figure": Figure,
}
GROUPS: Final = {"law": "laws", "rule": "rules", "practice": "practice", "figure": "figures"}

# The keys of an entry in the order the files have them; its name comes before.
_LAST = ("note", "reviewed", "sources", "checked_on", "read", "review_by")
ORDER: Final[dict[str, tuple[str, ...]]] = {
    "law": ("kind", "status", "title", "short", "citation", "topic", "on", "from", "until",
            "summary", "points", *_LAST),
    "rule": ("answers", "issuer", "instrument", "citation", "law", "from", "from_means", "until",
             "until_means", "superseded_by", "summary", *_LAST),
    "practice": ("topic", "said_by", "from", "until", "year", "answer", "disputes", "summary",
                 *_LAST),
    "figure": ("measure", "from", "until", "low", "high", "about", "definition", *_LAST),
}  # fmt: skip
SOURCE_ORDER: Final = ("title", "publisher", "url", "published_on", "read_on", "grade")

# What is the same as leaving the key out.
_DEFAULTS: Final = {"from_means": "on", "until_means": "on", "about": "no", "read": "copy"}
# The days of looking at a fact are not what it says.
_LOOKED_AT: Final = ("checked_on", "read", "review_by", "reviewed")


@dataclass(frozen=True, order=True)
class FactName:
    """Where a fact stands: its file (a county's slug, or state), its kind, its id in the file."""

    file: str
    kind: str
    entry_id: str

    @property
    def key(self) -> str:
        """The beginning of its rows' keys; a rule has one row for each answer."""
        return f"{self.file}/{self.entry_id}"

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


def named(kind: str, row_key: str) -> FactName:
    """The fact that a row belongs to."""
    file, entry_id = row_key.split("/")[:2]
    return FactName(file, kind, entry_id)


async def present(of_files: Collection[str] | None = None) -> dict[FactName, Entry]:
    """Every fact that stands in the record, or those of some files, in the files' order."""
    found: dict[FactName, Entry] = {}
    for kind, table in TABLES.items():
        columns: list[Any] = list(table.all_columns())
        if table is Rule:
            columns.append(Rule.law.slug)
        rows = await table.select(*columns).where(table.retired_at.is_null()).order_by(table.id)
        for row in rows:
            name = named(kind, row["key"])
            if of_files is not None and name.file not in of_files:
                continue
            if name not in found:
                found[name] = _of_row(name, row)
            elif row["question"]:
                found[name]["answers"][row["question"]] = row["answer"]
    return found


def written(kind: str, fact: files.FactEntry, file: RecordFile) -> Entry:
    """An entry of a file, its sources written out."""
    entry: Entry = msgspec.to_builtins(fact, enc_hook=lambda day: day.written)
    entry["sources"] = [
        _plain_source(msgspec.to_builtins(file.sources[name], enc_hook=lambda day: day.written))
        for name in fact.sources
    ]
    if fact.reviewed and fact.reviewed.of != files.fingerprint(fact):
        del entry["reviewed"]
    return canonical(kind, entry)


def all_of(record: Mapping[str, RecordFile]) -> dict[FactName, Entry]:
    """Every entry of the files by its name."""
    return {
        FactName(name, kind, getattr(fact, "slug", None) or fact.id): written(kind, fact, file)
        for name, file in record.items()
        for kind, group in GROUPS.items()
        for fact in getattr(file, group)
    }


def as_file(file: str, entries: Iterable[tuple[FactName, Entry]]) -> RecordFile:
    """A file that holds just these entries. Raises msgspec.ValidationError."""
    sources: dict[str, Source] = {}
    plain: dict[str, Any] = {"county": file, "sources": sources}
    plain |= {group: [] for group in GROUPS.values()}
    for name, entry in entries:
        cited = []
        for source in entry["sources"]:
            known_as = next((key for key, other in sources.items() if other == source), None)
            known_as = known_as or f"source-{len(sources) + 1}"
            sources[known_as] = source
            cited.append(known_as)
        own_name = {"slug" if name.kind == "law" else "id": name.entry_id}
        plain[GROUPS[name.kind]].append({**own_name, **entry, "sources": cited})
    return files.convert(plain, RecordFile)


def fact_of(name: FactName, entry: Entry) -> files.FactEntry:
    """The entry as the files' reader sees it. Raises msgspec.ValidationError."""
    found: files.FactEntry = getattr(as_file(name.file, [(name, entry)]), GROUPS[name.kind])[0]
    return found


def canonical(kind: str, entry: Entry) -> Entry:
    """The same entry with its keys in order and nothing that may be left out."""
    entry = {key: entry[key] for key in ORDER[kind] if entry.get(key) not in (None, "", [])}
    for key, default in _DEFAULTS.items():
        if entry.get(key) == default:
            del entry[key]
    if kind == "figure":
        for key, same in (("until", "from"), ("high", "low")):
            if entry.get(key) == entry.get(same):
                entry.pop(key, None)
    return entry


def says_the_same(one: Entry | None, other: Entry | None) -> bool:
    """Whether a reader sees no difference: only the days of looking at it may differ."""
    return _without_looks(one) == _without_looks(other)


def _without_looks(entry: Entry | None) -> Entry | None:
    return entry and {key: value for key, value in entry.items() if key not in _LOOKED_AT}


def _plain_source(source: Source) -> Source:
    return {key: source[key] for key in SOURCE_ORDER if source.get(key)}


def _of_row(name: FactName, row: dict[str, Any]) -> Entry:
    entry = _OF_ROW[name.kind](row) | {
        "note": row["note"],
        "sources": [_plain_source(source) for source in row["sources"]],
        "checked_on": row["checked_on"].isoformat(),
        "read": row["read"],
        "review_by": row["review_by"].isoformat(),
    }
    entry = canonical(name.kind, entry)
    if row["reviewed"]:
        of = files.fingerprint(fact_of(name, entry))
        entry["reviewed"] = {"language": "es", **row["reviewed"]["es"], "of": of}
    return canonical(name.kind, entry)


def _of_law(row: dict[str, Any]) -> Entry:
    same = ("kind", "status", "title", "short", "citation", "topic", "summary", "points")
    days = {"on": row["on_text"], "from": row["from_text"], "until": row["until_text"]}
    return {key: row[key] for key in same} | days


def _of_rule(row: dict[str, Any]) -> Entry:
    same = ("issuer", "instrument", "citation", "from_means", "until_means", "summary")
    successor = row["superseded_by"]
    return {key: row[key] for key in same} | {
        "answers": {row["question"]: row["answer"]} if row["question"] else {},
        "law": row["law.slug"],
        "from": row["from_text"],
        # The day before its successor began is worked out anew.
        "until": None if successor else row["until_text"],
        "superseded_by": successor and successor.split("/")[1],
    }


def _as_in_its_file(key: str, disputes: str | None) -> str | None:
    if not disputes:
        return None
    file, id, _question = disputes.split("/")
    return id if file == key.split("/")[0] else f"{file}/{id}"


def _of_practice(row: dict[str, Any]) -> Entry:
    same = ("topic", "said_by", "summary", "answer", "year")
    return {key: row[key] for key in same} | {
        "from": row["from_text"],
        "until": row["until_text"],
        "disputes": _as_in_its_file(row["key"], row["disputes"]),
    }


def _of_figure(row: dict[str, Any]) -> Entry:
    same = ("measure", "low", "high", "definition")
    return {key: row[key] for key in same} | {
        "from": row["from_text"],
        "until": row["until_text"],
        "about": "yes" if row["about"] else "no",
    }


_OF_ROW = {"law": _of_law, "rule": _of_rule, "practice": _of_practice, "figure": _of_figure}
