"""What is kept is never older than what it was made from."""

import asyncio

import pytest

from backend.web import page_cache
from backend.web.responses import Answer


async def test_a_page_is_made_once_and_again_after_a_change() -> None:
    made = []

    async def make() -> Answer:
        made.append("x")
        return Answer(b"", "text/plain")

    page_cache.clear()
    await page_cache.kept("a page", make)
    await page_cache.kept("a page", make)
    assert len(made) == 1
    page_cache.clear()
    await page_cache.kept("a page", make)
    assert len(made) == 2


async def test_a_page_made_while_its_record_changed_is_not_kept() -> None:
    go_on = asyncio.Event()

    async def make(words: bytes) -> Answer:
        await go_on.wait()
        return Answer(words, "text/plain")

    page_cache.clear()
    slow = asyncio.create_task(page_cache.kept("a page", lambda: make(b"old")))
    await asyncio.sleep(0)
    page_cache.clear()
    go_on.set()
    assert (await slow).body == b"old"
    assert (await page_cache.kept("a page", lambda: make(b"new"))).body == b"new"


async def test_only_so_many_are_kept_and_the_least_asked_for_leaves() -> None:
    async def make() -> Answer:
        return Answer(b"", "text/plain")

    page_cache.clear()
    for number in range(page_cache.MOST_KEPT + 5):
        await page_cache.kept(number, make)
        await page_cache.kept(0, make)
    assert len(page_cache._kept) == page_cache.MOST_KEPT
    assert 0 in page_cache._kept
    assert 1 not in page_cache._kept
    page_cache.clear()


async def test_what_is_kept_for_seconds_is_made_anew_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, clock = [], 100.0
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: clock)

    async def make() -> Answer:
        made.append("x")
        return Answer(b"", "text/plain")

    page_cache.clear()
    await page_cache.kept("numbers", make, 15)
    clock += 14
    await page_cache.kept("numbers", make, 15)
    assert len(made) == 1
    clock += 2
    await page_cache.kept("numbers", make, 15)
    assert len(made) == 2


async def test_while_one_makes_it_anew_the_others_get_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, go_on = 100.0, asyncio.Event()
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: clock)

    async def old() -> Answer:
        return Answer(b"old", "text/plain")

    async def new() -> Answer:
        await go_on.wait()
        return Answer(b"new", "text/plain")

    page_cache.clear()
    await page_cache.kept("numbers", old, 15)
    clock += 20
    slow = asyncio.create_task(page_cache.kept("numbers", new, 15))
    await asyncio.sleep(0)
    assert (await page_cache.kept("numbers", new, 15)).body == b"old"
    go_on.set()
    assert (await slow).body == b"new"
    assert (await page_cache.kept("numbers", new, 15)).body == b"new"
    page_cache.clear()
