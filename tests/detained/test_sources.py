"""Every number and every date on these pages has a source beside it."""

import re

import httpx
import pytest

from backend.detained.facts import facts
from tests.detained.pages import PAGES, Node, main_of

# The card's own address, and what the record says with a link to it.
FREE = re.compile(r"^https?://")


def said_with_digits(main: Node) -> list[tuple[Node, str]]:
    return [
        (node, child)
        for node in main.below()
        for child in node.children
        if isinstance(child, str) and re.search(r"\d", child) and not FREE.match(child.strip())
    ]


def sources_beside(node: Node, main: Node) -> list[Node]:
    """What the smallest part around these words names as its sources. How the sheet is kept on the
    phone is our own rule, and `browser/test_detained.py` holds it."""
    if ours := [each for each in node.above() if "keeping" in each.classes]:
        return ours
    if of_the_list := [each for each in node.above() if "sources" in each.classes]:
        return of_the_list
    for around in node.above():
        if "line" in around.classes:
            return [each for each in around.below() if "origin" in each.classes and each.words()]
        if around.tag in ("li", "tr"):
            ids = {each.attributes.get("id"): each for each in main.below()}
            cites = [
                link
                for part in around.below()
                if "cites" in part.classes
                for link in part.below()
                if link.tag == "a"
            ]
            return [ids[link.attributes["href"][1:]] for link in cites]
    return []


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("address", PAGES)
async def test_every_number_and_date_has_its_source(
    client: httpx.AsyncClient, address: str, language: str
) -> None:
    main = main_of((await client.get(f"{address}?lang={language}")).text)
    found = said_with_digits(main)
    assert found
    bare = [words.strip() for node, words in found if not sources_beside(node, main)]
    assert bare == []


@pytest.mark.parametrize("address", PAGES)
async def test_every_source_is_cited_and_dated(client: httpx.AsyncClient, address: str) -> None:
    main = main_of((await client.get(address)).text)
    cited = {
        link.attributes["href"]
        for part in main.below()
        if "cites" in part.classes
        for link in part.below()
        if link.tag == "a"
    }
    [listed] = [
        each for each in main.below() if each.tag == "section" and "sources" in each.classes
    ]
    rows = [each for each in listed.below() if each.tag == "li"]
    assert {f"#{row.attributes['id']}" for row in rows} == cited
    assert all("Read on " in row.words() for row in rows)
    if address != "/detained/places":
        assert rows


def test_nothing_rests_on_a_repost_alone() -> None:
    for each in (*facts().sentences, *facts().costs):
        assert any(source["grade"] != "C" for source in each.sources), each.id


def test_no_bond_hearing_is_promised_and_nobody_is_told_to_resist() -> None:
    [bond] = facts().everywhere("bond")
    assert "Nobody can promise" in bond.summary["en"]
    said = " ".join(each.summary["en"] for each in facts().sentences)
    assert "Do not resist" in said
    assert "I do not consent" in said


def test_jail_calls_are_not_called_free_everywhere() -> None:
    free = {cost.id for cost in facts().costs if cost.cents == 0}
    assert free == {"prisons", "sf", "sd"}
    assert any(each.id == "cost-la" for each in facts().everywhere("unsure"))
