"""The trail: only added to, and every line vouches for all before it."""

import datetime

import pytest
from asyncpg.exceptions import RaiseError

from backend.database import DB
from backend.staff import audit
from backend.staff.tables import AuditEntry, now


@pytest.fixture
async def trail(record: None) -> list[int]:
    await AuditEntry.raw("SELECT set_config('confianza.retention', 'on', true)")
    await AuditEntry.delete(force=True)
    await AuditEntry.raw("SELECT set_config('confianza.retention', 'off', true)")
    for number in range(5):
        await audit.write("Ana", "changed", f"rule {number}", words="ñandú 🌊")
    return await AuditEntry.select(AuditEntry.id).order_by(AuditEntry.id).output(as_list=True)


async def tamper(statement: str) -> None:
    """What someone with full power over the database could do."""
    await AuditEntry.raw("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
    await AuditEntry.raw(statement)
    await AuditEntry.raw("ALTER TABLE audit_entry ENABLE TRIGGER ALL")


async def test_a_trail_that_nobody_touched_verifies(trail: list[int]) -> None:
    verdict = await audit.verify()
    assert (verdict.lines, verdict.broken) == (5, None)
    assert verdict.last is not None
    assert verdict.last[0] == trail[-1]


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'Ben'",
        "action = 'read'",
        "subject = 'rule 9'",
        "details = '[]'",
        "at = at + interval '1 microsecond'",
    ],
)
async def test_a_changed_line_is_named(trail: list[int], change: str) -> None:
    await tamper(f"UPDATE audit_entry SET {change} WHERE id = {trail[2]}")
    assert (await audit.verify()).broken == trail[2]


async def test_a_removed_line_is_noticed_at_the_one_after_it(trail: list[int]) -> None:
    await tamper(f"DELETE FROM audit_entry WHERE id = {trail[2]}")
    assert (await audit.verify()).broken == trail[3]


async def test_a_removed_beginning_is_noticed(trail: list[int]) -> None:
    await tamper(f"DELETE FROM audit_entry WHERE id = {trail[0]}")
    assert (await audit.verify()).broken == trail[1]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entry SET actor = 'Ben'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"],
)
async def test_the_database_itself_refuses_to_change_the_trail(
    trail: list[int], statement: str
) -> None:
    transaction = DB.current_transaction.get()
    assert transaction is not None
    savepoint = await transaction.savepoint()
    with pytest.raises(RaiseError, match="only added to"):
        await AuditEntry.raw(statement)
    await savepoint.rollback_to()


async def test_retention_shortens_the_trail_and_the_rest_still_verifies(trail: list[int]) -> None:
    year_ago = now() - datetime.timedelta(days=366)
    assert await audit.shorten(before=year_ago) == 0
    assert await audit.shorten(before=now()) == 5
    await audit.write("Ana", "changed", "rule 6")
    verdict = await audit.verify()
    assert (verdict.lines, verdict.broken) == (2, None)
    assert await audit.shorten(before=now()) == 2
    assert (await audit.verify()).broken is None
