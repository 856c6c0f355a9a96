"""Routes: what a room gives to the whole house beside its tables, which is addresses, lines of the
desk's menu and of its to-do (`room.py`), and work in the background (`background.py`)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from backend.staff.auth import Visitor
from backend.staff.retention import Keep
from backend.staff.roles import Right
from backend.web.jobs import Job, Schedule
from backend.web.responses import AnyRequest


@dataclass(frozen=True)
class Todo:
    """`words` go on after the number, and link to `address`; with 0, nothing waits. Without `count`
    they stand alone. An `alarm` is something that is not as it should be."""

    words: str
    address: str
    count: int | None = None
    alarm: bool = False


# What waits in one room for a visitor; nothing where they may not act on it.
Waiting = Callable[[Visitor], Awaitable[list[Todo]]]


async def gathered(rooms: Iterable[Waiting], visitor: Visitor) -> list[Todo]:
    """What waits for a person of the staff, each thing only for those who may act on it. Alarms
    first."""
    found = [each for waiting in rooms for each in await waiting(visitor) if each.count != 0]
    return sorted(found, key=lambda each: not each.alarm)


@dataclass(frozen=True)
class Place:
    """A line of the desk's menu, for who has the first of these rights; `name` is a msgid."""

    rights: Mapping[Right, str]
    name: str

    def address(self, visitor: Visitor) -> str | None:
        return next((to for right, to in self.rights.items() if visitor.may(right)), None)


@dataclass(frozen=True)
class Room:
    """`pages` are the modules with the room's handlers. `todo` says what waits for a visitor.
    `forgets` end what this phone is known by. `offers` are lists that a room below may show, by
    the name under which it asks for them. `beside` runs for as long as a web process does. What
    begins with one of `opening` opens names and contacts: it is not there where only the public is
    served."""

    pages: tuple[ModuleType, ...]
    places: tuple[Place, ...] = ()
    todo: Waiting | None = None
    forgets: tuple[Callable[[AnyRequest], Awaitable[None]], ...] = ()
    offers: Mapping[str, Callable[..., Awaitable[Any]]] = field(default_factory=dict)

    beside: tuple[Callable[[Litestar], Awaitable[None]], ...] = ()
    opening: tuple[str, ...] = ()

    def handlers(self) -> list[HTTPRouteHandler]:
        """In the order in which they are written; what a module only imports is another's."""
        return [
            each
            for module in self.pages
            for each in vars(module).values()
            if isinstance(each, HTTPRouteHandler) and each.fn.__module__ == module.__name__
        ]


@dataclass(frozen=True)
class Background:
    """`jobs` by name, when they are due, and how long the room keeps what."""

    jobs: Mapping[str, Job] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()
    retention: tuple[Keep, ...] = ()
