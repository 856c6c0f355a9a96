"""What people read on the pages of the record."""

import datetime
import re

import httpx
import pytest

from backend.counties import gazetteer
from backend.database import DB
from backend.policies import queries
from backend.policies.questions import Question
from backend.web.clock import today

LANGUAGES = ("en", "es")


def lines_of(html: str) -> str:
    """The page's words as one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_county_is_readable_in_every_language(
    client: httpx.AsyncClient, language: str
) -> None:
    for county in gazetteer.counties():
        answer = await client.get(
            f"/counties/{county.slug}", headers={"Cookie": f"lang={language}"}
        )
        assert answer.status_code == 200, county.name
        assert answer.headers["content-language"] == language
        assert f'<html lang="{language}"' in answer.text
        assert county.name in answer.text
        first = (
            "La cárcel tiene prohibido retener"
            if language == "es"
            else "No. The jail is not allowed to keep anyone"
        )
        assert first in answer.text, county.name


async def test_the_answer_its_date_its_maker_and_its_check_stand_at_the_top(
    client: httpx.AsyncClient,
) -> None:
    page = lines_of((await client.get("/counties/alameda")).text)
    top = page[page.index("Alameda County Can this jail") :][:1100]
    for part in (
        "Can this jail help ICE take someone?",
        "Yes, in some cases.",
        "Keep someone longer for ICE Not allowed",
        "Tell ICE when they get out After some convictions or charges",
        "Hand them over",
        "Someone was detained",
        "We read a saved copy on November 30, 2026.",
    ):
        assert part in top, part


async def test_each_question_has_a_card(client: httpx.AsyncClient) -> None:
    page = (await client.get("/counties/alameda")).text
    for question in Question:
        assert f'id="{question}"' in page


async def test_the_page_of_a_day_says_what_held_then(client: httpx.AsyncClient) -> None:
    page = lines_of((await client.get("/counties/los-angeles?on=2014-03-01")).text)
    assert "This held on March 1, 2014." in page
    assert "Only in some cases." in page
    assert "TRUST Act" in page
    assert "Show today" in page
    before = lines_of((await client.get("/counties/modoc?on=2010-01-01")).text)
    assert "We found nothing on: ICE holds (no California law limited this on that day)" in before
    assert "No California law limited this on that day" in before


async def test_every_day_of_change_can_be_gone_to(client: httpx.AsyncClient) -> None:
    page = (await client.get("/counties/san-diego")).text
    days = set(re.findall(r'href="\?on=([0-9-]+)"', page))
    assert {"2014-01-01", "2014-05-29", "2018-01-01", "2024-12-10"} <= days
    for day in days:
        assert (await client.get(f"/counties/san-diego?on={day}")).status_code == 200, day


async def test_htmx_gets_the_block_and_a_browser_the_page(client: httpx.AsyncClient) -> None:
    asked = {"HX-Request": "true", "HX-Request-Type": "partial"}
    block = await client.get("/counties/alameda?on=2015-01-01", headers=asked)
    assert block.text.lstrip().startswith("<article")
    assert "<html" not in block.text
    assert "HX-Request" in block.headers["vary"]
    whole = await client.get("/counties/alameda?on=2015-01-01", headers={"HX-Request": "true"})
    assert "<html" in whole.text


async def test_the_list_counts_every_answer_and_the_not_known(client: httpx.AsyncClient) -> None:
    records = await queries.records()
    for question in Question:
        page = (await client.get(f"/counties?question={question}")).text
        given = {record.standing(question, today()).answer for record in records.values()}
        if len(given) == 1:
            assert "The same in all 58 counties:" in page
            assert '<svg class="map"' not in page
            continue
        key = page[page.index('<ul class="key">') : page.index("</ul>")]
        counted = [int(n) for n in re.findall(r"<strong>(\d+) count", key)]
        assert sum(counted) == 58, question
        unknown = sum(
            record.standing(question, today()).answer == "not_known" for record in records.values()
        )
        assert unknown in counted
        assert len(re.findall(r'<a href="/counties/[a-z-]+" class="', page)) == 58


async def test_the_list_says_in_how_many_counties_the_answer_is_state_law_alone(
    client: httpx.AsyncClient,
) -> None:
    records = await queries.records()
    for question in (Question.TRANSFER, Question.NOTIFICATION, Question.HOLD):
        own = sum(
            record.standing(question, today()).local_rule is not None for record in records.values()
        )
        assert 0 < own < 20
        page = (await client.get(f"/counties?question={question}")).text
        assert f"In {own} counties we found a rule of their own on this." in page
    # No law decides on these, so none is named.
    assert "rule of their own" not in (await client.get("/counties?question=handoff")).text


async def test_the_maps_hatches_tell_all_answers_of_a_question_apart(
    client: httpx.AsyncClient,
) -> None:
    for question in Question:
        page = (await client.get(f"/counties?question={question}")).text
        hatches = re.findall(r'<pattern id="([a-z-]+)"', page)
        used = set(re.findall(r'fill="url\(#([a-z-]+)\)"', page))
        assert used <= set(hatches)
        assert len(set(hatches)) == len(hatches), f"{question}: two answers look alike"


async def test_the_timeline_links_to_a_page_for_every_law(client: httpx.AsyncClient) -> None:
    page = (await client.get("/laws")).text
    slugs = re.findall(r'href="/laws/([a-z0-9-]+)"', page)
    assert len(slugs) == len(set(slugs)) >= 30
    for slug in slugs:
        assert (await client.get(f"/laws/{slug}")).status_code == 200, slug
    assert {
        "secure-communities", "trust-act", "miranda-olivares", "priority-enforcement-program",
        "truth-act", "values-act", "gonzalez-v-ice", "gonzalez-settlement", "vision-act",
        "home-act", "sb-555", "ab-1876", "fcc-jail-calls-2024", "sb-1008", "ab-103",
    } <= set(slugs)  # fmt: skip


async def test_a_spanish_page_says_its_facts_are_drafts_until_a_person_read_them(
    client: httpx.AsyncClient,
) -> None:
    spanish = (await client.get("/counties/alameda", headers={"Cookie": "lang=es"})).text
    english = (await client.get("/counties/alameda")).text
    assert 'class="notice small"' in spanish
    assert 'class="notice small"' not in english


async def test_every_page_of_the_record_says_whom_to_call(client: httpx.AsyncClient) -> None:
    for address in ("/counties/san-diego", "/counties/modoc", "/laws/values-act"):
        page = (await client.get(address)).text
        assert 'href="tel:+18886244752"' in page, address
        assert "not legal advice" in page, address
    assert 'href="tel:+14082901144"' in (await client.get("/counties/santa-clara")).text


async def test_a_printed_county_has_its_address_and_a_square_code(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/counties/alameda")).text
    assert "Printed from http://localhost:8000/counties/alameda" in page
    assert '<svg class="qr"' in page or 'class="qr"' in page


async def test_a_county_costs_three_queries_cold_and_none_warm(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    run = type(DB).run_querystring

    async def counting(self: object, querystring: object, in_pool: bool = True) -> object:
        asked.append(str(querystring))
        return await run(self, querystring, in_pool)  # type: ignore[arg-type]

    monkeypatch.setattr(type(DB), "run_querystring", counting)
    queries.forget()
    await client.get("/counties/los-angeles")
    assert 1 <= len(asked) <= 3, asked
    asked.clear()
    await client.get("/counties/los-angeles")
    assert asked == []


async def test_a_change_in_the_record_shows_on_the_next_page(client: httpx.AsyncClient) -> None:
    from backend.policies.tables import Rule

    await client.get("/counties/modoc")
    await Rule.update({Rule.citation: "Gov. Code 1"}, force=True)
    assert "Gov. Code 1<" not in (await client.get("/counties/modoc")).text
    queries.forget()
    assert "Gov. Code 1<" in (await client.get("/counties/modoc")).text


async def test_a_stranger_cannot_leave_words_on_a_kept_page(client: httpx.AsyncClient) -> None:
    await client.get("/counties/mono?on=&utm=%3Cb%3Ebad%3C/b%3E&lang=en")
    page = (await client.get("/counties/mono")).text
    assert "utm" not in page
    assert "bad" not in page


async def test_the_data_page_documents_every_question_and_answer(
    client: httpx.AsyncClient,
) -> None:
    from backend.policies.questions import ANSWERS

    page = (await client.get("/data")).text
    for question, answers in ANSWERS.items():
        assert f"<code>{question}</code>" in page
        for answer in answers:
            assert f"<code>{answer}</code>" in page
    assert "Creative Commons" in page


def test_today_is_californias() -> None:
    assert abs((today() - datetime.datetime.now(datetime.UTC).date()).days) <= 1


async def test_what_is_reported_for_the_whole_state_stands_with_the_state(
    client: httpx.AsyncClient,
) -> None:
    holds = (await client.get("/counties?question=hold")).text
    assert "Reported for all of California" in holds
    assert "LA Times" in holds or "Los Angeles Times" in holds
    assert "1,001" in (await client.get("/counties?question=transfer")).text


async def test_yubas_contract_ended_by_ices_own_choice(client: httpx.AsyncClient) -> None:
    page = lines_of((await client.get("/counties/yuba")).text)
    assert "No. It ended on February 8, 2023." in page
    assert "No county rule found. State law applies." in page
    # Marin has a sheriff's rule, and none on keeping people longer.
    marin = lines_of((await client.get("/counties/marin")).text)
    assert "No county rule found on this. State law applies." in marin
    assert "No county rule found. State law applies." not in marin
