"""Supervisor: a worker process beside the web server, for as long as that runs."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import structlog

from backend import settings

log = structlog.get_logger()

# The site comes first: the worker starts when the pages' own processes have.
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
LIVED_WELL = 60.0
# Longer than the worker's own grace for what it has in hand.
TO_END = 12.0


@contextlib.contextmanager
def worker_beside() -> Iterator[None]:
    """Start a worker, start another whenever it ends by itself, and end it at the end."""
    keeper = _Keeper()
    keeper.start()
    try:
        yield
    finally:
        keeper.end()


class _Keeper(threading.Thread):
    """The worker ends when the pipe to its standard input closes. That also happens when we are
    killed, on every system, and needs nobody to send a signal."""

    def __init__(self) -> None:
        super().__init__(name="keeps a worker", daemon=True)
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        wait = FIRST_WAIT
        while not self.ending.wait(wait):
            began = time.monotonic()
            code = self._one_life()
            if code is None:
                return
            well = time.monotonic() - began > LIVED_WELL
            wait = FIRST_WAIT if well else min(wait * 2, LONGEST_WAIT)
            log.warning("the worker ended; another one starts", code=code, wait=wait)

    def end(self) -> None:
        with self.lock:
            self.ending.set()
            child = self.child
        if child is not None:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(TO_END)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.join()

    def _one_life(self) -> int | None:
        """How it ended; None when it was told to."""
        with self.lock:
            if self.ending.is_set():
                return None
            command = [sys.executable, "-m", "backend", "worker", "--with-parent"]
            self.child = subprocess.Popen(command, cwd=settings.HOUSE, stdin=subprocess.PIPE)
        code = self.child.wait()
        return None if self.ending.is_set() else code
