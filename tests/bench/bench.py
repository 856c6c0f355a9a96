"""Measure the house: start, memory, what a phone loads, Lighthouse, queries, speed, signing,
ringing and canvassing.

`make bench` runs it. It prints figures and targets and judges nothing: the exit code says only
whether everything could be measured. `--quick` takes shorter rounds, for a first look; `--only`
measures one thing, as in `.venv/bin/python tests/bench/bench.py --only lighthouse`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import canvassing
import first_view
import following
import importing
import lighthouse
import memory
import phone
import places
import queries
import rates
import ringing
import signing
from servers import HOUSE, PAGE, VAR, NotMeasured, whole_house

sys.path.insert(0, str(HOUSE))

Row = Sequence[str]
Table = tuple[str, list[Row]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    parser.add_argument("--only", choices=MEASURES, help="only this")
    given = parser.parse_args()
    environment = dict(os.environ)
    failed = False
    wanted = [MEASURES[given.only]] if given.only else MEASURES.values()
    for measure in (_prepare, *wanted):
        try:
            for title, rows in measure(environment, given.quick):
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
    """Start and memory, of the same server as people start it."""
    database = "PostgreSQL started with it"
    if environment.get("DATABASE_URL") or (VAR / "postgres" / "postmaster.pid").exists():
        database = "PostgreSQL was running already"
    _say("starting the house as people do")
    with whole_house(environment) as server:
        start = server.seconds
        _say("10,000 requests to one web process, watching its memory")
        held = memory.measure(server)
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
    ]


def _measure_phone(environment: dict[str, str], _quick: bool) -> list[Table]:
    """What comes over the line at the first visit, what stays on the phone, and installing."""
    with whole_house(environment) as server:
        _say("a first visit in Chromium")
        views = first_view.measure(server, ["/", PAGE, "/laws"])
        _say("what the phone keeps, and whether the site can be installed")
        seconds, bundle = phone.bundle(server)
        count, precache = phone.precache(server)
        obstacles = phone.obstacles(server)
    return [
        ("First view, bytes on the wire without headers", _view_rows(views)),
        (
            "Kept on the phone after the first view, bytes",
            [
                ("", "as it is", "gzip", "brotli", "target", ""),
                *(
                    (
                        what,
                        *(f"{each:,}" for each in (size.plain, size.gzip, size.brotli)),
                        f"<= {most:,}",
                        verdict(size.brotli <= most),
                    )
                    for what, size, most in (
                        (f"the offline bundle, English, made in {seconds:.1f} s", bundle, 120_000),
                        (f"precache: {count} assets", precache, 400_000),
                    )
                ),
            ],
        ),
        (
            "Installing, as Chromium sees it",
            [
                ("", "errors", "target", ""),
                (
                    ", ".join(obstacles) or "nothing in the way",
                    str(len(obstacles)),
                    "0",
                    verdict(not obstacles),
                ),
            ],
        ),
    ]


def _view_rows(views: list[first_view.FirstView]) -> list[Row]:
    kinds = ("html", "css", "js", "other")
    return [
        ("", "requests", *kinds, "all", "headers", ""),
        *(
            (
                view.path,
                str(view.requests),
                *(f"{view.sizes[kind]:,}" for kind in kinds),
                f"{view.total:,}",
                f"{view.headers:,}",
                verdict(view.requests <= 8 and view.sizes["js"] <= 25_000 and view.total <= 60_000),
            )
            for view in views
        ),
        ("target", "<= 8", "", "", "<= 25,000", "", "<= 60,000", "", ""),
    ]


def _measure_lighthouse(environment: dict[str, str], quick: bool) -> list[Table]:
    runs = 1 if quick else 3
    with whole_house(environment) as server:
        pages = lighthouse.measure(server, runs, _say)
    rows: list[Row] = [
        ("", *(f"run {number}" for number in range(1, runs + 1)), "median", "target", ""),
        *(
            (
                f"{page.name}: {figure.name}",
                *(f"{each:.{figure.places}f}" for each in page.values(figure)),
                f"{page.median(figure):.{figure.places}f}",
                f"{'>=' if figure.at_least else '<='} {figure.target:g}",
                verdict(figure.met(page.median(figure))),
            )
            for page in pages
            for figure in lighthouse.FIGURES
        ),
    ]
    faults = [(f"{page.name}: {fault}",) for page in pages for fault in page.faults()]
    speed = lighthouse.speed_of_machine(pages)
    return [
        (f"Lighthouse, mobile (this machine’s speed: {speed:.0f})", rows),
        *([("What cost points in any run", faults)] if faults else []),
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


def _measure_places(environment: dict[str, str], _quick: bool) -> list[Table]:
    _say("20,000 places of help: bringing them in, and finding the nearest")
    seconds, megabytes, found = _with_database(environment, lambda _url: places.measure())
    return [
        (
            "The directory of help, with 20,000 places",
            [
                ("", "", "target", ""),
                ("import, seconds", f"{seconds:.1f}", "< 30", verdict(seconds < 30)),
                ("most memory (RSS), MB", f"{megabytes:.0f}", "< 200", verdict(megabytes < 200)),
                ("the nearest 20, ms", f"{found:.2f}", "< 10", verdict(found < 10)),
            ],
        )
    ]


def _measure_hearings(environment: dict[str, str], _quick: bool) -> list[Table]:
    _say(f"{importing.EVENTS:,} events of Legistar, each with its agenda")

    def work(server_url: str) -> importing.Reading:
        with signing.clean_folder(), signing.stage(server_url, "hearings") as url:
            return importing.measure(url)

    read = _with_database(environment, work)
    _say(f"a calendar of {following.EVENTS} events")

    def follow(server_url: str) -> following.Following:
        with signing.clean_folder(), signing.stage(server_url, "calendar") as url:
            return following.measure(url)

    feed = _with_database(environment, follow)
    told = f"{read.proposals:,} proposals of {read.events:,} events, {read.doubles} doubled"
    took, most = read.seconds, read.megabytes
    return [
        (
            f"Hearings: {importing.EVENTS:,} Legistar events and agendas ({_busy()})",
            [
                ("", "", "target", ""),
                ("first reading, seconds", f"{took:.1f}", "< 60", verdict(took < 60)),
                ("again, nothing new, seconds", f"{read.again:.1f}", "", ""),
                ("most memory (RSS), MB", f"{most:.0f}", "< 150", verdict(most < 150)),
                (told, "", "", verdict(read.is_right())),
            ],
        ),
        _calendar_table(feed),
    ]


def _calendar_table(feed: following.Following) -> Table:
    times = feed.peer / feed.changed
    return (
        f"A calendar of {feed.events} events, {feed.bytes:,} bytes",
        [
            ("", "ms", "target", ""),
            ("the first time", f"{feed.first:.0f}", "", ""),
            ("after one of them changed", f"{feed.changed:.1f}", "", ""),
            ("warm", f"{feed.kept:.2f}", "< 50", verdict(feed.kept < 50)),
            ("304, for who has it", f"{feed.unchanged:.2f}", "", ""),
            ("peer: every event written at each asking", f"{feed.peer:.0f}", "", ""),
            ("peer / ours after a change", f"{times:.1f}", ">= 3", verdict(times >= 3)),
        ],
    )


def _measure_signing(environment: dict[str, str], quick: bool) -> list[Table]:
    """How fast people can sign, what millions of pledges do to that, and whether all count."""
    sizes = signing.QUICK if quick else signing.Sizes()
    with signing.clean_folder():
        return _with_database(environment, lambda url: _sign(url, sizes))


def _sign(server_url: str, sizes: signing.Sizes) -> list[Table]:
    with signing.stage(server_url, "few") as url:
        tables = _pace_tables(signing.rates(url, sizes, _say), sizes)
        _say(f"{sizes.lines:,} lines for the counter")
        tables.append(_counter_table(signing.counter(url, sizes)))
        tables += _rush_tables(*signing.rush(url, sizes, _say), sizes)
        tables.append(_crowd_table(signing.crowded(server_url, url, sizes, _say), sizes))
    return tables


def _busy() -> str:
    one, five, _fifteen = os.getloadavg()
    return f"the machine’s load by then: {one:.1f} in a minute, {five:.1f} in five"


def _pace_tables(paces: dict[str, signing.Pace], sizes: signing.Sizes) -> list[Table]:
    rounds = [f"round {number}" for number in range(1, sizes.rounds + 1)]
    raw: list[Row] = [("", *rounds, "median", "web, CPU µs each", "database, CPU µs each")]
    for pace in paces.values():
        figures = (*pace.rounds, pace.median)
        costs = (statistics.median(pace.web), statistics.median(pace.database))
        raw.append((pace.what, *(f"{each:,.0f}" for each in (*figures, *costs))))
    compared: list[Row] = [("", "times", "target", "")]
    for other, target in (("peer", 3), ("pgbench", 0.25)):
        ratio = paces["ours"].against(paces[other])
        what = f"ours / {paces[other].what}"
        compared.append((what, f"{ratio:.2f}", f">= {target}", verdict(ratio >= target)))
    how = f"1 worker, {signing.AT_ONCE} at once, {sizes.seconds} s a round; wrk sends; {_busy()}"
    return [
        (f"Signatures a second ({how})", raw),
        ("Ratios (the median of the rounds’ ratios)", compared),
    ]


def _counter_table(counted: signing.Counting) -> Table:
    met = counted.seconds < 2 and counted.right
    told = "" if counted.right else ", AND THE SUMS ARE WRONG"
    what = f"{counted.lines:,} new signatures{told}"
    return (
        "The counter’s job",
        [("", "seconds", "target", ""), (what, f"{counted.seconds:.2f}", "< 2", verdict(met))],
    )


def _rush_tables(
    came: signing.signers.Rush, truth: signing.Truth, sizes: signing.Sizes
) -> list[Table]:
    waits = {name: 1000 * came.wait_of(share) for name, share in (("p50", 0.5), ("p99", 0.99))}
    third = max(1, len(came.memory) // 3)
    first, last = (statistics.mean(part) for part in (came.memory[:third], came.memory[-third:]))
    grown = sizes.rate * sizes.rush * 2 // 3
    told = f"{truth.answered:,} receipts, {len(came.refused)} refused"
    kept = f"{truth.rows:,} rows, {truth.counted:,} counted, {truth.wrong} off at the recount"
    opened = f"{truth.opened:,} receipts open; {truth.shown} of {truth.asked} pages asked for came"
    meanwhile = f"{truth.by_the_worker:,} counted by the worker meanwhile"
    true = truth.holds and not came.refused and truth.answered == sizes.rate * sizes.rush
    return [
        (
            f"{sizes.rate} signers a second for {sizes.rush} s, a worker beside ({_busy()})",
            [
                ("", "ms", "target", ""),
                ("waited from the moment they meant to, p50", f"{waits['p50']:.0f}", "", ""),
                ("p99", f"{waits['p99']:.0f}", "< 250", verdict(waits["p99"] < 250)),
                ("longest", f"{1000 * max(came.waits):.0f}", "", ""),
                (f"client: {came.busy:.0%} of a core, {came.most_lines} lines", "", "", ""),
            ],
        ),
        (
            "What is true afterwards",
            [
                (told, ""),
                (kept, ""),
                (opened, ""),
                (meanwhile, ""),
                ("not one lost or doubled", verdict(true)),
            ],
        ),
        (
            "Memory of the web process over it (RSS)",
            [
                ("", "MB", "target", ""),
                ("first third", f"{first:.1f}", "", ""),
                ("last third", f"{last:.1f}", "", ""),
                (
                    f"growth, while {grown:,} signed",
                    f"{last - first:+.1f}",
                    "flat (< 3)",
                    verdict(last - first < 3),
                ),
            ],
        ),
    ]


def _crowd_table(crowds: signing.Crowds, sizes: signing.Sizes) -> Table:
    rows: list[Row] = [
        ("", f"{sizes.few:,}", f"{sizes.many:,}", "times", "target", ""),
        *(
            (
                f"{each.what}, ms",
                f"{statistics.median(each.few):.2f}",
                f"{statistics.median(each.many):.2f}",
                f"{each.times:.2f}",
                "<= 1.2",
                verdict(each.times <= 1.2),
            )
            for each in crowds.found
        ),
        *((f"{what}: no such page", "", "", "", "", "MISSED") for what in crowds.absent),
        (f"loading, s (COPY, then indexes: {crowds.loaded:.0f})", "", "", "", "", ""),
        (f"the nightly recount, s: {crowds.recount:.1f}", "", "", "", "", ""),
    ]
    return (f"With few pledges and with many ({_busy()})", rows)


def _measure_ringing(environment: dict[str, str], quick: bool) -> list[Table]:
    """How fast phones are rung, and what a million of them cost."""
    sizes = ringing.QUICK if quick else ringing.Sizes()

    def measure(server_url: str) -> list[Table]:
        with signing.stage(server_url, "ringing") as url, ringing.service() as host:
            found = ringing.rates(url, host, sizes, _say)
            return _ringing_tables(found, ringing.crowd(url, sizes, _say), sizes)

    with signing.clean_folder():
        return _with_database(environment, measure)


def _ringing_tables(
    found: dict[str, ringing.Ringer], crowd: ringing.Crowd, sizes: ringing.Sizes
) -> list[Table]:
    rounds = [f"round {number}" for number in range(1, sizes.rounds + 1)]
    raw: list[Row] = [("", *rounds, "median", "by a core’s own time")]
    for each in found.values():
        figures = (*each.rounds, each.median, each.core)
        raw.append((each.what, *(f"{figure:,.0f}" for figure in figures)))
    ours = found[ringing.OURS]
    compared: list[Row] = [("", "by the clock", "by a core", "target", "")]
    for other, target in ((ringing.WEBPUSH, 6.0), (ringing.NPM, 4.0), (ringing.ALL, 1 / 3)):
        clock, core = ours.against(found[other]), ours.by_core_against(found[other])
        met = verdict(core >= target)
        figures = (f"{clock:.2f}", f"{core:.2f}", f">= {target:.2f}", met)
        compared.append((f"ours / {other}", *figures))
    two = found[ringing.TWO].against(ours)
    cores = os.cpu_count() or 1
    # The service and the database need cores of their own beside two workers.
    met = verdict(two >= 1.8) if cores >= 4 else f"not shown by {cores} cores"
    compared.append(("two workers / one", f"{two:.2f}", "", ">= 1.80", met))
    worker = [each for run in ours.memory for each in run]
    third = max(1, len(crowd.memory) // 3)
    growth = statistics.mean(crowd.memory[-third:] or [0]) - statistics.mean(
        crowd.memory[third : 2 * third] or [0]
    )
    most = max(*worker, *crowd.memory, 0)
    estimates: list[Row] = [("", "ms", "target", "", "devices", "truly")]
    for what, took, guess, truth in crowd.estimates:
        met = verdict(took < 200)
        estimates.append((what, f"{took:.0f}", "< 200", met, f"{guess:,}", f"{truth:,}"))
    return [
        (f"Messages accepted a second ({cores} cores shared by all; {_busy()})", raw),
        ("Ratios (the median of the rounds’ ratios)", compared),
        (f"Audience estimates among {sizes.many:,} subscriptions", estimates),
        (
            f"Resolving a ring for {crowd.queued:,} (loaded in {crowd.loaded:.0f} s)",
            [
                ("", "", "target", ""),
                ("seconds", f"{crowd.seconds:.1f}", "< 60", verdict(crowd.seconds < 60)),
                ("worker’s memory at most, MB", f"{most:.0f}", "< 300", verdict(most < 300)),
                (
                    "growth from the middle to the last third, MB",
                    f"{growth:+.1f}",
                    "flat (< 3)",
                    verdict(growth < 3),
                ),
            ],
        ),
    ]


def _measure_canvassing(environment: dict[str, str], quick: bool) -> list[Table]:
    """Sealed sign-ups: how many the site takes, and the app on a slow phone and a bad line."""
    sizes = canvassing.QUICK if quick else canvassing.Sizes()

    def measure(server_url: str) -> list[Table]:
        with signing.stage(server_url, "canvassing") as url:
            taken = canvassing.take(url, sizes, _say)
            return _canvassing_tables(taken, canvassing.on_the_phone(url, sizes, _say), sizes)

    with signing.clean_folder():
        return _with_database(environment, measure)


def _canvassing_tables(
    taken: canvassing.Taken, phone: canvassing.OnThePhone, sizes: canvassing.Sizes
) -> list[Table]:
    p99 = 1000 * taken.wait_of(0.99)
    all_came = not taken.refused and len(taken.waits) == sizes.rate * sizes.seconds
    saves, opens = sorted(phone.saves), sorted(phone.opens)
    slow_save = saves[int(len(saves) * 0.95)]
    every = phone.arrived == sizes.queued
    script: list[Row] = [
        (f"its script, {how}, bytes", f"{size:,}", "<= 12,000", verdict(size <= 12_000))
        for how, size in canvassing.script().items()
    ]
    return [
        (
            f"Sealed sign-ups, one web process, a database beside ({_busy()})",
            [
                ("", "", "target", ""),
                (
                    f"{sizes.rate} a second for {sizes.seconds} s, {len(taken.refused)} refused",
                    f"{len(taken.waits):,}",
                    "all",
                    verdict(all_came),
                ),
                ("p50, ms", f"{1000 * taken.wait_of(0.5):.0f}", "", ""),
                ("p99, ms", f"{p99:.0f}", "< 200", verdict(p99 < 200)),
                (
                    "as many as it can, a second",
                    f"{taken.most:.0f}",
                    ">= 200",
                    verdict(taken.most >= 200),
                ),
                ("web process, CPU µs each", f"{taken.cpu:,.0f}", "", ""),
            ],
        ),
        (
            f"The app on a phone {canvassing.SLOWER} times as slow as this machine",
            [
                ("", "", "target", ""),
                ("saving one, median, ms", f"{statistics.median(saves):.1f}", "", ""),
                (
                    "saving one, 95 of 100 within, ms",
                    f"{slow_save:.1f}",
                    "< 50",
                    verdict(slow_save < 50),
                ),
                (
                    f"opening with {sizes.queued:,} waiting, median, ms",
                    f"{statistics.median(opens):.0f}",
                    "< 1,000",
                    verdict(statistics.median(opens) < 1000),
                ),
                *script,
            ],
        ),
        (
            f"{sizes.queued:,} sent, each waits {sizes.wait} s, {sizes.lost:.0%} lost",
            [
                ("", "", "target", ""),
                ("seconds", f"{phone.sent_in:.0f}", "", ""),
                (
                    "longest without an arrival, s",
                    f"{phone.longest_gap:.1f}",
                    "< 10",
                    verdict(phone.longest_gap < 10),
                ),
                (
                    f"arrived, {phone.lost} times lost on the way",
                    f"{phone.arrived:,}",
                    "all",
                    verdict(every),
                ),
            ],
        ),
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


MEASURES = {
    "house": _measure_house,
    "phone": _measure_phone,
    "lighthouse": _measure_lighthouse,
    "queries": _measure_queries,
    "rates": _measure_rates,
    "signing": _measure_signing,
    "ringing": _measure_ringing,
    "canvassing": _measure_canvassing,
    "places": _measure_places,
    "hearings": _measure_hearings,
}

_begun = time.monotonic()


def _say(sentence: str) -> None:
    print(f"[{time.monotonic() - _begun:3.0f} s] {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
