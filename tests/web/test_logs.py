"""Whatever happens, what the house writes tells of nobody."""

import contextlib
import json
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend import database_roles
from tests.databases import command, empty_database, execute, run
from tests.serving import Served, serving

CANARY = "cAnary7Bird"


@pytest.fixture(scope="module")
def broken_house(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A site of its own, whose database will be taken apart under it."""
    log = tmp_path_factory.mktemp("logs") / "log"
    with (
        empty_database(server_url, "logs") as url,
        serving(log, DATABASE_URL=url, WEB_WORKERS="2") as site,
    ):
        # From here on reading the record fails, with an error that holds a name.
        execute(
            url,
            "ALTER TABLE rule RENAME TO rule_before",
            "CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'it was {CANARY}'; END $$",
            "CREATE VIEW rule AS SELECT b.* FROM rule_before b WHERE fail() = 1",
            f"GRANT SELECT ON rule TO {database_roles.APP}",
            "NOTIFY record_changed",
        )
        yield site


def test_the_real_site_writes_nothing_of_who_asks_for_what(broken_house: Served) -> None:
    url = broken_house.url
    headers = {
        "User-Agent": CANARY,
        "Referer": f"https://{CANARY}.test/",
        "Cookie": f"lang={CANARY}; __Host-desk={CANARY}; other={CANARY}",
        "X-Forwarded-For": "203.0.113.77",
        "Authorization": f"Bearer {CANARY}",
        "Accept-Language": CANARY,
    }
    same = {**headers, "Sec-Fetch-Site": "same-origin"}
    form = {"name": CANARY, "email": f"{CANARY}@example.org", "form_token": CANARY}
    seen = set()
    with httpx.Client(base_url=url, headers=headers) as visitor:
        for address in (
            f"/find?q={CANARY}", f"/counties/{CANARY}", f"/{CANARY}?on={CANARY}",
            f"/counties/modoc?on={CANARY}", f"/laws/{CANARY}", f"/desk/{CANARY}",
            f"/api/v1/counties/{CANARY}?x={CANARY}", f"/api/v1/zips/{CANARY}",
            f"/static/{CANARY}.css", f"/metrics?{CANARY}", f"/%00{CANARY}", f"/%ff{CANARY}",
            f"/find?q={CANARY * 1000}",
        ):  # fmt: skip
            seen.add(visitor.get(address).status_code)
        for address in (f"/find?{CANARY}", f"/{CANARY}", "/desk", "/desk/sign-in", "/forget"):
            seen.add(visitor.post(address, data=form, headers=same).status_code)
            seen.add(visitor.post(address, data=form).status_code)
            seen.add(visitor.post(address, json=form, headers=same).status_code)
        visitor.request(CANARY.upper(), f"/{CANARY}")
        broken = [
            visitor.get(f"/counties/modoc?on=2014-01-01&x={CANARY}"),
            visitor.get(f"/api/v1/counties/modoc?x={CANARY}"),
            visitor.get(f"/laws/{CANARY}?x={CANARY}"),
        ]
    assert {400, 403, 404} <= seen
    assert [answer.status_code for answer in broken[:2]] == [500, 500]
    for raw in (
        f"GET /{CANARY} HTTP/9.9\r\n\r\n",
        f"{CANARY}\r\n\r\n",
        f"GET /{CANARY}\xff HTTP/1.1\r\nHost: {CANARY}\r\n{CANARY}\r\n\r\n",
        f"POST /{CANARY} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{CANARY}",
        f"POST /{CANARY} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
        f"GET /{CANARY}?{'x' * 70000} HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", broken_house.port), timeout=10) as wire:
            wire.settimeout(0.5)
            with contextlib.suppress(OSError):  # it may hang up at any moment
                wire.sendall(raw.encode("latin-1"))
                wire.shutdown(socket.SHUT_WR)
                while wire.recv(65536):
                    pass

    written = broken_house.written()
    for secret in (CANARY, CANARY.lower(), CANARY.upper(), "203.0.113.77", "127.0.0.1", "modoc"):
        assert secret not in written
    assert "Traceback" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    failed = [line for line in lines if "counties" in line.get("route", "")]
    assert {"/counties/{slug:str}", "/api/v1/counties/{slug:str}"} <= {
        line["route"] for line in failed
    }
    assert {(line["event"], line["kind"]) for line in failed} == {
        ("could not answer", "RaiseError")
    }
    places = [frame for line in failed for frame in line["frames"]]
    assert any(re.fullmatch(r"backend/policies/queries\.py:\d+", place) for place in places)
    assert [line for line in lines if line["event"] == "serving"]
    assert all({"level", "timestamp", "event"} <= line.keys() for line in lines)


EVERYTHING_THAT_SPEAKS = f"""
import asyncio, logging, sys, threading, warnings
from backend.web import logs
logs.configure()
import structlog

def fail():
    raise ValueError("{CANARY}")

for name in ("asyncio", "pgqueuer", "piccolo", "litestar", "_granian", "granian.access", "else"):
    there = logging.getLogger(name)
    there.warning("it was %s", "{CANARY}")
    there.error(f"it was {CANARY}", extra={{"who": "{CANARY}"}})
    try:
        fail()
    except ValueError:
        there.exception("it was {CANARY}")
try:
    fail()
except ValueError as error:
    structlog.get_logger().exception("one of ours")
    structlog.get_logger().error("one of ours", exc_info=error)

async def forgotten():
    fail()

async def main():
    task = asyncio.create_task(forgotten())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)

asyncio.run(main())
thread = threading.Thread(target=fail, name="{CANARY}")
thread.start()
thread.join()

class Dying:
    def __del__(self):
        fail()

Dying()
warnings.warn("it was {CANARY}")
print("until here", flush=True)
fail()
"""


def test_nothing_that_speaks_in_a_process_says_what_it_worked_on() -> None:
    done = run([sys.executable, "-c", EVERYTHING_THAT_SPEAKS])
    assert done.returncode == 1
    assert done.stderr == ""
    assert CANARY not in done.stdout
    said = [json.loads(line) for line in done.stdout.splitlines() if line != "until here"]
    libraries = {line["library"] for line in said if line["event"] == "a library spoke"}
    assert libraries == {"asyncio", "pgqueuer", "piccolo", "litestar", "_granian", "else",
                         "py.warnings"}  # fmt: skip
    assert all(re.search(r"\.py:\d+$|^<string>:\d+$", line["at"]) for line in said if "at" in line)
    last = [line for line in said if line["event"] == "an error nobody caught"]
    assert [line["kind"] for line in last] == ["ValueError"] * 3  # thread, __del__, the process
    assert [line["kind"] for line in said if line["event"] == "one of ours"] == ["ValueError"] * 2


def test_a_command_that_breaks_says_where_and_nothing_else(server_url: str) -> None:
    with empty_database(server_url, "halfway") as url:
        assert command("migrate", DATABASE_URL=url).returncode == 0
        execute(
            url,
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'it was {CANARY}'; END $$",
            "CREATE TRIGGER t BEFORE INSERT ON rule FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        done = command("load", DATABASE_URL=url)
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["kind"] == "RaiseError"
    assert any(frame.startswith("backend/policies/loading.py:") for frame in told["frames"])


def test_on_a_terminal_it_is_friendly_and_still_silent_about_people(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import logging\nfrom backend.web import logs\nlogs.configure()\n"
        f"logging.getLogger('asyncio').error('it was {CANARY}')\n"
    )
    terminal = "import pty, sys; sys.exit(pty.spawn([sys.executable, sys.argv[1]]))"
    done = run([sys.executable, "-c", terminal, str(script)], PYTHONPATH=".")
    assert "a library spoke" in done.stdout
    assert "asyncio" in done.stdout
    assert CANARY not in done.stdout
    assert not done.stdout.startswith("{")
