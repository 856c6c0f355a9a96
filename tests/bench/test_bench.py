"""The bench itself: nothing is timed here, and no server is asked."""

import importlib.util
import py_compile
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
