"""Millions of pledges that nobody signed, loaded with COPY: as large as real ones, but sealed with
no key."""

import os
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

AT_ONCE = 5000
# As long as what `sealing` makes of a name of ten letters and an address of twenty.
DATA_KEY = "v1:0000abcd:" + "K" * 80
NAME, CONTACT, RECEIPT = ("v1:row:" + "x" * length for length in (52, 68, 48))
COLUMNS = (
    "id campaign state county language kind data_key name contact receipt place receipt_index "
    "consents source round tries signed_at confirmed_at"
).split()
# Of a hundred: confirmed, awaiting, set aside.
STATES = "2" * 70 + "1" * 27 + "3" * 3


async def load(url: str, pledges: int, campaign: int) -> float:
    """Put that many for the campaign, over all counties, in the place of all there are. Returns the
    seconds it took. Indexes and checks of foreign keys stand aside meanwhile, as when a dump is
    restored."""
    begun = time.monotonic()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET maintenance_work_mem = '1GB'")
        counties = [row["id"] for row in await connection.fetch("SELECT id FROM county")]
        async with connection.transaction():
            back = await _take_indexes_away(connection)
            # Into a table that is new in its transaction rows may come as if vacuumed long ago.
            await connection.execute("TRUNCATE pledge")
            rows = _rows(pledges, campaign, counties)
            await connection.copy_to_table(
                "pledge", source=rows, columns=COLUMNS, format="text", freeze=True
            )
            for statement in back:
                await connection.execute(statement)
        await connection.execute("ANALYZE pledge")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return time.monotonic() - begun


async def lines(url: str, number: int, campaigns: list[int]) -> None:
    """That many lines for the count, of all counties and these campaigns in turn."""
    connection = await asyncpg.connect(url)
    try:
        counties = [row["id"] for row in await connection.fetch("SELECT id FROM county")]
        records = (
            (campaigns[each % len(campaigns)], counties[each % len(counties)], 1 + each % 3, 1)
            for each in range(number)
        )
        columns = ("campaign", "county", "state", "change")
        await connection.copy_records_to_table("count_line", records=records, columns=columns)
    finally:
        await connection.close()


async def _take_indexes_away(connection: Any) -> list[str]:
    """Drop what every row would have to enter. Returns the statements that bring it back."""
    keys = await connection.fetch(
        """SELECT conname AS name, pg_get_constraintdef(oid) AS meaning FROM pg_constraint
           WHERE conrelid = 'pledge'::regclass AND contype IN ('p', 'u')"""
    )
    plain = await connection.fetch(
        """SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS meaning
           FROM pg_index WHERE indrelid = 'pledge'::regclass AND NOT EXISTS
               (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))"""
    )
    for key in keys:
        await connection.execute(f'ALTER TABLE pledge DROP CONSTRAINT "{key["name"]}"')
    for index in plain:
        await connection.execute(f"DROP INDEX {index['name']}")
    return [
        *(f'ALTER TABLE pledge ADD CONSTRAINT "{key["name"]}" {key["meaning"]}' for key in keys),
        *(index["meaning"] for index in plain),
    ]


async def _rows(pledges: int, campaign: int, counties: list[int]) -> AsyncIterator[bytes]:
    """Rows as COPY reads them, of the last ninety days. Random bytes make the indexes as real ones
    are: in no order."""
    for first in range(0, pledges, AT_ONCE):
        number = min(AT_ONCE, pledges - first)
        chance = os.urandom(80 * number).hex()
        ago = 90 * 86400 * (1 - first / pledges)
        at = time.time() - ago
        moment = time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(at))
        # Ids begin with the moment, as in `signing`.
        stamp = f"{int(at * 1000):012x}7"
        # What follows the county, but for the two that are different in each row.
        sealed = f"en\temail\t{DATA_KEY}\t{NAME}\t{CONTACT}\t{RECEIPT}"
        end = f"{{1,2}}\tweb\t1\t0\t{moment}"
        ends = {"1": f"{end}\t\\N\n", "2": f"{end}\t{moment}\n", "3": f"{end}\t\\N\n"}
        rows = []
        for each in range(number):
            state = STATES[each * 7 % 100]
            county = counties[each % len(counties)]
            id, place, index = (chance[start:end] for start, end in _parts(each))
            rows.append(
                f"{stamp}{id}\t{campaign}\t{state}\t{county}\t{sealed}\t\\\\x{place}\t\\\\x{index}\t{ends[state]}"
            )
        yield "".join(rows).encode()


def _parts(row: int) -> tuple[tuple[int, int], ...]:
    """Where in the random digits those of a row's id, place and receipt begin and end."""
    start = 160 * row
    return (start, start + 19), (start + 32, start + 96), (start + 96, start + 160)
