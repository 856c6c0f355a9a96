"""Timing attack: answers whose time tells nothing; each takes a whole number of steps, at least
one."""

import asyncio

# Seconds. Long enough for what is done meanwhile, short enough that nobody minds.
STEP = 0.1


class evenly:
    """`async with evenly():` lets its block take one step of time, or two, three, … when it was
    slower; also when it fails."""

    def __init__(self, step: float = STEP) -> None:
        self.step = step

    async def __aenter__(self) -> None:
        self.clock = asyncio.get_running_loop().time
        self.begun = self.clock()

    async def __aexit__(self, *_failed: object) -> None:
        await asyncio.sleep(self.step - (self.clock() - self.begun) % self.step)
