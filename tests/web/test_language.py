"""Which language a person gets, and how days are written in it."""

import datetime
import re

import httpx
import pytest

from backend.web import language


@pytest.mark.parametrize(
    ("headers", "query", "code"),
    [
        ({}, "", "en"),
        ({"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}, "", "es"),
        ({"Accept-Language": "fr, de;q=0.9"}, "", "en"),
        ({"Accept-Language": "en;q=0.3, es;q=0.8"}, "", "es"),
        ({"Accept-Language": "es;q=0, en"}, "", "en"),
        ({"Cookie": "lang=es", "Accept-Language": "en"}, "", "es"),
        ({"Cookie": "lang=en", "Accept-Language": "es"}, "", "en"),
        ({"Cookie": "lang=xx", "Accept-Language": "es"}, "", "es"),
        ({"Cookie": "lang=en"}, "?lang=es", "es"),
        ({"Cookie": "__Host-lang=es; lang=en"}, "", "es"),
        ({"Cookie": "__Host-lang=xx; lang=es"}, "", "es"),
        ({"Cookie": "lang=es"}, "?lang=klingon", "es"),
    ],
)
async def test_the_link_then_the_choice_then_the_phone_decide(
    client: httpx.AsyncClient, headers: dict[str, str], query: str, code: str
) -> None:
    answer = await client.get(f"/about{query}", headers=headers)
    assert answer.headers["content-language"] == code
    assert f'<html lang="{code}" dir="ltr">' in answer.text
    assert {"Cookie", "Accept-Language"} <= set(answer.headers["vary"].split(", "))


async def test_a_language_asked_for_is_remembered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/?lang=es")
    assert "lang=es" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert "Max-Age=31536000" in answer.headers["set-cookie"]
    assert (await client.get("/")).headers["content-language"] == "es"


async def test_where_the_site_is_https_only_its_own_host_can_set_the_choice(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_URL", "https://confianza.test")
    said = (await client.get("/?lang=es")).headers["set-cookie"]
    assert said.startswith("__Host-lang=es;")
    assert "Secure" in said
    assert "Path=/" in said
    assert "Domain" not in said
    kept = {"Cookie": "lang=es"}
    assert "set-cookie" not in (await client.get("/?lang=es", headers=kept)).headers


@pytest.mark.parametrize(
    "address",
    ["/counties/nowhere", "/counties/nowhere/detained", "/counties/nowhere/hearings", "/laws/none",
     "/hearings/99999999", "/hearings?county=none", "/hearings/past?county=none",
     "/hearings/forums?year=1", "/counties/fresno?on=bad", "/counties?question=none",
     "/changes?before=x", "/pledges/ABCD", "/campaigns/none",
     f"/enrollment/places/{'0' * 8}-0000-0000-0000-{'0' * 12}"],
)  # fmt: skip
async def test_what_is_refused_is_refused_in_the_readers_language(
    client: httpx.AsyncClient, address: str
) -> None:
    said = {}
    for code in ("en", "es"):
        answer = await client.get(address, headers={"Accept-Language": code})
        assert 400 <= answer.status_code < 500
        [words] = re.findall("(?s)<main.*?>(.*)</main>", answer.text)
        said[code] = set(re.findall(r"<(?:h1|p)[^>]*>\s*([^<]{20,})", words))
        assert said[code]
    assert not said["en"] & said["es"]


async def test_changing_the_language_keeps_the_page(client: httpx.AsyncClient) -> None:
    page = (await client.get("/counties/modoc?on=2014-03-01")).text
    assert 'href="?on=2014-03-01&amp;lang=es" lang="es" hreflang="es"' in page
    found = (await client.get("/find?q=asdfg qwert")).text
    assert 'href="?q=asdfg+qwert&amp;lang=es"' in found


def test_days_and_numbers_are_written_as_people_here_write_them() -> None:
    day = datetime.date(2014, 11, 12)
    token = language.current.set(language.LANGUAGES["es"])
    try:
        assert language.day_in_words(day) == "12 de noviembre de 2014"
        assert language.month_in_words(day) == "noviembre de 2014"
        assert language.number_in_words(1236) == "1,236"
    finally:
        language.current.reset(token)
    assert language.day_in_words(day) == "November 12, 2014"
    assert language.month_in_words(day) == "November 2014"


def test_the_pseudo_language_is_longer_and_keeps_placeholders_and_tags() -> None:
    token = language.current.set(language.PSEUDO)
    try:
        said = language.gettext("<b>%(name)s County</b>: the answer stands first.")
        counted = language.ngettext("%(num)s county", "%(num)s counties", 2)
        assert language.in_words({"en": "No.", "es": "No."}) == "No."
    finally:
        language.current.reset(token)
    assert said == "[<b>%(name)s Cóóúúntýý</b>: théé áánswéér stáánds fíírst.]"
    assert counted == "[%(num)s cóóúúntííéés]"
    plain = "We do not know that ZIP code. Check the numbers, or type your city."
    assert 1.3 < len(language._catalog("qps").gettext(plain)) / len(plain) < 1.5
    assert "%(days)d" in language._catalog("qps").gettext("after %(days)d days")


@pytest.mark.parametrize("development", ["", "1"])
async def test_the_pseudo_language_is_there_in_development_only(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, development: str
) -> None:
    monkeypatch.setenv("DEVELOPMENT", development)
    monkeypatch.setattr(language, "LANGUAGES", dict(language.LANGUAGES))
    language.load()
    answer = await client.get("/about?lang=qps")
    assert answer.headers["content-language"] == ("qps" if development else "en")
    assert ('<html lang="qps" dir="rtl">' in answer.text) == bool(development)
    assert "lang=qps" not in answer.headers.get("set-cookie", "") or development
