"""Data loading: `python -m backend load` makes rows of the files; whatever did not change is left
alone."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from babel.messages.pofile import read_po

from backend.counties import gazetteer
from backend.counties.tables import County
from backend.database import DB, announce_change, one_at_a_time
from backend.policies import entries, files, wording
from backend.policies.days import Day
from backend.policies.entries import Entry, FactName
from backend.policies.questions import ANSWERS, BOARD_TOPICS, Question
from backend.policies.tables import Change, ChangedFact, Conflict, Law
from backend.web import language

Row = dict[str, Any]


# What a load finds of a fact: the files and the record say the same; only the files changed; only
# the desk did, and nobody wrote it into the files yet; or both, each in its own way.
SAME, FILES, DESK, CONFLICT = "same", "files", "desk", "conflict"

# A rule on one of these has somebody who made it.
_RULED = {str(asked) for asked in (Question.HOLD, Question.NOTIFICATION, Question.TRANSFER)}


@dataclass
class Step:
    """One fact as the files want it and as it stands: its rows by key. It is taken as a whole: a
    rule's rows never say partly what the files and partly what the desk says."""

    name: FactName
    wanted: dict[str, Row] = field(default_factory=dict)
    standing: dict[str, Row] = field(default_factory=dict)

    @property
    def found(self) -> str:
        wanted = {key: row["content_hash"] for key, row in self.wanted.items()}
        if self.live == wanted:
            return SAME
        if not self.marked:
            return FILES
        base = {key: row["desk_base"] for key, row in self.standing.items() if row["desk_base"]}
        return DESK if base == wanted else CONFLICT

    @property
    def live(self) -> dict[str, str]:
        rows = self.standing.items()
        return {key: row["content_hash"] for key, row in rows if row["retired_at"] is None}

    @property
    def marked(self) -> bool:
        """Whether the desk changed it since the files and the record last said the same."""
        return any(row["desk_base"] is not None for row in self.standing.values())

    @property
    def different(self) -> list[str]:
        """The keys of the rows that are not as the files want them."""
        live = self.live
        return sorted(
            key
            for key in {*self.wanted, *live}
            if live.get(key) != (self.wanted[key]["content_hash"] if key in self.wanted else None)
        )


@dataclass
class Report:
    """Keys of what a load added, changed, retired and brought back, and how many stayed as they
    were. `stale_reviews` are translations reviewed for an English text that has changed since.
    `kept` was changed at the desk and is not in the files yet; `conflicts` were changed at the
    desk and in the files, each in its own way: the desk's version stands until someone decides.
    `own_before` and `own_after` count the counties that have a fact of their own, by question."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    unchanged: int = 0
    stale_reviews: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    own_before: Counter[str] = field(default_factory=Counter)
    own_after: Counter[str] = field(default_factory=Counter)

    @property
    def changed_something(self) -> bool:
        return bool(self.added or self.changed or self.retired)

    def __str__(self) -> str:
        lines = [
            f"{len(self.added)} added, {len(self.changed)} changed, "
            f"{len(self.retired)} retired, {self.unchanged} unchanged."
        ]
        for what in ("added", "changed", "retired"):
            lines += [f"  {what}: {key}" for key in getattr(self, what)]
        lines.append("Counties with a fact of their own, before and after this load, of 58:")
        lines += [
            f"  {asked:14} {self.own_before[asked]:2} {self.own_after[asked]:2}"
            for asked in (*ANSWERS, "figures", "forum", "board", "anything")
        ]
        lines += [
            f"  translation to review again: {key} (the English changed)"
            for key in self.stale_reviews
        ]
        return "\n".join(lines + self.warnings())

    def warnings(self) -> list[str]:
        """Where the files do not say what the desk says, a line each."""
        return [
            *(
                f"  CONFLICT, changed at the desk and in the files: {key} (decide at /desk/record)"
                for key in self.conflicts
            ),
            *(
                f"  kept as the desk has it, not in the files: {key} (run: python -m backend "
                "export)"
                for key in self.kept
            ),
        ]


def check(folder: Path = files.FOLDER) -> dict[str, files.RecordFile]:
    """Read the files and find every mistake, also a headline that a language lacks. Raises
    files.RecordError; touches no database."""
    record = files.read(folder, frozenset(county.slug for county in gazetteer.counties()))
    if unsaid := [*_unsaid_headlines()]:
        raise files.RecordError(unsaid)
    return record


def _unsaid_headlines(translations: Path = language.TRANSLATIONS) -> Iterable[str]:
    """What a page says first is never in the wrong language."""
    for code in language.LANGUAGES.keys() - {"en", language.PSEUDO.code}:
        path = translations / f"{code}.po"
        with path.open("rb") as file:
            said = read_po(file, locale=code)
        for pattern, words in wording.HEADLINES.items():
            message = said.get(words)
            if message is None or not message.string or message.fuzzy:
                line = message.lineno if message and message.lineno else 1
                yield f"{path.name}:{line}: the headline {pattern!s} has no words in {code}"


async def load(folder: Path = files.FOLDER) -> Report:
    """Make the database say what the files say, all or nothing, and tell what that changed.

    Ids stay: a fact is known by its key, and one that left the files is retired, not deleted. What
    the desk changed is never overwritten: see Report.kept and Report.conflicts.
    Web processes hear of it and read the record anew. Raises files.RecordError.
    """
    record = check(folder)
    report = Report()
    async with DB.transaction():
        await lock()
        counties = await _load_counties()
        before = await entries.present() if await Law.exists() else None
        report.own_before = _own(before or {})
        steps = []
        for kind in entries.TABLES:
            # Laws come first: rules name them.
            rows = _rows_of_kind(kind, record, counties, await law_ids())
            steps += await _compare(kind, rows)
            await _load_kind(kind, steps, report)
        await _note_conflicts(record, [step.name for step in steps if step.found == CONFLICT])
        after = await entries.present()
        report.own_after = _own(after)
        if report.changed_something:
            if before is not None:
                await _note_change(before, after)
            await announce_change()
    report.stale_reviews = list(_stale_reviews(record))
    return report


def _own(facts: dict[FactName, Entry]) -> Counter[str]:
    """How many counties have a fact of their own on each question, and on what else is counted."""
    counties: dict[str, set[str]] = {}
    for name, entry in facts.items():
        if name.file == "state":
            continue
        about = {str(asked) for asked in entry.get("answers", {})} | {entry.get("topic", "figures")}
        if name.kind == "rule":
            about -= {"figures"}
            about |= {str(Question.RULE_MAKER)} if about & _RULED else set()
        if about & {*BOARD_TOPICS}:
            about.add("board")
        for each in (*about, "anything"):
            counties.setdefault(each, set()).add(name.file)
    return Counter({about: len(found) for about, found in counties.items()})


def fingerprints(record: dict[str, files.RecordFile]) -> Iterable[tuple[str, str]]:
    """Key and fingerprint of every fact, for the person who reviews a translation."""
    for name, file in record.items():
        for group in ("laws", "rules", "practice", "figures"):
            for fact in getattr(file, group):
                yield f"{name}/{getattr(fact, 'slug', None) or fact.id}", files.fingerprint(fact)


async def _load_counties() -> dict[str, int]:
    for county in gazetteer.counties():
        await County.insert(
            County(slug=county.slug, name=county.name, fips=county.fips, ocd_id=county.ocd_id)
        ).on_conflict(
            target=County.fips,
            action="DO UPDATE",
            values=[County.slug, County.name, County.ocd_id],
        )
    return {row["slug"]: row["id"] for row in await County.select(County.slug, County.id)}


async def compare(record: dict[str, files.RecordFile]) -> list[Step]:
    """Every fact as the files and as the record have it; changes nothing."""
    counties = {row["slug"]: row["id"] for row in await County.select(County.slug, County.id)}
    laws = await law_ids()
    found = []
    for kind in entries.TABLES:
        found += await _compare(kind, _rows_of_kind(kind, record, counties, laws))
    return found


async def lock() -> None:
    """One at a time changes the record or compares it with the files, until its transaction ends:
    two loads at once would both add the same fact."""
    await one_at_a_time("record")


async def law_ids() -> dict[str, int]:
    return {law["slug"]: law["id"] for law in await Law.select(Law.slug, Law.id)}


def rows_of(
    name: FactName,
    entry: Entry,
    counties: dict[str, int],
    laws: dict[str, int],
    successor: tuple[FactName, Entry] | None = None,
) -> list[Row]:
    """The rows of one entry, as a load would make them. `successor` is what ended it, which says
    its last day. Raises msgspec.ValidationError."""
    beside = [successor] if successor else []
    file = entries.as_file(name.file, [(name, entry), *beside])
    if name.kind == "rule" and entry.get("law", "") not in {"", *laws}:
        raise KeyError(entry["law"])
    rows = _rows_of_kind(name.kind, {name.file: file}, counties, laws)
    return [row for row in rows if entries.named(name.kind, row["key"]) == name]


def _rows_of_kind(
    kind: str, record: dict[str, files.RecordFile], counties: dict[str, int], laws: dict[str, int]
) -> list[Row]:
    if kind == "law":
        rows = _laws(record["state"]) if "state" in record else []
    elif kind == "rule":
        rows = _rules(record, counties, laws)
    else:
        rows = (_practice if kind == "practice" else _figures)(record, counties)
    for row in rows:
        row["content_hash"] = _hash(row)
    return rows


async def _compare(kind: str, rows: list[Row]) -> list[Step]:
    table: Any = entries.TABLES[kind]
    steps: dict[FactName, Step] = {}
    for row in rows:
        name = entries.named(kind, row["key"])
        steps.setdefault(name, Step(name)).wanted[row["key"]] = row
    for row in await table.select(
        table.id, table.key, table.content_hash, table.retired_at, table.desk_base
    ):
        name = entries.named(kind, row["key"])
        steps.setdefault(name, Step(name)).standing[row["key"]] = row
    return list(steps.values())


async def _load_kind(kind: str, steps: list[Step], report: Report) -> None:
    table: Any = entries.TABLES[kind]
    for step in steps:
        if step.name.kind != kind:
            continue
        found = step.found
        if found == FILES:
            await _take_the_files(table, step, report)
            continue
        report.unchanged += len(step.wanted) if found == SAME else 0
        report.kept += step.different if found == DESK else []
        report.conflicts += step.different if found == CONFLICT else []
        if found == SAME and step.marked:
            mine = table.id.is_in([row["id"] for row in step.standing.values()])
            await table.update({table.desk_base: None}).where(mine)


async def _take_the_files(table: Any, step: Step, report: Report) -> None:
    now = datetime.now(UTC)
    for key, row in step.wanted.items():
        before = step.standing.get(key)
        if before is None:
            await table.insert(table(**row, loaded_at=now))
            report.added.append(key)
        elif before["content_hash"] != row["content_hash"] or before["retired_at"]:
            await table.update({**row, "loaded_at": now, "retired_at": None}).where(
                table.id == before["id"]
            )
            report.changed.append(key)
        else:
            report.unchanged += 1
    for key in step.live.keys() - step.wanted.keys():
        await table.update({table.retired_at: now}).where(table.key == key)
        report.retired.append(key)


async def _note_conflicts(record: dict[str, files.RecordFile], found: list[FactName]) -> None:
    """Keep for the desk what the files say where both changed something."""
    await Conflict.delete(force=True)
    in_files = entries.all_of(record) if found else {}
    for name in sorted(found):
        await Conflict(
            key=str(name),
            file=name.file,
            kind=name.kind,
            entry_id=name.entry_id,
            in_files=in_files.get(name),
        ).save()


async def _note_change(before: dict[FactName, Entry], after: dict[FactName, Entry]) -> None:
    """What a load changed is a change like any other, in the history and for everyone to read."""
    different = [
        (name, before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    if not different:
        return
    change = Change(
        state="approved",
        action="load",
        origin="files",
        decided_at=datetime.now(UTC),
        public=any(not entries.says_the_same(old, new) for _name, old, new in different),
    )
    await change.save()
    await ChangedFact.insert(
        *(
            ChangedFact(
                change=change.id,
                file=name.file,
                kind=name.kind,
                entry_id=name.entry_id,
                before=old,
                after=new,
            )
            for name, old, new in different
        )
    )


def _laws(state: files.RecordFile) -> list[Row]:
    return [
        {
            **_fact(f"state/{law.slug}", law, state),
            "slug": law.slug,
            "kind": law.kind,
            "status": law.status,
            "topic": law.topic,
            "title": _words(law.title),
            "short": law.short,
            "citation": law.citation,
            "happened_on": law.on.first,
            "on_text": law.on.written,
            "from_text": law.from_.written if law.from_ else None,
            "until_text": law.until.written if law.until else None,
            "summary": _words(law.summary),
            "points": json.dumps([msgspec.to_builtins(point) for point in law.points]),
        }
        for law in state.laws
    ]


def _rules(
    record: dict[str, files.RecordFile], counties: dict[str, int], laws: dict[str, int]
) -> list[Row]:
    return [
        {
            **_fact(f"{name}/{rule.id}" + (f"/{question}" if question else ""), rule, file),
            "county": counties.get(name),
            "question": question,
            "answer": answer,
            "issuer": rule.issuer,
            "instrument": _words(rule.instrument),
            "citation": rule.citation,
            # A law that is not there yet is so only while files are compared, not loaded.
            "law": laws.get(rule.law) if rule.law else None,
            "in_force_from": rule.from_.last,
            "in_force_until": until.first if (until := _until(rule, file)) else None,
            "from_text": rule.from_.written,
            "until_text": until.written if until else None,
            "from_means": rule.from_means,
            "until_means": rule.until_means,
            "superseded_by": f"{name}/{rule.superseded_by}" if rule.superseded_by else None,
            "summary": _words(rule.summary),
        }
        for name, file in record.items()
        for rule in file.rules
        for question, answer in (rule.answers.items() or [(None, None)])
    ]


def _until(rule: files.RuleEntry, file: files.RecordFile) -> Day | None:
    """The last day of a rule: its own, or the one before what ended it began."""
    successor = next((each for each in file.rules if each.id == rule.superseded_by), None)
    if successor is None:
        return rule.until
    return Day.parse((successor.from_.last - timedelta(days=1)).isoformat())


def _practice(record: dict[str, files.RecordFile], counties: dict[str, int]) -> list[Row]:
    return [
        {
            **_fact(f"{name}/{practice.id}", practice, file),
            "county": counties.get(name),
            "topic": practice.topic,
            "said_by": _words(practice.said_by),
            "disputes": _disputed(name, practice),
            "answer": practice.answer,
            "year": practice.year,
            "from_text": practice.from_.written if practice.from_ else None,
            "until_text": practice.until.written if practice.until else None,
            "summary": _words(practice.summary),
        }
        for name, file in record.items()
        for practice in file.practice
    ]


def _disputed(name: str, practice: files.PracticeEntry) -> str | None:
    """The key of the row, in this file or the state's."""
    if practice.disputes is None:
        return None
    whose = "" if practice.disputes.startswith(files.OF_THE_STATE) else f"{name}/"
    return f"{whose}{practice.disputes}/{practice.topic}"


def _figures(record: dict[str, files.RecordFile], counties: dict[str, int]) -> list[Row]:
    return [
        {
            **_fact(f"{name}/{figure.id}", figure, file),
            "county": counties.get(name),
            "measure": figure.measure,
            "from_text": figure.from_.written,
            "until_text": (figure.until or figure.from_).written,
            "low": figure.low,
            "high": figure.low if figure.high is None else figure.high,
            "about": figure.about == "yes",
            "definition": _words(figure.definition),
        }
        for name, file in record.items()
        for figure in file.figures
    ]


def _fact(key: str, fact: files.FactEntry, file: files.RecordFile) -> Row:
    reviewed = (
        fact.reviewed if fact.reviewed and fact.reviewed.of == files.fingerprint(fact) else None
    )
    return {
        "key": key,
        "note": _words(fact.note),
        "sources": json.dumps([_source(file.sources[name]) for name in fact.sources]),
        "checked_on": fact.checked_on.first,
        "read": fact.read,
        "review_by": fact.review_by.first,
        "reviewed": json.dumps({"es": {"by": reviewed.by, "on": reviewed.on.written}})
        if reviewed
        else None,
    }


def _source(source: files.SourceEntry) -> Row:
    return {
        "title": source.title,
        "publisher": source.publisher,
        "url": source.url,
        "published_on": source.published_on.written if source.published_on else None,
        "read_on": source.read_on.written,
        "grade": source.grade,
    }


def _words(text: files.Text | None) -> str | None:
    return json.dumps(msgspec.to_builtins(text), ensure_ascii=False) if text else None


def _stale_reviews(record: dict[str, files.RecordFile]) -> Iterable[str]:
    for name, file in record.items():
        for group in ("laws", "rules", "practice", "figures"):
            for fact in getattr(file, group):
                if fact.reviewed and fact.reviewed.of != files.fingerprint(fact):
                    yield f"{name}/{getattr(fact, 'slug', None) or fact.id}"


def _hash(row: Row) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()
