"""What operators may count, and that it tells of nobody."""

import asyncio
import contextlib
import re
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend import settings
from backend.settings import HOUSE
from tests.serving import serving


def samples(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Values of one metric by their labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def requests(text: str, route: str, method: str, status: str) -> float:
    key = (("method", method), ("route", route), ("status", status))
    return samples(text, "confianza_requests_total").get(key, 0)


async def test_requests_are_counted_by_template_method_and_status(
    client: httpx.AsyncClient,
) -> None:
    before = (await client.get("/metrics")).text
    await client.get("/counties/modoc?q=sEcretQuery")
    await client.get("/counties/alpine", headers={"X-Odd": "sEcretHeader"})
    await client.get("/counties/sEcretCounty")
    await client.head("/counties/modoc")
    await client.get("/sEcretNothing")
    await client.request("DELETE", "/about", headers={"Sec-Fetch-Site": "same-origin"})
    await client.post("/about")
    await client.request("SECRETS", "/about")
    after = (await client.get("/metrics")).text
    for route, method, status, times in (
        ("/counties/{slug}", "GET", "2xx", 2),
        ("/counties/{slug}", "GET", "4xx", 1),
        ("/counties/{slug}", "HEAD", "2xx", 1),
        ("(none)", "GET", "4xx", 1),
        ("(none)", "DELETE", "4xx", 1),
        ("(none)", "POST", "4xx", 1),
        ("(none)", "(other)", "4xx", 1),
        ("/metrics", "GET", "2xx", 1),
    ):
        key = route, method, status
        assert requests(after, *key) - requests(before, *key) == times, key
    assert "ecret" not in after.lower()
    assert "modoc" not in after


async def test_how_long_it_took_is_counted_by_template(client: httpx.AsyncClient) -> None:
    def took(text: str, name: str) -> float:
        return samples(text, f"confianza_request_seconds_{name}").get((("route", "/about"),), 0)

    before = (await client.get("/metrics")).text
    await client.get("/about")
    after = (await client.get("/metrics")).text
    assert took(after, "count") - took(before, "count") == 1
    assert 0 < took(after, "sum") - took(before, "sum") < 10


async def test_nothing_is_in_flight_but_the_question_itself(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        text = (await client.get("/metrics")).text
    assert samples(text, "confianza_requests_in_flight") == {(): 1}


async def test_the_record_the_queue_and_the_process_are_told(client: httpx.AsyncClient) -> None:
    from backend.database import DB

    await DB.run_ddl(
        "INSERT INTO pgqueuer (priority, status, entrypoint, created, updated, execute_after)"
        " SELECT 0, s::pgqueuer_status, 'x', now(), now(), now() + after * interval '1 hour'"
        " FROM (VALUES ('queued', -2), ('queued', -1), ('queued', 5), ('failed', -1),"
        " ('picked', -1)) AS it (s, after)"
    )
    answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"

    def one(name: str) -> float:
        [value] = samples(answer.text, f"confianza_{name}").values()
        return value

    assert one("database_up") == 1
    assert 0 <= one("record_age_seconds") < 24 * 3600
    assert one("web_memory_bytes") > 10_000_000
    assert one("web_processes") == 1
    waits = {name: one(f"queue_{name}") for name in ("waiting", "later", "in_hand", "failed")}
    assert waits == {"waiting": 2, "later": 1, "in_hand": 1, "failed": 1}
    assert 7199 < one("queue_oldest_seconds") < 7300
    assert samples(answer.text, "confianza_build_info") == {
        (("python", re.search(r'python="(.*?)"', answer.text)[1]),  # type: ignore[index]
         ("release", ""), ("version", settings.VERSION)): 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "127.0.0.1"}, 404),
        ({"Forwarded": "for=127.0.0.1"}, 404),
        ({"X-Real-IP": "127.0.0.1"}, 404),
        ({"Via": "1.1 proxy"}, 404),
        ({"X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer right-token"}, 200),
        ({"X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer wrong-token"}, 404),
        ({"X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer "}, 404),
        ({"X-Forwarded-For": "10.0.0.1", "Authorization": "Basic right-token"}, 404),
        ({"X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer ñandú"}, 404),
    ],
)
async def test_only_this_machine_and_who_knows_the_token_may_read(
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    status: int,
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "right-token")
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await client.get("/metrics", headers=raw)
    assert answer.status_code == status
    if status == 404:
        assert "<h1>" in answer.text
        assert "confianza_requests" not in answer.text


@pytest.mark.parametrize("given", ["Bearer ", "Bearer", ""])
async def test_no_token_is_no_way_in(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    answer = await client.get("/metrics", headers={"Authorization": given, "Via": "1.1 proxy"})
    assert answer.status_code == 404


async def test_a_stranger_without_a_proxy_is_no_neighbor(record: None) -> None:
    from backend.app import app

    transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://confianza.test") as far:
        assert (await far.get("/metrics")).status_code == 404


def test_several_processes_are_counted_together(tmp_path: Path, own_url: str) -> None:
    told = {"DATABASE_URL": own_url, "WEB_WORKERS": "2", "TMPDIR": str(tmp_path)}
    with serving(tmp_path / "log", **told) as site:
        folder = next(tmp_path.glob("confianza-metrics-*"))

        async def ask_often() -> None:
            # A connection each, so that both processes get some of them.
            for _ in range(40):
                async with httpx.AsyncClient(timeout=30) as one:
                    await one.get(f"{site.url}/robots.txt")

        asyncio.run(ask_often())
        text = httpx.get(f"{site.url}/metrics", timeout=30).text
        assert requests(text, "/robots.txt", "GET", "2xx") == 40
        # A process asks itself for pages while it makes the offline bundle.
        until = time.monotonic() + 60
        while samples(text, "confianza_requests_in_flight") != {(): 1}:
            assert time.monotonic() < until, text
            text = httpx.get(f"{site.url}/metrics", timeout=30).text
        assert samples(text, "confianza_web_processes") == {(): 2}
        assert len(list(folder.glob("counter_*.db"))) == 2
    assert not folder.exists()


def test_the_version_is_the_packages() -> None:
    import tomllib

    told = tomllib.loads((HOUSE / "pyproject.toml").read_text("utf-8"))
    assert told["project"]["version"] == settings.VERSION


async def test_a_client_that_leaves_is_counted_too() -> None:
    from backend.web import bodies, metrics, middleware

    async def never(scope: object, receive: object, send: object) -> None:
        await asyncio.Event().wait()

    held = metrics.IN_FLIGHT._value.get()
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    task = asyncio.create_task(middleware.gate(never, bodies.Rules([]))(scope, None, None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert metrics.IN_FLIGHT._value.get() == held + 1
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert metrics.IN_FLIGHT._value.get() == held
    [counted] = [
        each.value
        for family in metrics.REQUESTS.collect()
        for each in family.samples
        if each.name.endswith("_total") and each.labels["status"] == "(broken off)"
    ]
    assert counted == 1
