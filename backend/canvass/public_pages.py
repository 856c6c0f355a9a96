"""The canvassers' app. Its page is the same for everyone, and holds the form for signers in every
language: on a phone without a signal no other can be asked for."""

import json
from typing import Any

from litestar import get
from litestar.response.base import ASGIResponse
from markupsafe import Markup

from backend.web import assets, language
from backend.web.assets import static
from backend.web.language import gettext as _
from backend.web.pages import Page, kept_page, render
from backend.web.responses import Answer, AnyRequest, send

VARY = (("cache-control", "no-cache"), ("vary", "Accept-Encoding, Accept-Language, Cookie"))


@get("/canvass")
async def show_app(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        return Page("canvass/canvass.html", {"forms": _forms(), "version": assets.digest_of_all()})

    return await kept_page(request, "canvass", make)


@get("/canvass/manifest.webmanifest")
async def show_manifest(request: AnyRequest) -> ASGIResponse:
    """An app of its own beside the site's: it opens where canvassers work."""
    body = json.dumps(_manifest(language.of(request)), ensure_ascii=False).encode()
    return send(request, Answer(body, "application/manifest+json", VARY))


def _forms() -> list[dict[str, str]]:
    return [_form(reader) for reader in language.LANGUAGES.values()]


def _form(reader: language.Language) -> dict[str, str]:
    token = language.current.set(reader)
    try:
        return {
            "code": reader.code,
            "direction": reader.direction,
            "name": reader.name,
            "start": _("Sign"),
            "html": Markup(render("canvass/sign.html")),  # noqa: S704 our own template
        }
    finally:
        language.current.reset(token)


def _manifest(reader: language.Language) -> dict[str, Any]:
    token = language.current.set(reader)
    try:
        # Neutral, and short enough to stand under an icon.
        name = _("Sign-ups")
        return {
            "id": "/canvass",
            "name": name,
            "short_name": name[:12],
            "lang": reader.code,
            "dir": reader.direction,
            "start_url": "/canvass",
            "scope": "/canvass",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#ffffff",
            "icons": [
                _icon("192", 192, "any"),
                _icon("512", 512, "any"),
                _icon("maskable-512", 512, "maskable"),
            ],
        }
    finally:
        language.current.reset(token)


def _icon(name: str, size: int, purpose: str) -> dict[str, str]:
    address = static(f"vendor/icons/{name}.png")
    return {"sizes": f"{size}x{size}", "type": "image/png", "src": address, "purpose": purpose}
