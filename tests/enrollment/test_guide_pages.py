"""The guide's pages as the server answers them: sourced, dated, and the same for everyone."""

import datetime
import html
import json
import re

import httpx
import pytest

from backend.enrollment import guide, guide_pages
from backend.web import page_cache
from backend.web.assets import static
from tests.enrollment.test_guide_files import ENGLISH, SPANISH

PAGES = ("/enrollment", "/enrollment/guide", "/enrollment/safe")


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("language", ["en", "es"])
async def test_every_page_is_there_in_both_languages(
    client: httpx.AsyncClient, address: str, language: str
) -> None:
    page = await client.get(f"{address}?lang={language}")
    assert page.status_code == 200
    assert page.headers["content-language"] == language
    assert 'href="tel:+1' in page.text


async def test_spanish_says_that_no_person_has_checked_it_and_links_to_the_english(
    client: httpx.AsyncClient,
) -> None:
    for address in PAGES[1:]:
        spanish = (await client.get(f"{address}?lang=es")).text
        assert "?lang=en" in spanish
        assert 'class="notice small"' in spanish
        assert 'class="notice small"' not in (await client.get(f"{address}?lang=en")).text


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_number_inside_a_sentence_can_be_tapped_also_without_a_network(
    client: httpx.AsyncClient, language: str
) -> None:
    bundle = (await client.get("/offline/more.json")).json()["languages"][language]["pages"]
    page = (await client.get(f"/enrollment/guide?lang={language}")).text
    for whole in (page, bundle["/enrollment/guide"]["main"]):
        sentences = " ".join(re.findall(r'<span class="what">(.*?)</span>', whole, re.DOTALL))
        for number in ("800-822-6222", "415-615-4555", "800-587-8118"):
            address = f"tel:+1{number.replace('-', '')}"
            assert f'<a href="{address}"><bdi>{number}</bdi></a>' in sentences
        bare = re.sub(r"<a .*?</a>", "", sentences, flags=re.DOTALL)
        assert not re.search(r"\d{3}-\d{3}-\d{4}", bare)


async def test_a_spanish_reader_gets_the_spanish_line(client: httpx.AsyncClient) -> None:
    assert "800-300-0213" in (await client.get("/enrollment?lang=es")).text
    english = (await client.get("/enrollment?lang=en")).text
    assert "800-300-1506" in english
    assert "800-300-0213" not in english


@pytest.mark.parametrize("address", PAGES[1:])
async def test_every_sentence_has_its_sources_and_the_day_it_was_checked(
    client: httpx.AsyncClient, address: str
) -> None:
    page = (await client.get(address)).text
    sentences = re.findall(r"(?s)<li id=\"([a-z0-9-]+)\" data-rule(.*?)</li>", page)
    known = guide.guide().sentences if address.endswith("guide") else guide.guide().safe
    by_id = {each.id: each for each in known}
    assert len(sentences) > 12
    for name, text in sentences:
        numbers = re.findall(r'href="#source-(\d+)"', text)
        assert len(numbers) == len(by_id[name].sources), name
        assert f"We read a saved copy on {by_id[name].checked_on:%B %-d, %Y}." in text
        assert ("Confirm with the helpline" in text) == by_id[name].recheck, name
        for number in numbers:
            assert f'id="source-{number}"' in page
    assert len(re.findall(r"Read on November (24|30), 2026\.", page)) == len(
        re.findall('id="source-', page)
    )


@pytest.mark.parametrize("language", ["en", "es"])
async def test_statuses_stand_folded_by_name_under_each_path_and_nobody_is_asked(
    client: httpx.AsyncClient, language: str
) -> None:
    page = (await client.get(f"/enrollment/guide?lang={language}")).text
    folds = re.findall(r'(?s)<details class="statuses">(.*?)</details>', page)
    assert len(folds) == 2, "one under each path"
    for fold, path in zip(folds, ("counted", "other"), strict=True):
        assert not re.search("<(input|select|button|form)", fold)
        known = [each for each in guide.guide().statuses if each.path == path]
        items = re.findall(r'(?s)<li id="status-([a-z-]+)">(.*?)</li>', fold)
        assert [name for name, _text in items] == [each.id for each in known]
        for status, (_name, text) in zip(known, items, strict=True):
            assert html.escape(status.name[language]) in text
            assert 'class="day"' in text
            numbers = re.findall(r'href="#source-(\d+)"', text)
            assert len(numbers) == sum(len(side.sources) for side in status.sides)
            assert all(f'id="source-{number}"' in page for number in numbers)
            assert ("888-804-3536" in text) == status.disputed


def test_daca_tps_and_asylum_asked_for_are_told_with_both_sides() -> None:
    disputed = {each.id for each in guide.guide().statuses if each.disputed}
    assert {"daca", "tps", "asylum-asked"} <= disputed
    for status in guide.guide().statuses:
        if status.disputed:
            first, second = ({each["url"] for each in side.sources} for side in status.sides)
            assert not first & second, status.id


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("address", PAGES)
async def test_no_page_promises_that_nothing_is_shared(
    client: httpx.AsyncClient, address: str, language: str
) -> None:
    page = (await client.get(f"{address}?lang={language}")).text
    patterns = ENGLISH if language == "en" else SPANISH
    main = page.partition("<main")[2].partition("</main>")[0]
    assert [each for each in patterns if re.search(each, main, re.IGNORECASE)] == []


async def test_without_scripts_only_what_holds_today_is_shown(client: httpx.AsyncClient) -> None:
    page = (await client.get("/enrollment/guide")).text
    today = guide_pages.today()
    for sentence in guide.guide().sentences:
        found = re.search(rf'<li id="{sentence.id}" data-rule="[^"]*"[^>]*>', page)
        if sentence.ends and sentence.ends < today:
            assert found is None, sentence.id
        else:
            assert found, sentence.id
            assert found[0].endswith(" hidden>") != sentence.holds_on(today), sentence.id


async def test_nothing_can_be_sent_from_the_guide(client: httpx.AsyncClient) -> None:
    page = (await client.get("/enrollment/guide")).text
    assert "<form" not in page
    assert 'type="submit"' not in page


async def test_what_stands_in_a_strangers_query_changes_nothing(client: httpx.AsyncClient) -> None:
    plain = (await client.get("/enrollment/guide")).text
    asked = await client.get(
        "/enrollment/guide?age=26-49&income=up_to_138&county=kern&on=2024-01-01"
    )
    assert asked.status_code == 200
    assert asked.text == plain


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-10-31", "It has not begun."),
        ("2026-11-24", "38 days are left."),
        ("2026-12-31", "Today is the last day."),
        ("2027-01-01", "we do not know the next dates yet"),
    ],
)
async def test_the_first_page_counts_the_days_to_sign_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, day: str, words: str
) -> None:
    page_cache.clear()
    monkeypatch.setattr(guide_pages, "today", lambda: datetime.date.fromisoformat(day))
    assert words in (await client.get("/enrollment")).text
    page_cache.clear()


async def test_the_three_choices_are_on_the_first_page(client: httpx.AsyncClient) -> None:
    page = (await client.get("/enrollment")).text
    for address in ("/enrollment/guide", "/enrollment/safe", "/enrollment/places"):
        assert f'class="choice" href="{address}"' in page


async def test_the_file_for_the_phone_is_small_and_holds_the_pages(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/offline/more.json", headers={"Accept-Encoding": "br"})
    # Both languages, with the privacy page and the statuses by name.
    assert int(answer.headers["content-length"]) < 29_000
    languages = answer.json()["languages"]
    build = (await client.get("/service-worker.js")).text
    for code in ("en", "es"):
        pages = languages[code]["pages"]
        assert set(PAGES) <= pages.keys()
        needed = {
            found
            for page in pages.values()
            for found in re.findall(r'(?:src|href)="(/static/[^"#]+)', "".join(page.values()))
        }
        assert static("js/guide.js") in needed
        assert all(json.dumps(each)[1:-1] in build for each in needed)
