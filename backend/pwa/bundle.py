"""Offline bundle: everything that matters in one file a language, so that what a person looks up
stays on their phone.

The pages in it are the ones the site itself answers with: we follow its links as a visitor would,
in every language, and keep each page's title, its own scripts and its main part. Nothing is
written twice, and this room needs to know no other.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
from litestar.types import ASGIApp

from backend.counties import gazetteer, phone
from backend.web import language
from backend.web.clock import today
from backend.web.json import PUBLIC
from backend.web.rate_limits import OURSELVES
from backend.web.responses import Answer

# Where the way through the site begins. The forms of /find are not linked from anywhere.
START = ("/", "/counties", "/laws", "/more", "/about", "/data", "/install", "/offline")
FORMS = tuple(
    f"/find/forms/{kind}"
    for kind in (
        "place",
        "typed",
        "empty",
        "outside_california",
        "unknown_zip",
        "not_a_zip",
        "no_match",
    )
)
LINK = re.compile(r'href="(/[a-z0-9/-]*(?:\?question=[a-z_]+)?)"')
NOT_PAGES = (
    "/static/",
    "/api/",
    "/find",
    "/offline/",
    "/campaigns",
    "/pledges",
    "/changes",
    "/hearings",
    "/enrollment",
    "/detained",
    "/alerts",
    "/privacy",
    "/legal-demands",
)

# Pages worth having without a signal too, in a file of their own: the record's has no room left.
MORE = (
    "/enrollment",
    "/enrollment/guide",
    "/enrollment/safe",
    "/alerts",
    "/privacy",
    "/legal-demands",
)
# And when someone was detained, with every county's numbers, in a third.
DETAINED = (
    "/detained",
    *(f"/detained/{page}" for page in ("find", "places", "calls", "family", "card")),
    *(f"/counties/{county.slug}/detained" for county in gazetteer.counties()),
)

# Cuts a page: what of it is its own, and the frame all pages share.
PAGE = re.compile(
    r"(?P<start>.*<title>)(?P<title>[^<]*)"
    r"(?P<middle></title>.*<!--scripts-->)(?P<scripts>.*?)"
    r"(?P<body></head>.*<main [^>]*>)(?P<main>.*)(?P<end></main>.*)",
    re.DOTALL,
)
# A source with its address, which is the same in every language: it stands in a file of its own.
SOURCE = re.compile(
    r'<a href="https?://[^"]+" rel="noreferrer noopener external"><cite>[^<]*</cite></a>'
)
MARK = re.compile(r"<!--source:([0-9a-f]{8})-->")
# How far a line of a template is set in says nothing to a phone.
INDENT = re.compile(r"\n\s+")
GAPS = {"title": "<!--title-->", "scripts": "", "main": "<!--main-->"}

_making = asyncio.Lock()


async def make(app: ASGIApp, code: str) -> Answer:
    """The record in one language as an answer: JSON `{version, made_on, language, frame, pages:
    {address: {title, scripts, main}}}`.

    `version` changes with any of the content, `made_on` is a day. About 2 MB, of which brotli
    leaves 3 in 100: the pages are alike.
    """
    async with _making:
        transport = httpx.ASGITransport(app=app, client=OURSELVES)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://phone") as visitor:
            content = {"language": code, **await _visit(visitor, code)}
        for page in content["pages"].values():
            marked = SOURCE.sub(lambda found: _mark(found[0]), page["main"])
            page["main"] = INDENT.sub("\n", marked)
        body = await asyncio.to_thread(_write, content)
        answer = Answer(body, "application/json", PUBLIC, squeezed=True)
        # Compressing takes two seconds: not while others wait for their pages.
        await asyncio.to_thread(lambda: answer.brotlied)
        return answer


async def make_sources(app: ASGIApp) -> Answer:
    """What pages of the record cite, in no language: JSON `{sources: {mark: link}}`."""
    async with _making:
        transport = httpx.ASGITransport(app=app, client=OURSELVES)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://phone") as visitor:
            pages = (await _visit(visitor, language.ENGLISH.code))["pages"]
    links = {link for page in pages.values() for link in SOURCE.findall(page["main"])}
    content = {"sources": {_hash(link): link for link in sorted(links)}}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    answer = Answer(body, "application/json", PUBLIC, squeezed=True)
    await asyncio.to_thread(lambda: answer.brotlied)
    return answer


def filled(main: str, sources: Mapping[str, str]) -> str:
    """The page as the worker shows it: with what it cites."""
    return MARK.sub(lambda found: sources.get(found[1], ""), main)


def _mark(link: str) -> str:
    return f"<!--source:{_hash(link)}-->"


def _hash(link: str) -> str:
    return hashlib.sha256(link.encode()).hexdigest()[:8]


def make_finder() -> Answer:
    """What the finder needs on the phone, in no language: JSON `{finder}`."""
    body = json.dumps({"finder": phone.read()}, ensure_ascii=False, separators=(",", ":"))
    return Answer(body.encode(), "application/json", PUBLIC, squeezed=True)


async def make_more(app: ASGIApp, addresses: tuple[str, ...] = MORE) -> Answer:
    """Pages beside the record: JSON `{made_on, languages: {code: {pages: …}}}`."""
    transport = httpx.ASGITransport(app=app, client=OURSELVES)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://phone") as visitor:
        languages = {
            code: {"pages": {address: await _cut(visitor, address, code) for address in addresses}}
            for code in language.LANGUAGES
        }
    whole = {"made_on": today().isoformat(), "languages": languages}
    body = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    answer = Answer(body, "application/json", PUBLIC, squeezed=True)
    await asyncio.to_thread(lambda: answer.brotlied)
    return answer


async def _visit(visitor: httpx.AsyncClient, code: str) -> dict[str, Any]:
    """The frame and every page of one language."""
    pages: dict[str, Any] = {}
    to_see = [*START, *FORMS]
    while to_see:
        address = to_see.pop()
        pages[address] = await _cut(visitor, address, code)
        # Nothing above waits for anything: others get their turn here.
        await asyncio.sleep(0)
        linked = set(LINK.findall(pages[address]["main"])) - pages.keys() - set(to_see)
        to_see += sorted(each for each in linked if not _is_elsewhere(each))
    whole = PAGE.fullmatch(await _ask(visitor, "/offline/frame", code))
    assert whole is not None
    frame = "".join(GAPS.get(name, text) for name, text in whole.groupdict().items())
    return {"frame": frame, "pages": dict(sorted(pages.items()))}


def _is_elsewhere(address: str) -> bool:
    # What is coming changes by the hour: a page on the phone asks for it when there is a signal.
    return address.startswith(NOT_PAGES) or address in DETAINED or address.endswith("/hearings")


async def _cut(visitor: httpx.AsyncClient, address: str, code: str) -> dict[str, str]:
    whole = PAGE.fullmatch(await _ask(visitor, address, code))
    assert whole is not None, f"{address} is no page of the layout"
    return {name: whole[name].strip() for name in ("title", "scripts", "main")}


async def _ask(visitor: httpx.AsyncClient, address: str, code: str) -> str:
    # The cookie rather than ?lang=: that one would be remembered.
    answer = await visitor.get(address, headers={"Cookie": f"{language.COOKIE}={code}"})
    return answer.text


def _write(content: dict[str, Any]) -> bytes:
    version = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    whole = {"version": version, "made_on": today().isoformat(), **content}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
