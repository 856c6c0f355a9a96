"""Asking other systems: what may be asked, where it may lead, and what goes wrong in words."""

import asyncio
import gzip
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from backend.hearings.fetching import (
    CannotRead,
    Fetcher,
    TooLarge,
    decoded,
    fetching,
    is_public,
)
from tests.hearings import agenda_server
from tests.hearings.agenda_server import Agendas

HOST = "agendas.example.org"
LIST = f"https://{HOST}/list"
AWAY = "It sends us to a place that it was not set up for, so we did not go there."


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agendas]:
    async with agenda_server.agendas() as held:
        monkeypatch.setenv("DEVELOPMENT", "1")
        monkeypatch.setenv("IMPORTS_FROM", held.url)
        monkeypatch.setattr("backend.hearings.fetching.PAUSE", 0.01)
        yield held


@pytest.fixture
async def fetcher(there: Agendas) -> AsyncIterator[Fetcher]:
    async with fetching([HOST, "other.example.org"], patience=5) as made:
        yield made


async def refused(fetcher: Fetcher, url: str = LIST, **options: Any) -> str:
    with pytest.raises(CannotRead) as told:
        await fetcher.json(url, list[dict[str, Any]], **options)
    return str(told.value)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (agenda_server.status(401), "It wants a key, or ours is wrong (it answered 401)."),
        (agenda_server.status(403), "It does not let us in (it answered 403)."),
        (agenda_server.status(404), "There is nothing at this address (it answered 404)."),
        (agenda_server.status(410), "It hides this from the public (it answered 410)."),
        (agenda_server.status(429), "It asks us to come less often (it answered 429)."),
        (agenda_server.status(503), "It is closed for now (it answered 503)."),
        (agenda_server.status(500), "It answered with the error 500."),
        (agenda_server.body(b'[{"EventId": 1}, {"Ev'), "What it sent breaks off or is no JSON."),
        (agenda_server.body(b"<html>Log in</html>"), "What it sent breaks off or is no JSON."),
        (agenda_server.body(b"[" * 100_000), "What it sent does not look as it should."),
        (agenda_server.body(b'{"Message": "no"}'), "What it sent does not look as it should."),
        (agenda_server.body(b""), "What it sent breaks off or is no JSON."),
        (agenda_server.to("https://[broken/"), AWAY),
        (agenda_server.break_off, "The connection broke in the middle of its answer."),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_told_in_words_of_our_own(
    there: Agendas, fetcher: Fetcher, fault: agenda_server.Fault, words: str
) -> None:
    there.faults["/list"] = fault
    assert await refused(fetcher) == words


async def test_who_stumbles_once_is_asked_again(there: Agendas, fetcher: Fetcher) -> None:
    there.pages["/list"] = (b"[{}]", "application/json")
    there.faults["/list"] = agenda_server.once(agenda_server.status(500))
    assert await fetcher.json(LIST, list[dict[str, Any]]) == [{}]
    assert len(there.asked) == 2


async def test_who_never_answers_is_left(there: Agendas) -> None:
    there.faults["/list"] = agenda_server.hang
    async with asyncio.timeout(15), fetching([HOST], patience=0.2) as fetcher:
        assert await refused(fetcher) == "It took too long to answer."


async def test_a_list_of_40_mb_is_not_read_to_its_end(there: Agendas, fetcher: Fetcher) -> None:
    there.faults["/list"] = agenda_server.endless(40)
    with pytest.raises(TooLarge, match="more than 20 MB at once"):
        await fetcher.json(LIST, list[dict[str, Any]])
    assert await refused(fetcher, most=1_000_000) == (
        "It sent more than 1 MB at once, so we stopped reading."
    )


async def test_a_small_answer_that_unpacks_to_much_is_too_large(
    there: Agendas, fetcher: Fetcher
) -> None:
    async def bomb(_request: web.Request) -> web.StreamResponse:
        packed = gzip.compress(b" " * 40_000_000)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    there.faults["/list"] = bomb
    assert "more than 20 MB" in await refused(fetcher)


@pytest.mark.parametrize(
    "away",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/list",
        "https://[::1]/list",
        "https://2130706433/list",
        "http://agendas.example.org/list",
        "https://agendas.example.org:8443/list",
        "https://somebody@agendas.example.org/list",
        "https://elsewhere.example.org/list",
        "file:///etc/passwd",
        "//localhost/list",
    ],
)
async def test_a_redirect_leads_only_to_hosts_of_the_source(
    there: Agendas, fetcher: Fetcher, away: str
) -> None:
    there.faults["/list"] = agenda_server.to(away)
    assert await refused(fetcher) == AWAY
    assert len(there.asked) == 1


async def test_a_redirect_within_the_source_is_followed_but_not_for_ever(
    there: Agendas, fetcher: Fetcher
) -> None:
    there.faults["/list"] = agenda_server.to("/new")
    there.pages["/new"] = (b"[]", "application/json")
    assert await fetcher.json(LIST, list[Any]) == []
    there.faults["/new"] = agenda_server.to("/list")
    assert await refused(fetcher) == (
        "It sends us from one address to the next without an end."
    )  # fmt: skip


async def test_a_key_goes_to_nobody_else(there: Agendas) -> None:
    keys: list[tuple[str, str]] = []

    async def keep(request: web.Request) -> web.StreamResponse:
        keys.append((request.host.partition(":")[0], request.headers.get("X-API-KEY", "")))
        if "other" in request.host:
            return web.json_response([])
        return web.Response(status=302, headers={"Location": "https://other.example.org/list"})

    there.faults["/list"] = keep
    hosts = [HOST, "other.example.org"]
    async with fetching(hosts, headers={"X-API-KEY": "secret"}, patience=5) as fetcher:
        await fetcher.json(LIST, list[Any])
    assert keys == [(HOST, "secret"), ("other.example.org", "")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.0.8", "fec0::1", "3fff::1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1",
        "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe", "nonsense",
    ],
)  # fmt: skip
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:220:1::1", "64:ff9b::5db8:d70e"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


async def test_a_name_with_a_private_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMPORTS_FROM", "")

    async def lookup(host: str, _port: int) -> list[str]:
        # One good address does not make the other one good.
        return ["93.184.215.14", "10.0.0.7"]

    async with fetching([HOST], patience=5, lookup=lookup) as fetcher:
        assert await refused(fetcher) == (
            "Its server’s address is not a public one, so we do not connect to it."
        )


async def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORTS_FROM", "")

    async def lookup(host: str, _port: int) -> list[str]:
        raise OSError(-2, "unknown")

    async with fetching([HOST], patience=5, lookup=lookup) as fetcher:
        assert await refused(fetcher) == "The name of its server cannot be found."


async def test_nobody_is_asked_where_reading_is_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORTS_FROM", "nowhere")
    async with fetching([HOST], patience=5) as fetcher:
        assert await refused(fetcher) == "Reading from other places is turned off here."


async def test_a_certificate_of_somebody_elses_making_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def answer(_request: web.Request) -> web.StreamResponse:
        raise AssertionError

    app = web.Application()
    app.router.add_get("/list", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        port = runner.addresses[0][1]
        monkeypatch.setenv("DEVELOPMENT", "1")
        monkeypatch.setenv("IMPORTS_FROM", f"https://127.0.0.1:{port}")
        async with fetching([HOST], patience=5) as fetcher:
            assert await refused(fetcher) == (
                "Its certificate is not valid, so it may be somebody else. We did not read it."
            )
    finally:
        await runner.cleanup()


async def test_who_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVELOPMENT", "1")
    monkeypatch.setenv("IMPORTS_FROM", "http://127.0.0.1:1")
    async with fetching([HOST], patience=5) as fetcher:
        assert await refused(fetcher) == "It does not answer."


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("Señal".encode(), "utf-8"),
        ("Señal".encode("cp1252"), "utf-8"),
        ("Señal".encode("cp1252"), ""),
        ("Señal".encode("cp1252"), "no-such-charset"),
        ("Señal".encode("utf-16"), ""),
        ("Señal".encode("utf-8-sig"), "iso-8859-1"),
    ],
)
def test_the_words_are_right_whatever_a_source_says_they_are_in(body: bytes, charset: str) -> None:
    assert decoded(body, charset) == "Señal"


async def test_a_list_in_windows_letters_is_read(there: Agendas, fetcher: Fetcher) -> None:
    there.pages["/list"] = ('[{"name": "Peña"}]'.encode("cp1252"), "application/json")
    assert await fetcher.json(LIST, list[dict[str, Any]]) == [{"name": "Peña"}]


async def test_who_asks_for_news_is_told_when_there_are_none(
    there: Agendas, fetcher: Fetcher
) -> None:
    there.pages["/list"] = (b"[]", "application/json")
    first = await fetcher.get(LIST)
    assert first.body == b"[]"
    assert (await fetcher.get(LIST, etag=first.etag)).body is None
