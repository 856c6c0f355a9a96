"""`python -m backend load`: the files become rows; whatever did not change is left alone."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from backend.counties import gazetteer
from backend.counties.tables import County
from backend.database import DB
from backend.policies import entries, files
from backend.policies.entries import Entry, FactName
from backend.policies.tables import Change, ChangedFact, Conflict, Figure, Law, Practice, Rule

Row = dict[str, Any]


@dataclass
class Report:
    """Keys of what a load added, changed, retired and brought back, and how many stayed as they
    were. `stale_reviews` are translations reviewed for an English text that has changed since.
    `kept` was changed at the desk and is not in the files yet; `conflicts` were changed at the
    desk and in the files, each in its own way: the desk's version stands until someone decides."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    unchanged: int = 0
    stale_reviews: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

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
        lines += [
            f"  translation to review again: {key} (the English changed)"
            for key in self.stale_reviews
        ]
        lines += [
            f"  kept as the desk has it, not in the files: {key} (run: python -m backend export)"
            for key in self.kept
        ]
        lines += [
            f"  CONFLICT, changed at the desk and in the files: {key} (decide at /desk/record)"
            for key in self.conflicts
        ]
        return "\n".join(lines)


def check(folder: Path = files.FOLDER) -> dict[str, files.RecordFile]:
    """Read the files and find every mistake. Raises files.RecordError; touches no database."""
    return files.read(folder, frozenset(county.slug for county in gazetteer.counties()))


async def load(folder: Path = files.FOLDER) -> Report:
    """Make the database say what the files say, all or nothing, and tell what that changed.

    Ids stay: a fact is known by its key, and one that left the files is retired, not deleted. What
    the desk changed is never overwritten: see Report.kept and Report.conflicts.
    Web processes hear of it and read the record anew. Raises files.RecordError.
    """
    record = check(folder)
    report = Report()
    async with DB.transaction():
        # Two loads at once would both add the same fact; the second waits for the first.
        await County.raw("SELECT pg_advisory_xact_lock(hashtext('confianza record'))")
        counties = await _load_counties()
        before = await entries.present() if await Law.exists() else None
        await _load_table(Law, _laws(record["state"]), report)
        laws = await law_ids()
        for table, rows in (
            (Rule, _rules(record, counties, laws)),
            (Practice, _practice(record, counties)),
            (Figure, _figures(record, counties)),
        ):
            await _load_table(table, rows, report)
        await _note_conflicts(record, report)
        if report.changed_something:
            if before is not None:
                await _note_change(before, await entries.present())
            await County.raw("SELECT pg_notify('record_changed', '')")
    report.stale_reviews = list(_stale_reviews(record))
    return report


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


async def law_ids() -> dict[str, int]:
    return {law["slug"]: law["id"] for law in await Law.select(Law.slug, Law.id)}


def rows_of(
    name: FactName, entry: Entry, counties: dict[str, int], laws: dict[str, int]
) -> list[Row]:
    """The rows of one entry, as a load would make them. Raises msgspec.ValidationError."""
    file = entries.as_file(name.file, [(name, entry)])
    record = {name.file: file}
    rows = {
        "law": lambda: _laws(file),
        "rule": lambda: _rules(record, counties, laws),
        "practice": lambda: _practice(record, counties),
        "figure": lambda: _figures(record, counties),
    }[name.kind]()
    for row in rows:
        row["content_hash"] = _hash(row)
    return rows


async def _load_table(table: Any, rows: list[Row], report: Report) -> None:
    standing = {
        row["key"]: row
        for row in await table.select(
            table.id, table.key, table.content_hash, table.retired_at, table.desk_base
        )
    }
    now = datetime.now(UTC)
    for row in rows:
        row["content_hash"] = _hash(row)
        before = standing.pop(row["key"], None)
        if before is None:
            await table.insert(table(**row, loaded_at=now))
            report.added.append(row["key"])
        elif before["desk_base"] is not None:
            await _meet_the_desk(table, before, row["content_hash"], report)
        elif before["content_hash"] != row["content_hash"] or before["retired_at"]:
            await table.update({**row, "loaded_at": now, "retired_at": None}).where(
                table.id == before["id"]
            )
            report.changed.append(row["key"])
        else:
            report.unchanged += 1
    for key, gone in standing.items():
        if gone["desk_base"] is not None:
            await _meet_the_desk(table, gone, "", report)
        elif gone["retired_at"] is None:
            await table.update({table.retired_at: now}).where(table.id == gone["id"])
            report.retired.append(key)


async def _meet_the_desk(table: Any, row: Row, in_files: str, report: Report) -> None:
    """A fact that the desk changed: the files now say the same, or still what they said before, or
    something of their own. `in_files` is its hash there, "" when it is not in them."""
    here = "" if row["retired_at"] else row["content_hash"]
    if here == in_files:
        await table.update({table.desk_base: None}).where(table.id == row["id"])
        report.unchanged += 1
    elif in_files == row["desk_base"]:
        report.kept.append(row["key"])
    else:
        report.conflicts.append(row["key"])


async def _note_conflicts(record: dict[str, files.RecordFile], report: Report) -> None:
    """Keep for the desk what the files say where both changed something."""
    await Conflict.delete(force=True)
    if not report.conflicts:
        return
    in_files = entries.all_of(record)
    kinds = {table: kind for kind, table in entries.TABLES.items()}
    noted: set[FactName] = set()
    for table in entries.TABLES.values():
        keys = await table.select(table.key).where(table.key.is_in(report.conflicts))
        noted |= {entries.named(kinds[table], row["key"]) for row in keys}
    for name in sorted(noted):
        said = in_files.get(name)
        await Conflict(
            key=str(name), file=name.file, kind=name.kind, entry_id=name.entry_id, in_files=said
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
            "law": laws[rule.law] if rule.law else None,
            "in_force_from": rule.from_.last,
            "in_force_until": rule.until.first if rule.until else None,
            "from_text": rule.from_.written,
            "until_text": rule.until.written if rule.until else None,
            "from_means": rule.from_means,
            "summary": _words(rule.summary),
        }
        for name, file in record.items()
        for rule in file.rules
        for question, answer in (rule.answers.items() or [(None, None)])
    ]


def _practice(record: dict[str, files.RecordFile], counties: dict[str, int]) -> list[Row]:
    return [
        {
            **_fact(f"{name}/{practice.id}", practice, file),
            "county": counties.get(name),
            "topic": practice.topic,
            "said_by": _words(practice.said_by),
            "disputes": f"{name}/{practice.disputes}/{practice.topic}"
            if practice.disputes
            else None,
            "from_text": practice.from_.written if practice.from_ else None,
            "until_text": practice.until.written if practice.until else None,
            "summary": _words(practice.summary),
        }
        for name, file in record.items()
        for practice in file.practice
    ]


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
