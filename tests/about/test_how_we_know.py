"""How we know what we say: what was read in a copy, on the page, or asked."""

import re

import httpx
import pytest


async def test_about_says_how_much_was_read_in_copies(client: httpx.AsyncClient) -> None:
    """Of the record itself: the shares are counted, not written."""
    from backend.policies import queries

    facts, lines = await queries.how_read()
    assert facts.total() > 400
    page = re.sub(r"\s+", " ", (await client.get("/about")).text)
    assert f"Of {facts.total()} facts in the record, {facts['copy']} were read" in page
    assert f"Of {lines.total()} lines to call, we have called {lines['called']}." in page


@pytest.mark.parametrize(
    "path",
    ["/counties/fresno", "/counties", "/laws/values-act", "/hearings/past", "/enrollment/guide",
     "/enrollment/safe", "/detained/find", "/detained/places", "/counties/fresno/detained"],
)  # fmt: skip
async def test_nothing_that_was_only_read_in_a_copy_is_called_checked(
    client: httpx.AsyncClient, path: str
) -> None:
    page = (await client.get(path)).text
    assert not re.search(r"Checked on|was checked on|We checked it", page), path
