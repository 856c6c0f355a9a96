"""Static assets: static files with a fingerprint in their address, kept by browsers for a year."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.settings import FRONTEND
from backend.web.responses import Answer, AnyRequest, send

ASSETS = FRONTEND / "assets"
YEAR = "public, max-age=31536000, immutable"
MEDIA_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}


def static(path: str) -> str:
    """The address of `frontend/assets/<path>` as it is now. Raises KeyError for no such file."""
    return f"/static/{path}?v={_fingerprint(path)}"


@get("/static/{path:path}")
async def show_asset(request: AnyRequest, path: FromPath[str]) -> ASGIResponse:
    answers = _assets().get(path.lstrip("/"))
    if answers is None:
        raise NotFoundException
    fresh = request.query_params.get("v") == _fingerprint(path.lstrip("/"))
    return send(request, answers[0 if fresh else 1])


@cache
def _fingerprint(path: str) -> str:
    return _assets()[path][0].etag.strip('W/"')[:10]


@cache
def _assets() -> dict[str, tuple[Answer, Answer]]:
    """Each file under its path: for who asks with today's fingerprint, and for who does not.

    Read once: files change only with a release, and a name that is not here is never opened.
    """
    return {
        path.relative_to(ASSETS).as_posix(): (
            _answer(path, YEAR),
            _answer(path, "no-cache"),
        )
        for path in sorted(ASSETS.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _answer(path: Path, cache_control: str) -> Answer:
    media_type = (
        MEDIA_TYPES.get(path.suffix)
        or mimetypes.guess_type(path.name)[0]
        or "application/octet-stream"
    )
    return Answer(
        path.read_bytes(),
        media_type,
        (("cache-control", cache_control), ("vary", "Accept-Encoding")),
        squeezed=True,
    )


def digest_of_all() -> str:
    """Changes when any asset changes."""
    return hashlib.sha256("".join(map(_fingerprint, _assets())).encode()).hexdigest()[:12]
