"""Rooms own all of themselves: what one gives to the house, and the house without it."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
from litestar.handlers import HTTPRouteHandler

from backend import rooms
from backend.app import HOUSE as GIVEN
from backend.app import ROUTES
from backend.web import vendor
from tests.serving import HOUSE, serving

BACKEND = HOUSE / "backend"
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "__pycache__")
# Where a visitor begins; what these pages link to is asked too.
FIRST_PAGES = ("/", "/counties/kern", "/campaigns", "/alerts", "/privacy", "/more", "/detained")


def test_every_folder_of_a_feature_is_a_room() -> None:
    folders = {path.parent.name for path in BACKEND.glob("*/__init__.py")}
    assert folders - {"web", "commands"} == set(rooms.ROOMS)


def test_every_address_that_is_written_is_answered() -> None:
    written = {
        each
        for path in BACKEND.rglob("*.py")
        if "litestar" in path.read_text("utf-8") and path.name != "__main__.py"
        for each in vars(importlib.import_module(_module(path))).values()
        if isinstance(each, HTTPRouteHandler)
    }
    assert written == set(ROUTES)


def test_what_rooms_offer_each_other_has_one_name() -> None:
    offers = [name for room in GIVEN for name in room.offers]
    assert len(offers) == len(set(offers))


def test_the_house_stands_without_canvassing(tmp_path: Path, own_url: str) -> None:
    """Three folders and a line are deleted, and nothing else."""
    house = tmp_path / "house"
    shutil.copytree(HOUSE, house, ignore=NOT_COPIED)
    for folder in ("backend", "frontend", "tests"):
        shutil.rmtree(house / folder / "canvass")
    names = house / "backend" / "rooms.py"
    names.write_text(names.read_text("utf-8").replace('    "canvass",\n', ""), "utf-8")
    _say_that_assets_are_built(house)
    with (
        serving(
            tmp_path / "log",
            house=house,
            DATABASE_URL=own_url,
            VAR=str(tmp_path / "var"),
            WORKER="0",
        ) as site,
        httpx.Client(base_url=site.url, timeout=60, follow_redirects=True) as browser,
    ):
        assert browser.get("/canvass").status_code == 404
        seen: set[str] = set()
        for address in FIRST_PAGES:
            page = browser.get(address)
            assert page.status_code == 200, address
            seen |= set(re.findall(r'(?:href|src)="(/[^"#?]*)', page.text))
        assert len(seen) > 50
        for address in sorted(seen):
            assert browser.get(address).status_code == 200, address
        assert browser.get("/desk/sign-in").status_code == 200
    jobs = _python(house, "from backend import worker; print(*worker.JOBS)").split()
    assert "count_pledges" in jobs
    assert "take_canvass_file" not in jobs


def _module(path: Path) -> str:
    return ".".join(path.relative_to(BACKEND.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def _say_that_assets_are_built(house: Path) -> None:
    """They are copied, but for the room's own; building them anew would ask npm."""
    (house / vendor.VENDOR.relative_to(HOUSE) / "canvass.js").unlink()
    _python(house, "from backend.web import vendor as v; v.STAMP.write_text(v._digest())")


def _python(house: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=house, capture_output=True, text=True, check=True
    )
    return done.stdout
