"""The commands people start the house with: what they start they also end."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.serving import HOUSE, free_port, serving

BACKEND = [sys.executable, "-m", "backend"]


def started_in(folder: Path) -> list[str]:
    """Command lines of running processes that were told about `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline", "pid", "environ"]):
        told = [*(process.info["cmdline"] or []), (process.info["environ"] or {}).get("VAR", "")]
        if process.info["pid"] != os.getpid() and any(str(folder) in word for word in told):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A folder for the data of one run; short enough for a socket's name."""
    return tmp_path / "var"


def own_server(var: Path) -> dict[str, str]:
    return {"DATABASE_URL": "", "VAR": str(var)}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_make_run_serves_and_leaves_no_process_behind(
    tmp_path: Path, var: Path, how: signal.Signals
) -> None:
    with serving(tmp_path / "log", ["make", "run"], **own_server(var)) as site:
        page = httpx.get(f"{site.url}/counties/modoc")
        assert "No. The jail is not allowed to keep anyone past release for ICE." in page.text
        assert any("postgres" in line for line in started_in(var))
        assert f"http://localhost:{site.port}" in site.written()
        site.process.send_signal(how)
        if how == signal.SIGINT:  # a terminal sends Ctrl-C to everything in the foreground
            for child in psutil.Process(site.process.pid).children():
                child.send_signal(how)
        site.process.wait(20)
    assert started_in(var) == []
    assert "Traceback" not in site.written()


def test_a_stop_while_it_is_still_starting_leaves_no_process_behind(
    tmp_path: Path, var: Path
) -> None:
    for wait in (0.2, 0.8, 1.5):
        process = subprocess.Popen(
            [*BACKEND, "serve"],
            cwd=HOUSE,
            env={**os.environ, **own_server(var), "PORT": str(free_port())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait)
        process.terminate()
        process.wait(60)
        assert started_in(var) == [], wait


def test_a_second_start_finds_what_a_killed_one_left(tmp_path: Path, var: Path) -> None:
    with serving(tmp_path / "first", **own_server(var)) as site:
        children = psutil.Process(site.process.pid).children(recursive=True)
        site.process.kill()
        site.process.wait(10)
        for child in children:
            child.wait(20)
    with serving(tmp_path / "second", **own_server(var)) as site:
        assert httpx.get(f"{site.url}/readyz").status_code == 200
    assert started_in(var) == []


def test_with_a_database_url_no_server_is_started(tmp_path: Path, var: Path, own_url: str) -> None:
    with serving(tmp_path / "log", DATABASE_URL=own_url, VAR=str(var)) as site:
        assert httpx.get(f"{site.url}/readyz").status_code == 200
    assert not var.exists()


def test_a_port_in_use_is_told_in_one_sentence(own_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", DATABASE_URL=own_url, PORT=str(port))
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["0", "70000", "eighty", "-1", "8000.5"])
def test_a_port_that_is_none_is_told_in_one_sentence(port: str) -> None:
    done = run("serve", PORT=port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "PORT must be a number from 1 to 65535" in done.stderr


def test_a_database_that_is_not_there_is_told_in_one_sentence() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    done = run("load", DATABASE_URL=url)
    assert done.returncode == 1
    assert "the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_load_says_what_it_did_and_check_touches_nothing(own_url: str) -> None:
    done = run("load", DATABASE_URL=own_url)
    assert done.returncode == 0
    assert done.stdout.startswith("0 added, 0 changed, 0 retired,")
    checked = run("load", "--check", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert checked.stdout == "No mistakes in 71 files.\n"


def test_every_command_explains_itself() -> None:
    plain = ("setup", "serve", "migrate", "load", "zips", "keys", "backup", "restore", "bench")
    for command in ("", *plain):
        done = run(*([command] if command else []), "--help")
        assert done.returncode == 0
        assert "usage: python -m backend" in done.stdout


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BACKEND, *arguments],
        cwd=HOUSE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
