"""Pages from templates: the whole page to a browser, one block of it to htmx."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.datastructures import Cookie

from backend import settings
from backend.web import language
from backend.web.assets import static
from backend.web.autolinks import linked
from backend.web.page_cache import kept
from backend.web.responses import Answer, AnyRequest, Sent, send

VARY = "Accept-Encoding, Accept-Language, Cookie, HX-Request"


@dataclass(frozen=True)
class Page:
    """A template with what it shows, not yet in any language. htmx receives `block` of it.

    `query` is what of the address's query belongs to the page, for links to the same page in
    another language; whatever else a stranger wrote there is left out. A `private` page is for
    one person's eyes: no browser keeps it.
    """

    template: str
    context: dict[str, Any] = field(default_factory=dict)
    block: str | None = None
    status: int = 200
    query: dict[str, str] = field(default_factory=dict)
    private: bool = False


def page(request: AnyRequest, page: Page) -> Sent:
    """Answer with a page made for this request alone."""
    return _send(request, _render(request, page))


async def kept_page(
    request: AnyRequest,
    key: Hashable,
    make: Callable[[], Awaitable[Page]],
    seconds: float | None = None,
    fill_in: dict[str, str] | None = None,
) -> Sent:
    """Answer with a page that is the same for everyone who reads this language.

    `key` says what the page is of; it is made once and kept until the record changes, or for so
    many `seconds`. Only pages that hold nothing personal may be kept. `fill_in` are words that the
    kept page leaves open, each with what stands there in this answer alone: it needs no escaping.
    """

    async def answer() -> Answer:
        return _render(request, await make())

    whole_key = (key, language.of(request).code, wants_block(request))
    found = await kept(whole_key, answer, seconds)
    if fill_in:
        body = found.body
        for blank, word in fill_in.items():
            body = body.replace(blank.encode(), word.encode())
        found = replace(found, body=body, once=True)
    return _send(request, found)


async def fixed_page(request: AnyRequest, template: str, **context: Any) -> Sent:
    """Answer with a page that is made of nothing but its template and settings."""

    async def make() -> Page:
        return Page(template, context)

    return await kept_page(request, template, make)


@cache
def environment() -> Environment:
    """Jinja with every name a template may use; an unknown one is an error, never empty text."""
    environment = Environment(
        loader=FileSystemLoader(settings.FRONTEND),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext, language.ngettext, newstyle=True
    )
    environment.globals |= {
        "static": static,
        "in_language": _in_language,
        "languages": tuple(language.LANGUAGES.values()),
        "site_url": settings.read().site_url,
        "source_url": settings.read().source_url,
    }
    environment.filters |= {
        "day": language.day_in_words,
        "month": language.month_in_words,
        "number": language.number_in_words,
        "words": language.in_words,
        "linked": linked,
    }
    return environment


def render(template: str, block: str | None = None, /, **context: Any) -> str:
    """The template, or one block of it, in the current language."""
    found = environment().get_template(template)
    if block is None:
        return found.render(context)
    return "".join(found.blocks[block](found.new_context(context)))


def _in_language(code: str, query: dict[str, str]) -> str:
    return "?" + urlencode({**query, "lang": code})


def _render(request: AnyRequest, page: Page) -> Answer:
    reader = language.of(request)
    token = language.current.set(reader)
    try:
        body = render(
            page.template,
            page.block if wants_block(request) else None,
            language=reader,
            path="/" + "/".join(part for part in request.scope["path"].split("/") if part),
            query=page.query,
            **page.context,
        )
    finally:
        language.current.reset(token)
    headers = (
        ("content-language", reader.code),
        ("cache-control", "no-store" if page.private else "no-cache"),
        ("vary", VARY),
    )
    return Answer(body.encode(), "text/html", headers, page.status, once=page.private)


def _send(request: AnyRequest, answer: Answer) -> Sent:
    response = send(request, answer)
    asked = language.asked_for(request)
    if asked and language.remembered(request) is not asked:
        https = settings.read().site_url.startswith("https:")
        cookie = Cookie(
            key=language.SAFE_COOKIE if https else language.COOKIE,
            value=asked.code,
            max_age=365 * 24 * 3600,
            samesite="lax",
            secure=https,
        )
        response.add("set-cookie", cookie.to_header(header=""))
    return response


def wants_block(request: AnyRequest) -> bool:
    # A restored or boosted page says "full": then htmx wants all of it.
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-request-type") == "partial"
