"""Page cache: finished answers, kept in memory until something they were made from changes."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from backend.web.responses import Answer

# About 20 KB a page with its compressed twin: 1,000 of them stay near 25 MB.
MOST_KEPT = 1000

# Whoever makes an answer anew has so long for it; others meanwhile get the one before.
MAKING = 5.0

_kept: OrderedDict[Hashable, Answer] = OrderedDict()
_until: dict[Hashable, float] = {}
_cleared = 0


async def kept(
    key: Hashable, make: Callable[[], Awaitable[Answer]], seconds: float | None = None
) -> Answer:
    """The answer kept under `key`, or a new one from `make`; with `seconds`, one that is not older
    than that. The least asked for leaves first."""
    found = _kept.get(key)
    if found is not None and (seconds is None or time.monotonic() < _until[key]):
        _kept.move_to_end(key)
        return found
    if found is not None:
        _until[key] = time.monotonic() + MAKING
    before = _cleared
    answer = await make()
    # What it was made from may have changed meanwhile: then it answers once and is not kept.
    if before == _cleared:
        _kept[key] = answer
        if seconds is not None:
            _until[key] = time.monotonic() + seconds
    while len(_kept) > MOST_KEPT:
        gone, _answer = _kept.popitem(last=False)
        _until.pop(gone, None)
    return answer


def times_cleared() -> int:
    """Whoever keeps something of their own beside the answers keeps it for as long as this
    stays the same."""
    return _cleared


def clear() -> None:
    global _cleared
    _cleared += 1
    _kept.clear()
    _until.clear()
