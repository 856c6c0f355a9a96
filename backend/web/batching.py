"""Batching: work that many ask for at the same moment, done for all of them in one go."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import asyncpg

Item = TypeVar("Item")
Result = TypeVar("Result")

# The database undid everything, for the sake of one of the items or of somebody else's work.
UNDONE = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.TransactionRollbackError,
)


# In a rush, and only then, some more may come in this time (seconds) and go along.
GATHER = 0.002


class Together(Generic[Item, Result]):
    """`work` gets items and returns a result for each, in their order. Who comes alone waits for
    nobody; what comes while `work` is under way is done next, at most `most` at once, so that in a
    rush one transaction and one commit carry many. When the database undid it all, each is tried
    alone; any other error is everyone's."""

    def __init__(
        self, work: Callable[[list[Item]], Awaitable[list[Result]]], most: int = 100
    ) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._under_way: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Result:
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._under_way is None or self._under_way.done():
            # In a context of its own: nothing of whoever happened to be first is the others'.
            self._under_way = asyncio.create_task(
                self._do_what_waits(), context=contextvars.Context()
            )
        return await answer

    async def _do_what_waits(self) -> None:
        while self._waiting:
            now, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                await self._do(now)
            finally:
                for _item, answer in now:
                    answer.cancel()  # nothing when it is there already
            if len(now) > 1:
                await asyncio.sleep(GATHER)

    async def _do(self, now: list[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        try:
            results = await self._work([item for item, _answer in now])
        except Exception as error:
            if len(now) > 1 and isinstance(error, UNDONE):
                for each in now:
                    await self._do([each])
                return
            for _item, answer in now:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_item, answer), result in zip(now, results, strict=True):
            if not answer.done():  # whoever asked may have gone
                answer.set_result(result)
