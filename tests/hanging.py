"""What a run is in the middle of when it ends: `test_the_reaper.py` starts this."""

import time

from playwright.async_api import Browser

from tests.serving import Served


async def test_hangs(served: Served, chromium: Browser) -> None:
    await chromium.new_page()
    print("hanging", flush=True)
    time.sleep(120)


async def test_hangs_beside_it(own_url: str) -> None:
    time.sleep(120)
