"""The front door: every room's addresses, and nothing else."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import filterfalse

import structlog
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License

from backend import settings
from backend.database import DB, use
from backend.rooms import parts
from backend.staff import auth, proxies
from backend.staff.rooms import Room
from backend.web import assets, errors, language, rate_limits
from backend.web.bodies import Asked, Rules
from backend.web.middleware import gate
from backend.web.responses import AnyRequest
from backend.web.security import add_headers

log = structlog.get_logger()

HOUSE: list[Room] = [module.ROOM for module in parts("room")]
ROUTES = [assets.show_asset, *(handler for room in HOUSE for handler in room.handlers())]


@contextlib.asynccontextmanager
async def open_house(app: Litestar) -> AsyncIterator[None]:
    """The connections and words a web process needs from its first request to its last."""
    _end_with_parent()
    use(settings.read().database_url)
    language.load()
    await DB.start_connection_pool(min_size=1, max_size=10)
    background = [asyncio.ensure_future(run(app)) for room in HOUSE for run in room.beside]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await rate_limits.close()
        await DB.close_connection_pool()


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep the port for ever: it ends itself instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, os.kill, os.getpid(), signal.SIGKILL)


def _routes() -> list[HTTPRouteHandler]:
    if not settings.serves_public_only():
        return ROUTES
    opening = (auth.DESK, *(begin for room in HOUSE for begin in room.opening))
    return [each for each in ROUTES if not any(path.startswith(opening) for path in each.paths)]


def _is_api(route: HTTPRouteHandler) -> bool:
    """Whether programs are told of it: then it has a name for them."""
    return route.operation_id is not None


def _behind_the_door(route: HTTPRouteHandler) -> bool:
    """Whether only staff may use it. The others are spared the guard: Litestar copies the handler
    for every call of one, which is a tenth of what a kept page costs."""
    return "may" in (route.opt or {}) or any(path.startswith(auth.DESK) for path in route.paths)


def _parted(
    routes: Iterable[HTTPRouteHandler], belongs: Callable[[HTTPRouteHandler], bool]
) -> tuple[list[HTTPRouteHandler], list[HTTPRouteHandler]]:
    routes = list(routes)
    return [each for each in routes if belongs(each)], list(filterfalse(belongs, routes))


def _given_by(house: list[Room]) -> State:
    """What one room gives and another shows: lines of the desk's menu and to-do, what "Forget this
    phone" ends, and lists by their name."""
    return State(
        {
            "places": [place for room in house for place in room.places],
            "todo": [room.todo for room in house if room.todo],
            "forgets": [end for room in house for end in room.forgets],
            "offers": {name: offer for room in house for name, offer in room.offers.items()},
        }
    )


async def _begin(request: AnyRequest) -> None:
    language.speak(request)
    await proxies.look(request)


def make_app() -> Litestar:
    routes = _routes()
    desk, public = _parted(routes, _behind_the_door)
    api, pages = _parted(public, _is_api)
    app = Litestar(
        route_handlers=[
            Router("/", route_handlers=desk, guards=[auth.check], include_in_schema=False),
            Router("/", route_handlers=pages, include_in_schema=False),
            *api,
        ],
        lifespan=[open_house],
        before_request=_begin,
        state=_given_by(HOUSE),
        request_class=Asked,
        before_send=[add_headers],
        exception_handlers={Exception: errors.answer_error},  # type: ignore[dict-item]
        openapi_config=OpenAPIConfig(
            title="Confianza: California counties’ ICE-hold policies",
            version="1",
            path="/api",
            render_plugins=[JsonRenderPlugin()],
            license=License(name="CC BY 4.0", identifier="CC-BY-4.0"),
        ),
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = gate(app.asgi_handler, Rules(routes))
    return app


app = make_app()
