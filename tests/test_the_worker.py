"""What the worker lists, and the commands that start it: alone, and beside the site."""

import ast
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from croniter import croniter

from backend import worker
from backend.database import use
from backend.web import queue_status
from tests.serving import HOUSE, Served, free_port, serving

WORKER = [sys.executable, "-m", "backend", "worker"]


def asked_for() -> set[str]:
    """Every job's name that stands in a call of `enqueue`."""
    names = set()
    for path in (HOUSE / "backend").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("enqueue"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    names.add(str(first.value))
    return names


def test_every_job_that_is_asked_for_is_one_the_worker_knows() -> None:
    assert asked_for() <= set(worker.JOBS)
    assert {schedule.job for schedule in worker.SCHEDULES} <= set(worker.JOBS)


def test_names_are_given_once_and_times_can_be_read() -> None:
    names = [schedule.name for schedule in worker.SCHEDULES]
    assert len(names) == len(set(names))
    rules = [rule.name for rule in worker.RETENTION]
    assert len(rules) == len(set(rules))
    assert all(croniter.is_valid(schedule.cron) for schedule in worker.SCHEDULES)
    assert all(rule.kept_for.days >= 0 for rule in worker.RETENTION)


def workers_of(site: Served) -> list[psutil.Process]:
    children = psutil.Process(site.process.pid).children(recursive=True)
    found = []
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            if "worker" in child.cmdline():
                found.append(child)
    return found


def until(holds: Callable[[], object], wait: float = 20) -> None:
    end = time.monotonic() + wait
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def only_site(tmp_path: Path, own_url: str) -> dict[str, str]:
    return {"DATABASE_URL": own_url, "VAR": str(tmp_path / "var")}


def test_serving_starts_one_worker_and_another_when_it_dies(
    tmp_path: Path, only_site: dict[str, str]
) -> None:
    with serving(tmp_path / "log", WORKER="1", **only_site) as site:
        until(lambda: len(workers_of(site)) == 1)
        [first] = workers_of(site)
        first.kill()
        until(lambda: [each for each in workers_of(site) if each.pid != first.pid])
        [second] = workers_of(site)
        site.process.send_signal(signal.SIGTERM)
        site.process.wait(20)
        assert not second.is_running()
    assert "the worker ended; another one starts" in site.written()
    assert "Traceback" not in site.written()


def test_a_worker_ends_when_whoever_serves_is_killed(
    tmp_path: Path, only_site: dict[str, str]
) -> None:
    with serving(tmp_path / "log", WORKER="1", **only_site) as site:
        until(lambda: len(workers_of(site)) == 1)
        [child] = workers_of(site)
        site.process.kill()
        site.process.wait(10)
        until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_where_another_service_works_serving_starts_no_worker(
    tmp_path: Path, only_site: dict[str, str]
) -> None:
    with serving(tmp_path / "log", WORKER="0", **only_site) as site:
        time.sleep(2)
        assert workers_of(site) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_alone_works_until_it_is_told_to_end(
    own_url: str, database_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    use(own_url)
    try:
        _work_until_told(own_url, tmp_path, how)
    finally:
        use(database_url)


def _work_until_told(url: str, tmp_path: Path, how: signal.Signals) -> None:
    def workers() -> int:
        return len(asyncio.run(queue_status.look()).workers)

    def known() -> set[str]:
        return {row["name"] for row in asyncio.run(queue_status.look()).schedules}

    before = workers()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            WORKER,
            cwd=HOUSE,
            env={**os.environ, "DATABASE_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    until(lambda: workers() == before + 1)
    until(lambda: known() == {schedule.name for schedule in worker.SCHEDULES})
    process.send_signal(how)
    assert process.wait(20) == 0
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")
    assert workers() == before


def test_a_worker_waits_for_a_database_that_is_not_there(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
        process = subprocess.Popen(
            WORKER,
            cwd=HOUSE,
            env={**os.environ, "DATABASE_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    until(lambda: "the database is gone" in (tmp_path / "log").read_text("utf-8"))
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 0
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


@pytest.mark.parametrize("command", ["worker", "retention"])
def test_the_commands_explain_themselves(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend", command, "--help"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert f"usage: python -m backend {command}" in done.stdout
