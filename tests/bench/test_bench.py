"""The bench itself: nothing is timed here, and no server is asked."""

import importlib.util
import json
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
    assert not re.search(r"https?://(?!(github\.com|opencollective\.com)/)", text)
    assert "omit-lockfile-registry-resolved=true" in (HERE / ".npmrc").read_text("utf-8")


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
