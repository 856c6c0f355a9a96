"""The bench itself: nothing is timed here."""

import asyncio
import dataclasses
import importlib.util
import json
import os
import py_compile
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench.py as `make bench` finds it, with its own folder first on the path."""
    monkeypatch.setattr(sys, "path", [str(HERE), *sys.path])
    spec = importlib.util.spec_from_file_location("bench", HERE / "bench.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("program", sorted(path.name for path in HERE.glob("*.py")))
def test_every_program_of_the_bench_compiles(program: str, tmp_path: Path) -> None:
    py_compile.compile(str(HERE / program), cfile=str(tmp_path / "compiled"), doraise=True)


def test_a_table_has_straight_columns(bench: ModuleType) -> None:
    rows = [("", "MB", "target"), ("after 10,000 requests", "98.5", "< 200"), ("most", "101.2", "")]
    assert bench.table(rows).split("\n") == [
        "                          MB  target",
        "after 10,000 requests   98.5   < 200",
        "most                   101.2",
    ]


def test_a_target_is_met_or_missed_in_words(bench: ModuleType) -> None:
    assert [bench.verdict(True), bench.verdict(False)] == ["met", "MISSED"]


def test_lighthouse_is_pinned_and_its_lock_names_no_host() -> None:
    package = json.loads((HERE / "package.json").read_text("utf-8"))
    text = (HERE / "package-lock.json").read_text("utf-8")
    locked = json.loads(text)["packages"]
    for name, version in package["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for path, entry in locked.items() if path)
    assert '"resolved"' not in text
    thanks = r"github\.com|opencollective\.com|feross\.org|www\.patreon\.com"
    assert not re.search(rf"https?://(?!({thanks})/)", text)
    assert "omit-lockfile-registry-resolved=true" in (HERE / ".npmrc").read_text("utf-8")


def test_whoever_rings_is_measured_on_a_small_scale(
    bench: ModuleType, signing: ModuleType, server_url: str
) -> None:
    ringing = bench.ringing
    sizes = ringing.Sizes(1, bound=200, webpush=20, npm=100, devices=300, many=3_000)
    name = f"test_ringing_{os.getpid()}"
    with (
        signing.clean_folder(),
        signing.stage(server_url, name) as url,
        ringing.service() as host,
    ):
        found = ringing.rates(url, host, sizes, lambda _sentence: None)
        assert all(each.median > 0 for each in found.values())
        crowd = ringing.crowd(url, sizes, lambda _sentence: None)
    assert crowd.queued == 3_000
    assert all(guess == truth for _what, _ms, guess, truth in crowd.estimates)
    titles = [title for title, _rows in bench._ringing_tables(found, crowd, sizes)]
    assert len(titles) == 4


def test_canvassing_is_measured_on_a_small_scale(
    bench: ModuleType, signing: ModuleType, server_url: str
) -> None:
    canvassing = bench.canvassing
    sizes = canvassing.Sizes(rate=20, seconds=2, crowd=60, queued=30, timed=5, wait=0.02, lost=0.1)
    name = f"test_canvassing_{os.getpid()}"
    with signing.clean_folder(), signing.stage(server_url, name) as url:
        taken = canvassing.take(url, sizes, lambda _sentence: None)
        assert (len(taken.waits), taken.refused, taken.rows) == (40, [], 100)
        found = canvassing.on_the_phone(url, sizes, lambda _sentence: None)
    assert found.arrived == 30
    assert (len(found.saves), len(found.opens)) == (5, 5)
    tables = dict(bench._canvassing_tables(taken, found, sizes))
    assert len(tables) == 3
    assert "MISSED" not in str(tables["The app on a phone 4 times as slow as this machine"][-2:])


def report(**changed: float) -> dict:
    """What of Lighthouse's report the bench reads, all of it as it should be."""
    numbers = {
        "largest-contentful-paint": 1200,
        "total-blocking-time": 50,
        "cumulative-layout-shift": 0,
        **changed,
    }
    shift = {"node": {"selector": "main > ul", "snippet": "<ul>"}}
    return {
        "categories": {
            name: {"score": 1, "auditRefs": [{"id": id, "weight": 1} for id in audits]}
            for name, audits in {
                "performance": list(numbers),
                "accessibility": [],
                "best-practices": [],
                "seo": [],
            }.items()
        },
        "audits": {
            **{
                id: {"id": id, "score": 1, "numericValue": number, "displayValue": str(number)}
                for id, number in numbers.items()
            },
            "lcp-breakdown-insight": {},
            "long-tasks": {},
            "layout-shifts": {"details": {"items": [shift]}},
        },
    }


def test_a_figure_is_met_up_to_its_target_and_the_median_counts(bench: ModuleType) -> None:
    reports = [report(), report(**{"total-blocking-time": 51}), report()]
    page = bench.lighthouse.Looked("home", reports)
    for figure in bench.lighthouse.FIGURES:
        assert figure.met(page.median(figure)), figure.name
    blocked = next(each for each in bench.lighthouse.FIGURES if each.name == "TBT, ms")
    assert [blocked.met(each) for each in page.values(blocked)] == [True, False, True]


def test_a_missed_figure_names_its_element_though_it_cost_no_point(bench: ModuleType) -> None:
    assert bench.lighthouse.Looked("home", [report()]).faults() == []
    moved = bench.lighthouse.Looked("home", [report(**{"cumulative-layout-shift": 0.02})])
    assert moved.faults() == [
        "performance: cumulative-layout-shift 0.02\n    main > ul  <ul>",
    ]


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch, bench: ModuleType, tmp_path: Path) -> ModuleType:
    """signing.py of the bench, which keeps its keys and letters in this test's own folder."""
    found: ModuleType = bench.signing
    monkeypatch.setattr(found, "OWN", tmp_path / "signing")
    return found


def test_signers_are_measured_on_a_small_scale_and_all_count(
    bench: ModuleType, signing: ModuleType, server_url: str
) -> None:
    sizes = signing.Sizes(rate=20, rush=2, lines=2_000)
    with signing.clean_folder(), signing.stage(server_url, f"test_{os.getpid()}") as url:
        counted = signing.counter(url, sizes)
        assert (counted.lines, counted.right) == (2_000, True)
        came, truth = signing.rush(url, sizes, lambda _sentence: None)
        assert truth.holds, truth
        assert truth.answered == len(came.waits) == 40
        # Of what a lost, a doubled or a forged one would leave, nothing passes for true.
        assert not dataclasses.replace(truth, rows=41).holds
        assert not dataclasses.replace(truth, opened=39).holds
        titles = [title for title, _rows in bench._rush_tables(came, truth, sizes)]
        assert titles[1] == "What is true afterwards"


def test_a_crowd_is_loaded_with_every_index_and_as_many_as_asked_for(
    signing: ModuleType, server_url: str
) -> None:
    asked = """SELECT count(*) AS pledges, count(DISTINCT county) AS counties,
                      count(DISTINCT place) AS places, count(DISTINCT receipt_index) AS receipts
               FROM pledge"""
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'pledge' ORDER BY indexdef"
    keys = "SELECT conname FROM pg_constraint WHERE conrelid = 'pledge'::regclass ORDER BY conname"
    with signing.clean_folder(), signing.stage(server_url, f"test_{os.getpid()}") as url:
        campaign = signing.fetch(url, "SELECT min(id) AS id FROM campaign")[0]["id"]
        before = [signing.fetch(url, question) for question in (indexes, keys)]
        asyncio.run(signing.crowd.load(url, 7_000, campaign))
        [row] = signing.fetch(url, asked)
        assert dict(row) == {"pledges": 7_000, "counties": 58, "places": 7_000, "receipts": 7_000}
        assert [signing.fetch(url, question) for question in (indexes, keys)] == before


def test_the_signers_of_both_loaders_send_the_same_form(
    signing: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(signing.signers, "BENCH", tmp_path)
    script = signing.signers.script_for_wrk(41).read_text("utf-8")
    form = re.search(r'body = string\.format\("(.*?)"\s*\.\. "(.*?)"', script, re.DOTALL)
    assert form is not None
    sent = signing.signers.request_of(42, signing.SIGN).partition(b"\r\n\r\n")[2].decode()
    filled = (form[1] + form[2]).replace("%d", "42").replace("%%", "%")
    assert filled.replace("%s", signing.signers.ZIPS[42 % 10]) == sent
