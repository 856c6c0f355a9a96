"""The front door: every room's addresses, and nothing else."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator

import structlog
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License

from backend import settings
from backend.about import controllers as about_pages
from backend.counties import api as counties_api
from backend.counties import controllers as county_pages
from backend.database import DB, use
from backend.desk import controllers as desk
from backend.policies import api as policies_api
from backend.policies import controllers as policy_pages
from backend.policies import reading
from backend.pwa import controllers as phone
from backend.staff import controllers as staff
from backend.staff import door
from backend.web import assets, errors, language
from backend.web.gate import gate
from backend.web.security import add_headers

log = structlog.get_logger()

ROUTES = [
    county_pages.show_home,
    county_pages.find_county,
    county_pages.show_form,
    policy_pages.list_counties,
    policy_pages.show_county,
    policy_pages.list_laws,
    policy_pages.show_law,
    policy_pages.show_data,
    about_pages.show_about,
    about_pages.show_privacy,
    about_pages.show_design,
    about_pages.answer_health,
    about_pages.answer_readiness,
    about_pages.answer_robots,
    phone.show_manifest,
    phone.show_worker,
    phone.show_bundle,
    phone.show_frame,
    phone.show_offline,
    phone.show_install,
    phone.forget,
    phone.show_forgotten,
    assets.show_asset,
    counties_api.answer_zip,
    policies_api.list_counties,
    policies_api.list_counties_csv,
    policies_api.list_counties_geojson,
    policies_api.show_county,
    policies_api.list_laws,
    staff.sign_out,
    desk.show_desk,
]


@contextlib.asynccontextmanager
async def open_house(app: Litestar) -> AsyncIterator[None]:
    """The connections and words a web process needs from its first request to its last."""
    _end_with_parent()
    use(settings.read().database_url)
    language.load()
    await DB.start_connection_pool(min_size=1, max_size=10)
    background = [
        asyncio.create_task(reading.listen()),
        asyncio.create_task(make_ahead(app)),
    ]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await DB.close_connection_pool()


async def make_ahead(app: Litestar) -> None:
    """The bundle takes seconds to make: the first phone shall not wait for it."""
    await reading.hearing.wait()
    await phone.make_bundle(app)


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep the port for ever: it ends itself instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, os.kill, os.getpid(), signal.SIGKILL)


def make_app() -> Litestar:
    app = Litestar(
        route_handlers=ROUTES,
        lifespan=[open_house],
        guards=[door.check],
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
    app.asgi_handler = gate(app.asgi_handler)
    return app


app = make_app()
