"""However often somebody asks, a mailbox that did not ask gets few letters."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from backend.database import DB
from backend.web import letter_budget
from backend.web.letter_budget import LetterBudget, may_write


async def times(address: str, number: int) -> int:
    return sum([await may_write(address) for _ in range(number)])


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[None]:
    """Outside any test's transaction, so that each asks in one of their own."""
    await DB.start_connection_pool(min_size=1, max_size=10)
    try:
        yield
    finally:
        await LetterBudget.delete(force=True)
        await DB.close_connection_pool()


async def test_three_a_day_and_ten_a_month_whatever_they_are(record: None) -> None:
    assert await times("ana@example.org", 9) == 3
    for _day in range(4):
        await LetterBudget.raw(
            "UPDATE letter_budget SET day = day - 1, month = month - 1,"
            " hour = hour - interval '1 day'"
        )
        await times("ana@example.org", 9)
    [row] = await LetterBudget.select().where(
        LetterBudget.key == letter_budget.index("ana@example.org")
    )
    assert row["in_month"] == 10
    await LetterBudget.raw("UPDATE letter_budget SET month = month - 31, day = day - 31")
    assert await times("ana@example.org", 9) == 3, "and begins anew after it"


async def test_an_alias_is_the_same_mailbox_at_any_domain(record: None) -> None:
    asked = [await may_write(f"ana+{number}@families.example") for number in range(15)]
    assert sum(asked) == 3


async def test_invented_names_at_one_domain_have_an_end_and_at_a_provider_not(
    record: None,
) -> None:
    small = [await may_write(f"n{number}@families.example") for number in range(50)]
    assert sum(small) == letter_budget.TO_A_DOMAIN_IN_AN_HOUR
    large = [await may_write(f"n{number}@gmail.com") for number in range(50)]
    assert all(large)


async def test_twenty_asks_at_the_same_moment_send_three(pool: None) -> None:
    async def ask() -> bool:
        async with DB.transaction():
            written = await may_write("ana@example.org")
            await asyncio.sleep(0.01)
        return written

    assert sum(await asyncio.gather(*(ask() for _ in range(20)))) == 3


async def test_a_letter_that_is_not_asked_for_after_all_is_not_counted(pool: None) -> None:
    async def change_ones_mind() -> None:
        async with DB.transaction():
            assert await may_write("ana@example.org")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change_ones_mind()
    assert await times("ana@example.org", 9) == 3


async def test_the_table_holds_no_address(record: None) -> None:
    await may_write("canary@quetzal.example")
    rows = await LetterBudget.raw("SELECT of::text AS whole FROM letter_budget of")
    assert not any("canary" in row["whole"] or "quetzal" in row["whole"] for row in rows)
