"""Measuring: `bench`."""

import argparse
import subprocess
import sys
import time
from typing import Any

from backend import settings
from backend.commands.terminal import Failed


def add(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure speed, size and memory")
    bench.set_defaults(run=_bench)


def _bench(_given: argparse.Namespace) -> None:
    started = time.monotonic()
    done = subprocess.run([sys.executable, "tests/bench/bench.py"], cwd=settings.HOUSE, check=False)
    if done.returncode:
        raise Failed("a measurement failed")
    print(f"Measured in {time.monotonic() - started:.0f} s.")
