"""Whether the house lives and is ready, and whom to tell of a hole in it."""

import datetime
import os
from pathlib import Path

import httpx
import pytest

from backend.about import health_pages
from backend.database import DB


@pytest.fixture(autouse=True)
def nothing_trusted_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_pages._Tables, "found_up_to_date", -health_pages.TRUSTED)


async def ready(client: httpx.AsyncClient) -> tuple[int, str]:
    answer = await client.get("/readyz")
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.text


async def test_a_house_in_order_is_ready(client: httpx.AsyncClient) -> None:
    assert await ready(client) == (200, "ok\n")
    assert (await client.get("/healthz")).text == "ok\n"


async def test_tables_that_are_behind_are_told(client: httpx.AsyncClient) -> None:
    await DB.run_ddl(
        "DELETE FROM migration WHERE id = (SELECT id FROM migration ORDER BY name DESC LIMIT 1)"
    )
    assert await ready(client) == (503, "the database's tables are not up to date\n")
    assert (await client.get("/healthz")).status_code == 200


async def test_tables_of_a_newer_release_do_not_stop_this_one(client: httpx.AsyncClient) -> None:
    await DB.run_ddl(
        "INSERT INTO migration (name, app_name, ran_on) VALUES ('2999-01-01', 'confianza', now())"
    )
    assert await ready(client) == (200, "ok\n")


async def test_a_database_without_tables_is_told(client: httpx.AsyncClient) -> None:
    await DB.run_ddl("ALTER TABLE migration RENAME TO elsewhere")
    assert await ready(client) == (503, "the database has no tables yet\n")


async def test_up_to_date_tables_are_not_looked_at_every_time(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(client)
    monkeypatch.setattr(health_pages, "_migrations", lambda: {"one more"})
    assert await ready(client) == (200, "ok\n")
    monkeypatch.setattr(health_pages, "TRUSTED", 0.0)
    assert (await ready(client))[0] == 503


async def test_keys_that_cannot_be_read_are_told(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys" / "keys.json"
    monkeypatch.setenv("KEYS", str(keys))
    assert await ready(client) == (200, "ok\n")
    keys.parent.mkdir()
    keys.write_text('{"keys": [{"secret": "c2VjcmV0"}]}')
    told = "the file of keys cannot be read; restore it from a backup\n"
    assert await ready(client) == (503, told)
    keys.write_text('{"keys": []}')
    assert await ready(client) == (200, "ok\n")
    keys.unlink()
    # Root may write everywhere, so ask whether the question is the right one.
    monkeypatch.setattr(os, "access", lambda path, how: (path, how) != (keys.parent, os.W_OK))
    assert await ready(client) == (503, "there is no file of keys, and none can be made\n")


async def test_without_a_contact_there_is_no_security_file(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECURITY_CONTACT", raising=False)
    answer = await client.get("/.well-known/security.txt")
    assert answer.status_code == 404
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("security@cipc.example", "mailto:security@cipc.example"),
        ("https://cipc.example/security", "https://cipc.example/security"),
        ("mailto:a@cipc.example", "mailto:a@cipc.example"),
    ],
)
async def test_the_security_file_is_as_rfc_9116_wants_it(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, contact: str, shown: str
) -> None:
    monkeypatch.setenv("SECURITY_CONTACT", contact)
    monkeypatch.setenv("SITE_URL", "https://confianza.example/")
    answer = await client.get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    expires = datetime.datetime.fromisoformat(fields.pop("Expires"))
    left = expires - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=30) < left < datetime.timedelta(days=365)
    assert fields == {
        "Contact": shown,
        "Preferred-Languages": "en, es",
        "Canonical": "https://confianza.example/.well-known/security.txt",
    }
