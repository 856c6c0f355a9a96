"""The record as web processes hold it: read once, kept until the database says it changed."""

import asyncio
import datetime
import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import asyncpg
from piccolo.columns import Date, Timestamptz
from piccolo.table import Table

from backend.counties import gazetteer
from backend.counties.tables import County
from backend.database import CHANGED, DB
from backend.policies.record import CountyRecord
from backend.policies.tables import Figure, HelpLine, Law, Practice, Rule
from backend.web import page_cache

Row = TypeVar("Row", bound=Table)


class _Shelf:
    records: Mapping[str, CountyRecord] | None = None
    state: CountyRecord | None = None
    laws: tuple[Law, ...] | None = None
    lines: tuple[HelpLine, ...] = ()
    changes = 0


_shelf = _Shelf()
# Set while this process hears of changes.
hearing = asyncio.Event()
_reading = asyncio.Lock()


async def county_record(slug: str) -> CountyRecord:
    """One county's record. Raises KeyError for a slug that is no county's."""
    return (await records())[slug]


async def records() -> Mapping[str, CountyRecord]:
    """All 58 records by slug, in alphabetical order: three queries when nothing is kept."""
    async with _reading:
        if _shelf.records is None:
            changes = _shelf.changes
            read, state, lines = await _read_records()
            # Something may have changed while we read: then answer with this, but do not keep it.
            if changes != _shelf.changes:
                return read
            _shelf.records, _shelf.state, _shelf.lines = read, state, lines
        return _shelf.records


async def state_record() -> CountyRecord:
    """What is known of all of California rather than of one county."""
    await records()
    state = _shelf.state
    return state if state is not None else (await _read_records())[1]


async def help_lines() -> tuple[HelpLine, ...]:
    """Every line that is not retired, by name, also what people may not see yet."""
    await records()
    return _shelf.lines if _shelf.records is not None else (await _read_records())[2]


async def how_read() -> tuple[Counter[str], Counter[str]]:
    """How many facts, and how many lines to call, were read in a copy, on the page, or called."""
    state = await state_record()
    of_all = [state, *(await records()).values()]
    facts = {
        (type(fact).__name__, fact.key): fact.read
        for each in of_all
        for fact in (*each.rules, *each.practice, *each.figures)
    }
    facts |= {("Law", law.key): law.read for law in await laws()}
    lines = [line.read for line in await help_lines() if line.shown and line.phone]
    return Counter(facts.values()), Counter(lines)


async def laws() -> tuple[Law, ...]:
    """The timeline, oldest first: one query when nothing is kept."""
    async with _reading:
        if _shelf.laws is None:
            changes = _shelf.changes
            read = tuple(
                await Law.objects()
                .where(Law.retired_at.is_null())
                .order_by(Law.happened_on, Law.slug)
                .output(load_json=True)
            )
            if changes != _shelf.changes:
                return read
            _shelf.laws = read
        return _shelf.laws


def forget() -> None:
    """Read the record anew at the next question, and every page made from it."""
    _shelf.records = _shelf.state = _shelf.laws = None
    _shelf.changes += 1
    page_cache.clear()


async def listen(_app: object = None) -> None:
    """Forget whenever another process changes the record, for as long as this one lives."""
    while True:
        try:
            await _listen_once()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(5)


async def _listen_once() -> None:
    connection = await DB.get_new_connection()
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    try:
        await connection.add_listener(CHANGED, lambda *_news: forget())
        # What was said while nobody listened is lost, so start from nothing.
        forget()
        hearing.set()
        await lost.wait()
    finally:
        hearing.clear()
        if not connection.is_closed():
            await connection.close()


async def _read_records() -> tuple[Mapping[str, CountyRecord], CountyRecord, tuple[HelpLine, ...]]:
    rules = await (
        Rule.objects(Rule.law, Rule.county)
        .where(Rule.retired_at.is_null())
        .order_by(Rule.in_force_from, Rule.key)
        .output(load_json=True)
    )
    for rule in rules:
        # Piccolo makes an empty row where there is none; None says it better.
        if rule.law is not None and rule.law.id is None:
            rule.law = None
    practice = await (
        Practice.objects(Practice.county)
        .where(Practice.retired_at.is_null())
        .order_by(Practice.from_text, Practice.key)
        .output(load_json=True)
    )
    figures, lines = await _figures_and_lines()
    by_county = {
        county.slug: _record_of(county.slug, rules, practice, figures)
        for county in gazetteer.counties()
    }
    return MappingProxyType(by_county), _record_of("state", rules, practice, figures), lines


async def _figures_and_lines() -> tuple[list[Figure], tuple[HelpLine, ...]]:
    """Both in one query: a county's page may cost three."""
    found = await Figure.raw(
        """SELECT 'figure' AS kind, f.key AS name, to_jsonb(f) AS row, to_jsonb(c) AS county
           FROM figure f LEFT JOIN county c ON c.id = f.county WHERE f.retired_at IS NULL
           UNION ALL
           SELECT 'line', h.name, to_jsonb(h), NULL FROM help_line h WHERE h.retired_at IS NULL
           ORDER BY kind, name"""
    )
    figures: list[Figure] = []
    lines: list[HelpLine] = []
    for each in found:
        row = json.loads(each["row"])
        if each["kind"] == "line":
            lines.append(_from_json(HelpLine, row))
            continue
        figures.append(_from_json(Figure, row))
        # As Piccolo does for the others: an empty row where there is none.
        county = json.loads(each["county"] or "{}")
        figures[-1].county = _from_json(County, county)
    return figures, tuple(lines)


def _from_json(table: type[Row], row: dict[str, Any]) -> Row:
    """A row that PostgreSQL wrote as JSON."""
    for column in table._meta.columns:
        name, text = column._meta.name, row.get(column._meta.name)
        if isinstance(text, str) and isinstance(column, Date):
            row[name] = datetime.date.fromisoformat(text)
        elif isinstance(text, str) and isinstance(column, Timestamptz):
            row[name] = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    return table(**row, _exists_in_db=bool(row))


def _record_of(
    slug: str, rules: list[Rule], practice: list[Practice], figures: list[Figure]
) -> CountyRecord:
    def whose(fact: Rule | Practice | Figure) -> str:
        # A fact of the state has no county; Piccolo makes an empty one for it.
        return getattr(fact.county, "slug", None) or "state"

    return CountyRecord(
        rules=tuple(rule for rule in rules if whose(rule) in (slug, "state")),
        practice=tuple(report for report in practice if whose(report) == slug),
        figures=tuple(figure for figure in figures if whose(figure) == slug),
        everywhere=tuple(
            report for report in practice if report.answer and whose(report) == "state" != slug
        ),
    )
