"""Finished answers, kept in memory until something they were made from changes."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from backend.web.sending import Answer

# About 20 KB a page with its compressed twin: 1,000 of them stay near 25 MB.
MOST_KEPT = 1000

_kept: OrderedDict[Hashable, Answer] = OrderedDict()
_cleared = 0


async def kept(key: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer kept under `key`, or a new one from `make`. The least asked for leaves first."""
    found = _kept.get(key)
    if found is not None:
        _kept.move_to_end(key)
        return found
    before = _cleared
    answer = await make()
    # What it was made from may have changed meanwhile: then it answers once and is not kept.
    if before == _cleared:
        _kept[key] = answer
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return answer


def clear() -> None:
    global _cleared
    _cleared += 1
    _kept.clear()
