"""What is kept is never older than what it was made from."""

import asyncio

from backend.web import kept
from backend.web.sending import Answer


async def test_a_page_is_made_once_and_again_after_a_change() -> None:
    made = []

    async def make() -> Answer:
        made.append("x")
        return Answer(b"", "text/plain")

    kept.clear()
    await kept.kept("a page", make)
    await kept.kept("a page", make)
    assert len(made) == 1
    kept.clear()
    await kept.kept("a page", make)
    assert len(made) == 2


async def test_a_page_made_while_its_record_changed_is_not_kept() -> None:
    go_on = asyncio.Event()

    async def make(words: bytes) -> Answer:
        await go_on.wait()
        return Answer(words, "text/plain")

    kept.clear()
    slow = asyncio.create_task(kept.kept("a page", lambda: make(b"old")))
    await asyncio.sleep(0)
    kept.clear()
    go_on.set()
    assert (await slow).body == b"old"
    assert (await kept.kept("a page", lambda: make(b"new"))).body == b"new"


async def test_only_so_many_are_kept_and_the_least_asked_for_leaves() -> None:
    async def make() -> Answer:
        return Answer(b"", "text/plain")

    kept.clear()
    for number in range(kept.MOST_KEPT + 5):
        await kept.kept(number, make)
        await kept.kept(0, make)
    assert len(kept._kept) == kept.MOST_KEPT
    assert 0 in kept._kept
    assert 1 not in kept._kept
    kept.clear()
