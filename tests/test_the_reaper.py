"""However a run of the tests ends, it leaves no process, no folder and no shared memory."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import reaper
from tests.serving import HOUSE

Run = subprocess.Popen[bytes]


@pytest.fixture
def temporary() -> Path:
    """Where the run keeps its folder: at a short address, since a socket's may not be long."""
    return Path(tempfile.mkdtemp(prefix="r"))


@pytest.fixture
def run(temporary: Path) -> Iterator[Run]:
    """Two runs beside each other, in the middle of tests with a site and a browser."""
    ours = (reaper.RUN, "KEYS", "DATABASE_URL")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and "PYTEST" not in name
    }
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "tests/hanging.py"],
        cwd=HOUSE,
        env={**environment, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "SIGKILL"])
def test_nothing_is_left_of_a_run(run: Run, temporary: Path, how: str) -> None:
    before = segments()

    def hangs() -> bool:
        names = {each.info["name"] for folder in folders() for each in reaper.started_by(folder)}
        return "postgres" in names and any(name.startswith("chrom") for name in names)

    def folders() -> list[str]:
        return [str(each) for each in temporary.iterdir()]

    until(hangs)
    [folder] = folders()
    if how == "Ctrl-C":
        os.killpg(run.pid, signal.SIGINT)
    else:
        run.send_signal(getattr(signal, how))
    until(lambda: not folders())
    assert reaper.started_by(folder) == []
    assert segments() <= before


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def segments() -> set[str]:
    """PostgreSQL's shared memory, where the system shows it."""
    return {each.name for each in Path("/dev/shm").glob("PostgreSQL.*")}
