"""Measure the house: speed against plain text and a peer, queries, memory, size, start.

`make bench` runs it. It prints figures and targets and judges nothing: the exit code says only
whether everything could be measured. `--quick` takes shorter rounds, for a first look.
"""

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import first_view
import memory
import queries
import rates
from servers import HOUSE, PAGE, VAR, NotMeasured, whole_house

sys.path.insert(0, str(HOUSE))

Row = Sequence[str]
Table = tuple[str, list[Row]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    quick = parser.parse_args().quick
    environment = dict(os.environ)
    failed = False
    for measure in (_prepare, _measure_house, _measure_queries, _measure_rates):
        try:
            for title, rows in measure(environment, quick):
                print(f"\n{title}\n{table(rows)}", flush=True)
        except Exception as error:  # whatever happened, the other measurements go on
            failed = True
            if not isinstance(error, NotMeasured):
                traceback.print_exc()
            print(f"\nNot measured: {error}\n", file=sys.stderr, flush=True)
            if measure is _prepare:
                break
    return 1 if failed else 0


def table(rows: Sequence[Row]) -> str:
    """Columns as wide as they need to be; the first is words, the others are numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def _prepare(environment: dict[str, str], _quick: bool) -> list[Table]:
    """The browser's files and the record are there, as after any earlier start."""
    for command in ("setup", "load"):
        done = subprocess.run(
            [sys.executable, "-m", "backend", command],
            cwd=HOUSE,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotMeasured((done.stderr or done.stdout).strip())
    return []


def _measure_house(environment: dict[str, str], _quick: bool) -> list[Table]:
    """Start, first view and memory, all of the same server as people start it."""
    database = "PostgreSQL started with it"
    if environment.get("DATABASE_URL") or (VAR / "postgres" / "postmaster.pid").exists():
        database = "PostgreSQL was running already"
    _say("starting the house as people do")
    with whole_house(environment) as server:
        start = server.seconds
        _say("10,000 requests to one web process, watching its memory")
        held = memory.measure(server)
        _say("a first visit in Chromium")
        views = first_view.measure(server, ["/", PAGE])
    most = max(megabytes for _, megabytes in held)
    growth = held[-1][1] - held[-2][1]
    return [
        (
            "Warm start to the first answered page",
            [
                ("", "seconds", "target", ""),
                (database, f"{start:.2f}", "< 5", verdict(start < 5)),
            ],
        ),
        (
            "Memory of one web process (RSS)",
            [
                ("", "MB", "target", ""),
                *(
                    (f"after {requests:,} requests", f"{megabytes:.1f}", "", "")
                    for requests, megabytes in held
                ),
                ("most", f"{most:.1f}", "< 200", verdict(most < 200)),
                (
                    f"growth from {held[-2][0]:,} to {held[-1][0]:,}",
                    f"{growth:+.1f}",
                    "flat (< 3)",
                    verdict(growth < 3),
                ),
            ],
        ),
        (
            "First view, bytes on the wire without headers",
            [
                ("", "requests", "html", "css", "js", "other", "all", "target", ""),
                *(
                    (
                        view.path,
                        str(view.requests),
                        *(f"{view.sizes[kind]:,}" for kind in ("html", "css", "js", "other")),
                        f"{view.total:,}",
                        "<= 60,000",
                        verdict(view.total <= 60_000),
                    )
                    for view in views
                ),
            ],
        ),
    ]


def _measure_rates(environment: dict[str, str], quick: bool) -> list[Table]:
    rounds, seconds = (3, 1) if quick else (5, 3)
    found = _with_database(environment, lambda url: rates.measure(url, rounds, seconds, _say))
    raw = [
        ("", *(f"round {number}" for number in range(1, rounds + 1)), "median", "CPU µs each"),
        *(
            (
                rate.what,
                *(f"{each:,.0f}" for each in (*rate.rounds, rate.median, rate.cost)),
            )
            for rate in found.values()
        ),
    ]
    compared = [("", "times", "by CPU", "target", "")]
    for ours, other, target in (
        ("page", "plain", 0.6),
        ("page, gzip", "plain, gzip", 0.6),
        ("json", "plain", 0.6),
        ("json, gzip", "plain, gzip", 0.6),
        ("page", "peer page", 8),
        ("json", "peer json", 8),
    ):
        ratio = found[ours].against(found[other])
        what = f"{found[ours].what} / {found[other].what}"
        by_cost = found[other].cost / found[ours].cost
        compared.append(
            (what, f"{ratio:.2f}", f"{by_cost:.2f}", f">= {target}", verdict(ratio >= target))
        )
    settings = f"1 worker, {rates.CONNECTIONS} connections, {seconds} s a round"
    return [
        (f"Requests a second ({settings})", raw),
        ("Ratios (the median of the rounds’ ratios)", compared),
    ]


def _measure_queries(environment: dict[str, str], _quick: bool) -> list[Table]:
    _say("counting queries")
    cold, warm = _with_database(environment, lambda _url: queries.count())
    return [
        (
            "Queries for a county’s page",
            [
                ("", "queries", "target", ""),
                ("first page of a process", str(cold), "<= 3", verdict(cold <= 3)),
                ("the same again", str(warm), "0", verdict(warm == 0)),
            ],
        )
    ]


def _with_database(environment: dict[str, str], work: Callable[[str], Any]) -> Any:
    from backend import database

    try:
        with database.running() as url:
            return work(url)
    finally:
        # The next one must not look for a server of ours that has stopped.
        os.environ.pop("DATABASE_URL", None)
        os.environ.update(environment)


_begun = time.monotonic()


def _say(sentence: str) -> None:
    print(f"[{time.monotonic() - _begun:3.0f} s] {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
