"""Reaper: ends what a run of the tests started, however the run itself ends.

A run has a folder of its own for everything temporary, and every process it starts knows it by its
environment. Beside the run waits this program. Its standard input closes when the run is over: by
itself, by Ctrl-C, or killed. Then it ends what is left and removes the folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

RUN = "CONFIANZA_TEST_RUN"
KEEP = b"keep"
GRACE = 5.0


Reaper = subprocess.Popen[bytes]


def begin() -> Reaper:
    """The folder of this run, where all that is temporary goes, and who removes it."""
    remove_kept()
    folder = tempfile.mkdtemp(prefix=f"confianza-tests-{os.getpid()}-")
    os.environ[RUN] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    # In a session of its own: Ctrl-C is not for it.
    return subprocess.Popen(
        [sys.executable, __file__, folder], stdin=subprocess.PIPE, start_new_session=True
    )


def keep(reaper: Reaper) -> None:
    """Let the folder stay until the next run: somebody will look at what failed in it."""
    assert reaper.stdin
    reaper.stdin.write(KEEP)
    reaper.stdin.flush()


def wait(reaper: Reaper) -> None:
    """The run is over: until nothing is left of it."""
    assert reaper.stdin
    reaper.stdin.close()
    reaper.wait()


def remove_kept() -> None:
    """What earlier runs kept because tests failed in them."""
    for folder in Path(tempfile.gettempdir()).glob("confianza-tests-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)


def started_by(folder: str) -> list[psutil.Process]:
    """The processes of a run that still live, but for its reaper. PostgreSQL and nginx write their
    title over their environment: they are known by the folder they were given."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline", "environ"])
        if (process.info["environ"] or {}).get(RUN) == folder
        or any(folder in word for word in process.info["cmdline"] or ())
        if __file__ not in (process.info["cmdline"] or ())
    ]


def end(folder: str) -> bool:
    """Whether anything was left to be ended."""
    left = started_by(folder)
    for process in left:
        with contextlib.suppress(psutil.Error):
            # At once, and it gives its shared memory back: what it holds is nobody's.
            postgres = process.info["name"] == "postgres"
            process.send_signal(signal.SIGQUIT if postgres else signal.SIGTERM)
    for process in psutil.wait_procs(left, GRACE)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return bool(left)


def main(folder: str) -> None:
    said = sys.stdin.buffer.read()
    # What is told to end may start something to end it with.
    while end(folder):
        pass
    if said != KEEP:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
