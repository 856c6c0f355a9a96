"""Service worker: addresses of the installed app, its manifest, worker and bundle, how to install
it and forget it."""

import hashlib
import json
import re
from functools import cache
from typing import Any

import structlog
from litestar import Litestar, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from backend import settings
from backend.policies import queries
from backend.pwa import bundle
from backend.web import cookies, language
from backend.web.assets import static
from backend.web.clock import today
from backend.web.language import gettext as _
from backend.web.logs import told
from backend.web.page_cache import kept
from backend.web.pages import Page, fixed_page, page
from backend.web.responses import Answer, AnyRequest, see, send

log = structlog.get_logger()

PWA = settings.FRONTEND / "pwa"
NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
MOST_COOKIES = 40
NO_CACHE = (("cache-control", "no-cache"),)

# What every page needs, on the phone from the start.
ASSETS = (
    "css/alerts.css",
    "css/app.css",
    "css/detained.css",
    "css/guide.css",
    "img/icons.svg",
    "img/mark.svg",
    "js/alerts.js",
    "js/app.js",
    "js/detained.js",
    "js/guide.js",
    "js/locate.js",
    "vendor/htmx.js",
    "vendor/outlines.json",
    "vendor/icons/192.png",
)


@get("/manifest.webmanifest")
async def show_manifest(request: AnyRequest) -> ASGIResponse:
    body = json.dumps(_manifest(language.of(request)), ensure_ascii=False).encode()
    headers = (*NO_CACHE, ("vary", "Accept-Encoding, Accept-Language, Cookie"))
    return send(request, Answer(body, "application/manifest+json", headers))


@get("/service-worker.js")
async def show_worker(request: AnyRequest) -> ASGIResponse:
    text = _no_worker() if settings.read().kill_worker else _worker()
    return send(request, Answer(text.encode(), "text/javascript", NO_CACHE))


@get("/offline/record/{code:str}")
async def show_bundle(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    """The record in one language."""
    if code not in language.LANGUAGES:
        raise NotFoundException
    return send(request, await make_bundle(request.app, code))


async def make_bundle(app: ASGIApp, code: str) -> Answer:
    """Today's bundle. It takes some seconds to make, and is kept until the record changes."""

    async def make() -> Answer:
        return await bundle.make(app, code)

    return await kept(("bundle", code, today()), make)


async def make_ahead(app: Litestar) -> None:
    """The bundle takes seconds to make: the first phone shall not wait for it."""
    await queries.hearing.wait()
    for code in language.LANGUAGES:
        await make_bundle(app, code)


@get("/offline/gazetteer.json")
async def show_finder(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return bundle.make_finder()

    return send(request, await kept("finder", make))


@get("/offline/sources.json")
async def show_sources(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return await bundle.make_sources(request.app)

    return send(request, await kept(("sources", today()), make))


@get("/offline/more.json")
async def show_more(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return await bundle.make_more(request.app)

    return send(request, await kept(("more", today()), make))


@get("/offline/detained.json")
async def show_detained(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return await bundle.make_more(request.app, bundle.DETAINED)

    return send(request, await kept(("detained pages", today()), make))


@get("/offline/frame")
async def show_frame(request: AnyRequest) -> ASGIResponse:
    return page(request, Page("pwa/frame.html", {"today": today()}))


@get("/offline")
async def show_offline(request: AnyRequest) -> ASGIResponse:
    return await fixed_page(request, "pwa/offline.html")


@get("/install")
async def show_install(request: AnyRequest) -> ASGIResponse:
    return await fixed_page(request, "pwa/install.html", app_name=settings.read().app_name)


@post("/forget")
async def forget(request: AnyRequest) -> ASGIResponse:
    """End what the cookies of this phone open here, and ask the browser to drop everything of ours:
    it works without scripts too. Some browsers do not know Clear-Site-Data, or keep cookies all the
    same: so each is expired by its name."""
    ended = await _end_what_it_opens(request)
    sent = see("/forgotten" if ended else "/forgotten?left=1")
    for cookie in _expired(request):
        sent.add("set-cookie", cookie)
    sent.add("clear-site-data", '"cache", "cookies", "storage"')
    return sent


@get("/forgotten")
async def show_forgotten(request: AnyRequest) -> ASGIResponse:
    left = request.query_params.get("left", "") == "1"
    return page(request, Page("pwa/forgotten.html", {"left": left}, private=True))


async def _end_what_it_opens(request: AnyRequest) -> bool:
    """Each room ends its own (`app.make_app` lists them). False when one could not: the phone
    forgets all the same, and its owner is told."""
    ended = True
    for end in request.app.state.forgets:
        try:
            await end(request)
        except Exception as error:
            log.error("could not end what a phone opened", **told(error))
            ended = False
    return ended


def _expired(request: AnyRequest) -> list[str]:
    """A header for every cookie that came, and for those that came not because this page is asked
    for without TLS."""
    names = [name for name in request.cookies if NAME.fullmatch(name)][:MOST_COOKIES]
    return [cookies.written(name, "", 0) for name in dict.fromkeys((language.COOKIE, *names))]


def _manifest(reader: language.Language) -> dict[str, Any]:
    token = language.current.set(reader)
    try:
        name = settings.read().app_name
        icon = {"sizes": "192x192", "type": "image/png", "src": static("vendor/icons/192.png")}
        return {
            "id": "/",
            "name": name,
            "short_name": name[:12],
            "description": _("Look up your county, in plain words."),
            "lang": reader.code,
            "dir": reader.direction,
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#fbf8f3",
            "theme_color": "#fbf8f3",
            "icons": [
                {**icon, "purpose": "any"},
                _icon("512", "any"),
                _icon("maskable-512", "maskable"),
            ],
            "screenshots": [
                {
                    "src": static(f"img/screens/{picture}.png"),
                    "sizes": "360x740",
                    "type": "image/png",
                    "form_factor": "narrow",
                    "label": label,
                }
                for picture, label in (
                    ("home", _("Find your county")),
                    ("county", _("The answer first")),
                    ("counties", _("All 58 counties")),
                )
            ],
            "shortcuts": [
                {"name": label, "url": address, "icons": [icon]}
                for label, address in (
                    (_("My county"), "/"),
                    (_("Someone was detained"), "/detained"),
                    (_("My alerts"), "/alerts"),
                    (_("Find health coverage"), "/enrollment"),
                )
            ],
        }
    finally:
        language.current.reset(token)


def _icon(name: str, purpose: str) -> dict[str, str]:
    address = static(f"vendor/icons/{name}.png")
    return {"sizes": "512x512", "type": "image/png", "src": address, "purpose": purpose}


@cache
def _worker() -> str:
    """The worker behind what it needs to know. Any change in an asset changes its text, and that
    is how a browser notices a release."""
    assets = [static(path) for path in ASSETS]
    code = "".join((PWA / name).read_text("utf-8") for name in ("finder.js", "service-worker.js"))
    version = hashlib.sha256(
        json.dumps([assets, code, settings.read().release]).encode()
    ).hexdigest()[:12]
    words = {code: _alert_words(reader) for code, reader in language.LANGUAGES.items()}
    records = [f"/offline/record/{code}" for code in language.LANGUAGES]
    build = json.dumps({"version": version, "assets": assets, "words": words, "records": records})
    return f"self.BUILD = {build};\n{code}"


def _alert_words(reader: language.Language) -> dict[str, str]:
    """What a phone shows when an alert comes that it cannot read."""
    token = language.current.set(reader)
    try:
        return {"title": _("New update"), "body": _("Open the app to read it.")}
    finally:
        language.current.reset(token)


@cache
def _no_worker() -> str:
    return (PWA / "no-worker.js").read_text("utf-8")
