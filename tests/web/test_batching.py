"""Work that many ask for at once."""

import asyncio

import asyncpg
import pytest

from backend.web.batching import Together


class Counter:
    """Work that can be held up, and that cannot take some items."""

    def __init__(self, bad: object = None, error: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.bad, self.error = bad, error

    async def work(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        await self.may_go_on.wait()
        if self.error is not None and self.bad in items:
            raise self.error
        return [item * 10 for item in items]


async def ask(together: Together[int, int], *items: int) -> "list[asyncio.Task[int]]":
    tasks = [asyncio.create_task(together.do(item)) for item in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_alone_waits_for_nobody() -> None:
    counter = Counter()
    together = Together(counter.work)
    assert [await together.do(1), await together.do(2)] == [10, 20]
    assert counter.batches == [[1], [2]]


async def test_what_comes_meanwhile_is_done_together_and_each_gets_its_own() -> None:
    counter = Counter()
    counter.may_go_on.clear()
    together = Together(counter.work, most=3)
    first = await ask(together, 1)
    rest = await ask(together, 2, 3, 4, 5)
    counter.may_go_on.set()
    assert await asyncio.gather(*first, *rest) == [10, 20, 30, 40, 50]
    assert counter.batches == [[1], [2, 3, 4], [5]]


async def test_one_that_spoils_it_for_all_is_told_alone() -> None:
    counter = Counter(bad=2, error=asyncpg.UniqueViolationError("taken"))
    together = Together(counter.work)
    told = await asyncio.gather(*(await ask(together, 1, 2, 3)), return_exceptions=True)
    assert (told[0], told[2]) == (10, 30)
    assert isinstance(told[1], asyncpg.UniqueViolationError)
    assert counter.batches == [[1, 2, 3], [1], [2], [3]]


async def test_what_may_have_been_done_is_not_done_again() -> None:
    counter = Counter(bad=2, error=ConnectionError("gone"))
    together = Together(counter.work)
    told = await asyncio.gather(*(await ask(together, 1, 2)), return_exceptions=True)
    assert [type(each) for each in told] == [ConnectionError, ConnectionError]
    assert counter.batches == [[1, 2]]
    assert await together.do(3) == 30, "and the next is done as ever"


async def test_who_has_gone_stops_nobody() -> None:
    counter = Counter()
    counter.may_go_on.clear()
    together = Together(counter.work)
    first, second = await ask(together, 1, 2)
    first.cancel()
    counter.may_go_on.set()
    assert await second == 20
    with pytest.raises(asyncio.CancelledError):
        await first
