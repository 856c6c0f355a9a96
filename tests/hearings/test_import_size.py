"""A reading stays small. `make bench` measures 5,000 events; this is a tenth of it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.databases import command, empty_database

BENCH = Path(__file__).parent.parent / "bench"
EVENTS = 500


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/importing.py as `make bench` finds it."""
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])
    spec = importlib.util.spec_from_file_location("bench_importing", BENCH / "importing.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bench_importing", module)
    spec.loader.exec_module(module)
    return module


def test_hundreds_of_events_are_read_right_in_little_memory(
    server_url: str, bench: ModuleType
) -> None:
    with empty_database(server_url, "import_speed") as url:
        loaded = command("load", DATABASE_URL=url)
        assert loaded.returncode == 0, loaded.stderr
        assert "Sources of hearings: 25 added." in loaded.stdout
        read = bench.measure(url, EVENTS)
    assert read.is_right(EVENTS), read
    assert read.megabytes < 150
