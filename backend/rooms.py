"""The rooms of the house, in the order of the desk's menu.

A room owns all of itself: `backend/<room>/`, `frontend/<room>/`, `tests/<room>/`. To remove one,
delete these three folders and its name here.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

ROOMS = (
    "desk",
    "counties",
    "policies",
    "enrollment",
    "detained",
    "campaigns",
    "hearings",
    "alerts",
    "canvass",
    "push",
    "pwa",
    "about",
    "staff",
)


def parts(name: str) -> Iterator[ModuleType]:
    """The module of that name of every room that has one."""
    for room in ROOMS:
        if find_spec(f"backend.{room}.{name}"):
            yield import_module(f"backend.{room}.{name}")
