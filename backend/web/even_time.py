"""Answers whose time tells nothing: each takes a whole number of steps, at least one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Seconds. Long enough for what is done meanwhile, short enough that nobody minds.
STEP = 0.1


@asynccontextmanager
async def evenly(step: float = STEP) -> AsyncIterator[None]:
    """Let the block take one step of time, or two, three, … when it was slower; also when it
    fails."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    try:
        yield
    finally:
        await asyncio.sleep(step - (clock() - begun) % step)
