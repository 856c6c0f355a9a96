"""Finding help: who serves my county, who is near, who speaks my language, who is open."""

import datetime
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import brotli
import httpx
import pytest
from litestar.datastructures import MultiDict

from backend import database
from backend.counties import gazetteer
from backend.enrollment import flags, importing, loading, places, storing
from backend.enrollment import search as searching
from backend.enrollment.found import Found
from backend.enrollment.places import id_of
from backend.enrollment.search import Results, meters_between
from backend.enrollment.tables import HelpPlace, WrongFlag
from backend.web import language, page_cache
from tests.enrollment.making import clinics, hrsa, hrsa_row
from tests.enrollment.test_importers import bring

NOW = datetime.datetime(2026, 11, 24, 18, 0, tzinfo=datetime.UTC)  # Tuesday, 10:00 in California
TODAY = datetime.date(2026, 11, 24)


async def search(now: datetime.datetime = NOW, **query: str) -> Results:
    return await searching.search(searching.read(MultiDict(query)), now)


async def put(found: list[Found], source: str = "test") -> None:
    async with database.connection() as connection:
        await storing.stage(connection, iter(found), source, _silent)
        await storing.store(connection, source, set(), TODAY)


async def _silent(_number: int) -> None:
    pass


def a_place(key: str, latitude: float = 36.74, longitude: float = -119.79, **fields: Any) -> Found:
    kind = fields.pop("kind", "counselor")
    return Found(
        key=key,
        kind=kind,
        name=f"Place {key}",
        organization=("org", "An organization"),
        service=("svc", "Counseling"),
        fields={"latitude": latitude, "longitude": longitude, "point_of": "place", **fields},
    )


async def test_the_files_loaded_twice_change_nothing(record: None) -> None:
    assert not await loading.load()


async def test_what_nobody_found_out_stays_blank(record: None) -> None:
    found = await searching.fetch("p.source = 'offices'")
    assert len(found) == 60
    assert len({place.county for place in found}) == 42
    fresno = next(place for place in found if place.county == "fresno")
    assert [phone["number"] for phone in fresno.phones] == ["+18776001377", "+18558328082"]
    assert (fresno.schedules, fresno.languages, fresno.assured_date) == ([], [], None)
    assert all(place.assured_date is None or place.review_by for place in found)
    kings = await search(county="kings")
    assert kings.mine == []
    assert kings.statewide[0].name == "Covered California"


async def test_covered_california_has_a_line_for_each_of_thirteen_languages(record: None) -> None:
    [line] = await searching.fetch("p.source_key = 'covered-california'")
    assert len(line.phones) == 13
    spoken = {code for phone in line.phones for code in phone["languages"]}
    assert spoken == set(places.LANGUAGES) - {"mix"}
    assert places.phones_for(line.phones, "es")[0]["number"] == "+18003000213"


async def test_what_serves_my_county_is_apart_from_what_is_near(record: None) -> None:
    await put([a_place("near"), a_place("over the line", 36.33, -119.65),
               a_place("of Tulare only", covers=["tulare"])])  # fmt: skip
    found = await search(zip="93721")
    assert {place.county for place in found.mine} == {"fresno"}
    names = [place.name for place in found.near]
    assert names[:2] == ["Place near", "Place over the line"]
    assert "Place of Tulare only" not in names
    assert [place.distance for place in found.near] == sorted(
        place.distance or 0 for place in found.near
    )


async def test_far_away_is_still_an_answer(record: None) -> None:
    await put([a_place("far", 32.7, -117.1)])
    [place] = (await search(zip="96101")).near
    assert place.distance
    assert place.distance > 900_000


async def test_a_language_keeps_who_may_speak_it(record: None) -> None:
    await put([a_place("spanish", languages=["es"]), a_place("hmong", languages=["hmn"]),
               a_place("not known", 36.9)])  # fmt: skip
    names = [place.name for place in (await search(zip="93721", language="es")).near]
    assert names == ["Place spanish", "Place not known"]


async def test_open_now_is_by_the_clock_in_california(record: None) -> None:
    hours = [{"byday": "MO,TU,WE,TH,FR", "opens_at": "08:00", "closes_at": "17:00"}]
    await put([a_place("office", schedules=hours), a_place("not known")])
    assert [p.name for p in (await search(zip="93721", open="1")).near] == ["Place office"]
    for moment in ("2026-11-24T15:59", "2026-11-25T01:00", "2026-11-28T18:00"):
        at = datetime.datetime.fromisoformat(f"{moment}:00+00:00")
        assert (await search(at, zip="93721", open="1")).near == []
    # In summer the clock is an hour ahead.
    summer = datetime.datetime(2026, 7, 7, 15, 0, tzinfo=datetime.UTC)
    assert len((await search(summer, zip="93721", open="1")).near) == 1


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-24T18:00", "Open now, until 5:00 PM."),
        ("2026-11-24T15:00", "Closed now. Opens Tuesday at 8:00 AM."),
        ("2026-11-25T02:00", "Closed now. Opens Wednesday at 8:00 AM."),
        ("2026-11-28T18:00", "Closed now. Opens Monday at 8:00 AM."),
    ],
)
def test_hours_are_told_in_words(moment: str, words: str) -> None:
    hours = [{"byday": "MO,TU,WE,TH,FR", "opens_at": "08:00", "closes_at": "17:00"}]
    at = datetime.datetime.fromisoformat(f"{moment}:00+00:00")
    assert places.hours_now(hours, at).replace("\u202f", " ") == words
    assert places.hours_in_words(hours)[0].replace("\u202f", " ") == (
        "Monday to Friday, 8:00 AM to 5:00 PM"
    )


async def test_what_is_past_its_day_says_so_and_stands_last(
    client: httpx.AsyncClient,
) -> None:
    old = {"assured_date": datetime.date(2025, 1, 1), "review_by": datetime.date(2025, 7, 1)}
    await put([a_place("old", **old), a_place("fresh", 36.9)])
    assert [p.name for p in (await search(zip="93721")).near] == ["Place fresh", "Place old"]
    page = await client.get("/enrollment/places?zip=93721")
    assert "Last read on January 1, 2025. It may have changed" in page.text


async def test_a_zip_of_two_counties_asks_which(client: httpx.AsyncClient) -> None:
    page = await client.get("/enrollment/places?zip=94303")
    assert "Which county do you live in?" in page.text
    assert 'href="/enrollment/places?county=san-mateo"' in page.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200), ("zip=93721", 200), ("city=Fresno", 200), ("county=los-angeles", 200),
        ("zip=fresno&language=xx&kind=zz&open=2&page=-1", 200), ("zip=10001", 404),
        ("zip=%00", 400), ("zip=" + "9" * 3000, 404), ("zip=93721&page=999", 200),
        ("zip=93721&zip=94102&page=99999999999999999999", 200), ("zip=<script>", 404),
    ],
)  # fmt: skip
async def test_any_question_gets_a_page_with_someone_to_call(
    client: httpx.AsyncClient, query: str, status: int
) -> None:
    page = await client.get(f"/enrollment/places?{query}")
    assert page.status_code in (status, 404 if "%00" in query else status)
    if page.status_code == 200 or "%00" not in query:
        assert 'href="tel:+18003001506"' in page.text
    assert "<script>" not in page.text


async def test_a_card_says_who_where_when_and_how_to_call(client: httpx.AsyncClient) -> None:
    await put(
        [
            a_place(
                "card",
                address="2 Elm St",
                city="Fresno",
                zip="93721",
                languages=["es", "mix"],
                ask_for={"en": "Rosa’s team", "es": "el equipo de Rosa"},
                phones=[{"number": "+15595550100", "languages": ["es"], "type": "voice"}],
                serves_everyone=True,
                assured_date=TODAY,
                review_by=datetime.date(2027, 5, 1),
            )
        ]
    )
    page = (await client.get("/enrollment/places?zip=93721&lang=es")).text
    card = page[page.index("Place card") - 400 : page.index("Place card") + 2500]
    for words in ("tel:+15595550100", "2 Elm St, Fresno CA 93721", "geo:36.74000,-119.79000",
                  "español, mixteco", "Pregunte por: el equipo de Rosa", "millas"):  # fmt: skip
        assert words in card, words
    assert 'itemtype="https://schema.org/NGO"' in card
    one = (await client.get(f"/enrollment/places/{id_of('test', 'card')}")).text
    assert "(559) 555-0100" in one
    assert 'class="qr"' in one


async def test_one_place_that_is_not_there(client: httpx.AsyncClient) -> None:
    for id in ("x", "0" * 40, "00000000-0000-0000-0000-000000000000"):
        assert (await client.get(f"/enrollment/places/{id}")).status_code == 404


async def test_a_place_that_vanished_still_has_its_page(client: httpx.AsyncClient) -> None:
    await put([a_place("gone"), a_place("stays")])
    await put([a_place("stays")])
    page = await client.get(f"/enrollment/places/{id_of('test', 'gone')}")
    assert page.status_code == 410
    assert "Its source names it no more since" in page.text
    assert "Place gone" not in (await client.get("/enrollment/places?zip=93721")).text


SENT = {"Sec-Fetch-Site": "same-origin"}


async def test_anyone_can_say_that_a_card_is_wrong_without_a_name(
    client: httpx.AsyncClient,
) -> None:
    await put([a_place("flagged")])
    address = f"/enrollment/places/{id_of('test', 'flagged')}"
    wrong = f"{address}/wrong"
    asked = (await client.get(address)).text
    assert "Do not write your name" in asked
    assert f"after {flags.KEPT.days} days" in asked
    refused = await client.post(wrong, data={"what": "", "words": "Ocupado"}, headers=SENT)
    assert refused.status_code == 422
    assert "Ocupado" in refused.text
    long = await client.post(wrong, data={"what": "phone", "words": "x" * 301}, headers=SENT)
    assert long.status_code == 422
    done = await client.post(wrong, data={"what": "phone", "words": "busy\0 all day"}, headers=SENT)
    assert done.headers["location"] == f"{address}?told=1"
    assert "We do not know who you are" in (await client.get(f"{address}?told=1")).text
    await client.post(wrong, data={"what": "phone", "website": "spam"}, headers=SENT)
    [flag] = await WrongFlag.select()
    assert (flag["what"], flags.words_of(flag)) == ("phone", "busy all day")
    assert "busy" not in repr(flag)
    columns = {"id", "place", "what", "words", "data_key", "sealed", "made_at"}
    assert set(flag) == columns | {"settled_at", "settled_by"}
    for _ in range(9):
        await client.post(wrong, data={"what": "closed"}, headers=SENT)
    again = await client.post(wrong, data={"what": "closed"}, headers=SENT)
    assert again.status_code == 429


async def test_all_together_cannot_say_more_than_the_desk_can_read(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    await put([a_place("flagged")])
    wrong = f"/enrollment/places/{id_of('test', 'flagged')}/wrong"
    answers = []
    for number in range(302):
        network = {**SENT, "X-Forwarded-For": f"127.{number % 250}.{number // 250}.1"}
        answers.append(await client.post(wrong, data={"what": "closed"}, headers=network))
    assert [it.status_code for it in answers].count(303) in (300, 301)
    assert answers[-1].status_code == 429


# Near, fast


def many(number: int) -> Iterator[Found]:
    chance = random.Random(2026)
    for key in range(number):
        yield a_place(f"{key:05d}", chance.uniform(32.6, 41.9), chance.uniform(-123.5, -115.0))


async def test_the_nearest_20_of_20_000_come_by_the_index_in_less_than_10_ms(
    record: None,
) -> None:
    await put(list(many(20_000)))
    wanted = searching.read(MultiDict({"zip": "93721"}))
    assert wanted.point is not None
    async with database.connection() as connection:
        await connection.execute("ANALYZE help_place")
        question = searching.NEAREST.format(where="", limit=3)
        point = (wanted.point[1] * 0.8, wanted.point[0])
        plan = await connection.fetch(f"EXPLAIN {question}", *point, 60)
        assert "Index Scan using help_place_spot" in str(plan)
        found = await searching.nearest(connection, wanted, NOW)
    exact = sorted(
        (meters_between(wanted.point, (p.fields["latitude"], p.fields["longitude"])), p.key)
        for p in many(20_000)
    )
    near = [place.source_key for place in found if place.source == "test"]
    assert near[:20] == [key for _meters, key in exact[:20]]


@pytest.mark.parametrize(
    ("one", "other", "meters"),
    [
        ((34.0522, -118.2437), (37.7749, -122.4194), 559_120),
        ((0, 0), (0, 0), 0),
        ((32.5, -117), (42, -124), 1_219_000),
    ],
)
def test_distances_are_those_of_the_globe(
    one: tuple[float, float], other: tuple[float, float], meters: float
) -> None:
    assert meters_between(one, other) == pytest.approx(meters, rel=0.005)


# On the phone


@pytest.mark.slow
async def test_each_countys_list_fits_on_the_phone(client: httpx.AsyncClient) -> None:
    await bring("cdph", clinics())
    assert (await bring("hrsa", hrsa([hrsa_row(number) for number in range(500)]))).applied
    page_cache.clear()
    largest = 0
    for county in gazetteer.counties():
        answer = await client.get(f"/offline/counties/{county.slug}/help.json",
                                  headers={"Accept-Encoding": "br"})  # fmt: skip
        assert answer.status_code == 200
        size = len(brotli.compress(answer.content, quality=11))
        largest = max(largest, size)
        assert size <= 60_000, county.slug
        whole = answer.json()
        lines = [each["name"] for each in whole["places"] if each.get("all")]
        assert lines[:1] or whole["places"]
        assert set(lines) >= {"Covered California", "Medi-Cal Member Helpline", "211"}
    assert largest > 15_000
    page_cache.clear()


async def test_a_list_that_does_not_fit_leaves_out_the_farthest_clinics(
    client: httpx.AsyncClient,
) -> None:
    chance = random.Random(7)
    await put([
        a_place(f"{chance.random()}", chance.uniform(36.1, 37.2), kind="clinic", county="fresno",
                address=f"{chance.random()} {chance.random()} St", city="Fresno")
        for _ in range(3000)
    ])  # fmt: skip
    page_cache.clear()
    answer = await client.get("/offline/counties/fresno/help.json")
    whole = answer.json()
    assert whole["left_out"] > 0
    assert len(brotli.compress(answer.content, quality=11)) <= 60_000
    names = {each["name"] for each in whole["places"]}
    assert {"Fresno County Department of Social Services", "Covered California"} <= names
    page_cache.clear()


async def test_the_list_for_the_phone_has_the_words_of_both_languages(
    client: httpx.AsyncClient,
) -> None:
    page_cache.clear()
    whole = (await client.get("/offline/counties/fresno/help.json")).json()
    assert set(whole["words"]) == set(language.LANGUAGES)
    assert whole["words"]["es"]["languages"]["es"] == "español"
    assert whole["points"]["93721"] == [36.7324, -119.7844] or len(whole["points"]["93721"]) == 2
    assert re.search(r'"tel:\+18003000213"', json.dumps(whole))
    assert (await client.get("/offline/counties/atlantis/help.json")).status_code == 404


async def test_every_place_can_be_sent_as_text(record: None) -> None:
    for place in await searching.fetch("TRUE"):
        text = places.as_text(place, "es", "https://example.org/x")
        assert place.name in text
        assert text.endswith("https://example.org/x")


async def test_nothing_here_is_asked_of_a_person_or_kept_of_one() -> None:
    columns = {column._meta.name for column in HelpPlace._meta.columns}
    assert not columns & {"email", "contact", "person"}
    assert "CONTACT_EMAIL" not in str(importing.SOURCES["cdph"].read.__globals__["COLUMNS"])
