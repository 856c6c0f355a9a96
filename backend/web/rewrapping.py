"""Key rotation: moving every row's data key to a newer key outside the database, so that the old
one can go."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from piccolo.columns import Column
from piccolo.table import Table

from backend.database import DB
from backend.web import keyring, sealing

COLUMN = "data_key"
BATCH = 500


@dataclass
class Report:
    """`moved` data keys are now under the newest key; `lost` ones cannot be opened any more,
    because their key is gone or they were changed: those rows were left as they are."""

    moved: int = 0
    lost: int = 0


def wrapping(tables: Iterable[type[Table]]) -> list[tuple[type[Table], Column]]:
    """Those of the tables whose rows keep a data key, with its column."""
    return [
        (table, column)
        for table in tables
        for column in table._meta.columns
        if column._meta.name == COLUMN
    ]


async def count(tables: Iterable[type[Table]], id: str) -> int:
    """How many rows are still wrapped with the sealing key of that name."""
    held = 0
    for table, column in wrapping(tables):
        for form in sealing.forms_under(id):
            held += await table.count().where(column.like(f"{form}%"))
    return held


async def rewrap(tables: Iterable[type[Table]], said: Callable[[str], None]) -> Report:
    """Wrap every data key with the newest sealing key, a few hundred rows at a time. What is
    written meanwhile is not touched: it has the newest key already, or is found next time."""
    report = Report()
    newest = keyring.newest("sealing").id
    for table, column in wrapping(tables):
        after: Any = None
        while rows := await _old(table, column, newest, after):
            async with DB.transaction():
                for row in rows:
                    await _move(table, column, row, report)
            after = rows[-1]["id"]
            said(f"{table._meta.tablename}: {report.moved} moved")
    return report


async def _old(table: type[Table], column: Column, newest: str, after: Any) -> list[dict[str, Any]]:
    key = table._meta.primary_key
    form, _older = sealing.forms_under(newest)
    old = column.is_not_null() & (column != "") & column.not_like(f"{form}%")
    query = table.select(key.as_alias("id"), column).where(old).order_by(key).limit(BATCH)
    return await (query if after is None else query.where(key > after))


async def _move(table: type[Table], column: Column, row: dict[str, Any], report: Report) -> None:
    wrapped = row[COLUMN]
    try:
        moved = sealing.rewrap(wrapped, table._meta.tablename, row["id"])
    except (sealing.CannotOpen, keyring.NoKey):
        report.lost += 1
        return
    # Only if it is still the same: a person may have been erased since we read it.
    same = (table._meta.primary_key == row["id"]) & (column == wrapped)
    if await table.update({column: moved}).where(same).returning(table._meta.primary_key):
        report.moved += 1
