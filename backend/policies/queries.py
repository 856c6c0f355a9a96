"""The record as web processes hold it: read once, kept until the database says it changed."""

import asyncio
import datetime
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from operator import itemgetter
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
Fact = TypeVar("Fact", Rule, Practice, Figure)

# Where a county's slug would stand: what holds in all of California.
STATE = "state"


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
    """All 58 records by slug, in alphabetical order: one query when nothing is kept."""
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


async def listen() -> None:
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
    """In one query, and each county and law made once: joined to every fact, as Piccolo would read
    them, they took four times as long."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in await Rule.raw(
        """SELECT kind, row FROM (
               SELECT 'rule' AS kind, in_force_from::text AS first, key AS second,
                      to_jsonb(rule) AS row FROM rule WHERE retired_at IS NULL
               UNION ALL
               SELECT 'practice', from_text, key, to_jsonb(practice)
               FROM practice WHERE retired_at IS NULL
               UNION ALL
               SELECT 'figure', '', key, to_jsonb(figure) FROM figure WHERE retired_at IS NULL
               UNION ALL
               SELECT 'line', '', name, to_jsonb(help_line)
               FROM help_line WHERE retired_at IS NULL
               UNION ALL
               SELECT 'law', '', slug, to_jsonb(law) FROM law
               WHERE id IN (SELECT law FROM rule WHERE retired_at IS NULL)
               UNION ALL
               SELECT 'county', '', slug, to_jsonb(county) FROM county
           ) AS fact ORDER BY kind, first, second"""
    ):
        rows[each["kind"]].append(each["row"])
    laws = {row["id"]: _from_json(Law, row) for row in rows["law"]}
    counties = {row["id"]: _from_json(County, row) for row in rows["county"]}
    # What holds in all of California has an empty one, as Piccolo would make it.
    counties[None] = _from_json(County, {})
    rules = [_from_json(Rule, row) for row in rows["rule"]]
    practice = [_from_json(Practice, row) for row in rows["practice"]]
    figures = [_from_json(Figure, row) for row in rows["figure"]]
    for rule in rules:
        rule.law = laws.get(rule.law)
    fact: Any
    for fact in (*rules, *practice, *figures):
        fact.county = counties[fact.county]
    facts = (_by_county(rules), _by_county(practice), _by_county(figures))
    by_county = {county.slug: _record_of(county.slug, *facts) for county in gazetteer.counties()}
    lines = tuple(_from_json(HelpLine, row) for row in rows["line"])
    return MappingProxyType(by_county), _record_of(STATE, *facts), lines


def _from_json(table: type[Row], row: dict[str, Any]) -> Row:
    """A row that PostgreSQL wrote as JSON."""
    for column in table._meta.columns:
        name, text = column._meta.name, row.get(column._meta.name)
        if isinstance(text, str) and isinstance(column, Date):
            row[name] = datetime.date.fromisoformat(text)
        elif isinstance(text, str) and isinstance(column, Timestamptz):
            row[name] = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    return table(**row, _exists_in_db=bool(row))


def _by_county(facts: Iterable[Fact]) -> dict[str, list[tuple[int, Fact]]]:
    """Facts by their county's slug, each with its place in the order of all."""
    found = defaultdict(list)
    for placed in enumerate(facts):
        found[placed[1].county.slug or STATE].append(placed)
    return found


def _record_of(
    slug: str,
    rules: dict[str, list[tuple[int, Rule]]],
    practice: dict[str, list[tuple[int, Practice]]],
    figures: dict[str, list[tuple[int, Figure]]],
) -> CountyRecord:
    own, everywhere = rules.get(slug, []), rules.get(STATE, []) if slug != STATE else []
    elsewhere = practice.get(STATE, []) if slug != STATE else []
    return CountyRecord(
        rules=tuple(rule for _place, rule in heapq.merge(own, everywhere, key=itemgetter(0))),
        practice=tuple(report for _place, report in practice.get(slug, ())),
        figures=tuple(figure for _place, figure in figures.get(slug, ())),
        everywhere=tuple(report for _place, report in elsewhere if report.answer),
    )
