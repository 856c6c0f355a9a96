"""Health check for those who run the house: whether it lives, is ready, how much it does, whom to
tell of a hole in it. In English, as plain text: programs and operators read it."""

import asyncio
import datetime
import json
import os
import re
import time
from pathlib import Path

import asyncpg
from litestar import get
from litestar.exceptions import NotFoundException
from litestar.response.base import ASGIResponse
from piccolo.query.functions import Max
from prometheus_client.metrics_core import Metric

from backend import settings
from backend.database import DB, DoesNotAnswer
from backend.policies.tables import Figure, Law, Practice, Rule
from backend.push.gauges import gauges
from backend.staff import heads, proxies
from backend.web import keyring, metrics
from backend.web.responses import Answer, AnyRequest, send

NOT_KEPT = (("cache-control", "no-store"),)
# How long tables found up to date are trusted to stay so.
TRUSTED = 60.0
# RFC 9116 wants less than a year, so that a forgotten file shows its age.
VALID = datetime.timedelta(days=180)

_NO_ANSWER = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DoesNotAnswer)


@get("/healthz")
async def answer_health(request: AnyRequest) -> ASGIResponse:
    """The process lives."""
    return _plain(request, "ok")


@get("/readyz")
async def answer_readiness(request: AnyRequest) -> ASGIResponse:
    """The process lives, its database answers with the tables we know, and its keys are there."""
    missing = await _database() or _keys()
    return _plain(request, missing or await _besides(), 503 if missing else 200)


@get("/metrics")
async def show_metrics(request: AnyRequest) -> ASGIResponse:
    """Counts for Prometheus; to everyone else there is nothing here."""
    if not metrics.may_read(request):
        raise NotFoundException
    body = await metrics.text([*await _age_of_the_record(), *await _alerts()])
    return send(request, Answer(body, metrics.MEDIA_TYPE, NOT_KEPT))


@get("/audit-head")
async def show_audit_head(request: AnyRequest) -> ASGIResponse:
    """The end of the trail of what staff did, signed, for who watches from outside: OPERATING.md
    says how to check it. It tells of nobody."""
    head = await heads.newest()
    if head is None:
        raise NotFoundException
    told = {"id": head.line, "hash": head.hash, "at": head.moment(), "signature": head.signature}
    return send(request, Answer(json.dumps(told).encode(), "application/json", NOT_KEPT))


@get("/.well-known/security.txt")
async def show_security_contact(request: AnyRequest) -> ASGIResponse:
    """RFC 9116. Without SECURITY_CONTACT there is none: it must name somebody."""
    here = settings.read()
    contact = here.security_contact
    if not contact:
        raise NotFoundException
    if not re.match(r"(?:https|mailto|tel):", contact):
        contact = f"mailto:{contact}"
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {contact}",
        f"Expires: {(today + VALID).isoformat().replace('+00:00', 'Z')}",
        "Preferred-Languages: en, es",
        f"Canonical: {here.site_url}/.well-known/security.txt",
    ]
    return _plain(request, "\n".join(lines))


def _plain(request: AnyRequest, said: str, status: int = 200) -> ASGIResponse:
    return send(request, Answer(f"{said}\n".encode(), "text/plain", NOT_KEPT, status))


class _Tables:
    found_up_to_date = -TRUSTED


async def _database() -> str:
    """What keeps the database from being of use, or nothing."""
    try:
        async with asyncio.timeout(3):
            if time.monotonic() - _Tables.found_up_to_date < TRUSTED:
                await DB.run_ddl("SELECT 1")
                return ""
            if not await DB.run_ddl("SELECT 1 WHERE to_regclass('migration') IS NOT NULL"):
                return "the database has no tables yet"
            rows = await DB.run_ddl("SELECT name FROM migration WHERE app_name = 'confianza'")
    except _NO_ANSWER:
        return "the database does not answer"
    # More than we know is fine: a newer release has begun, and its tables work with our code.
    if not _migrations() <= {row["name"] for row in rows}:
        return "the database's tables are not up to date"
    _Tables.found_up_to_date = time.monotonic()
    return ""


def _migrations() -> set[str]:
    written = (path.read_text(encoding="utf-8") for path in settings.MIGRATIONS.glob("*.py"))
    return {found[1] for text in written if (found := re.search(r'(?m)^ID = "(.*)"$', text))}


def _keys() -> str:
    """What keeps us from sealing and opening, or nothing. The first key is made when needed."""
    path = settings.read().keys
    try:
        there = bool(keyring.every()) or path.exists()
    except OSError:
        return "the file of keys cannot be read"
    except keyring.NoKey as error:
        return str(error)
    if awaited := keyring.awaited():
        return f"keys are not there yet ({', '.join(awaited)}): start desk and worker once"
    if not there and not os.access(_nearest(path), os.W_OK):
        return "there is no file of keys, and none can be made"
    return ""


async def _besides() -> str:
    """ "ok", and in words what is wrong all the same: it serves, so nobody needs to stop it."""
    try:
        async with asyncio.timeout(3):
            silent = settings.trusted_proxies() and await proxies.are_silent()
    except _NO_ANSWER:
        silent = False
    return f"ok, but {SILENT}" if silent else "ok"


SILENT = (
    "a proxy sends requests without X-Forwarded-For, so clients cannot be told apart: mend it, and "
    "settle the alarm at the desk"
)


def _nearest(path: Path) -> Path:
    """The lowest folder above it that exists."""
    return next(folder for folder in path.parents if folder.exists())


async def _alerts() -> list[Metric]:
    try:
        async with asyncio.timeout(3):
            return await gauges()
    except _NO_ANSWER:
        return []


async def _age_of_the_record() -> list[Metric]:
    try:
        async with asyncio.timeout(3):
            changed = [
                row["max"]
                for table in (Rule, Practice, Figure, Law)
                for row in await table.select(Max(table.loaded_at))
                if row["max"]
            ]
    except _NO_ANSWER:
        return []
    if not changed:
        return []
    age = (datetime.datetime.now(datetime.UTC) - max(changed)).total_seconds()
    return [metrics.gauge("record_age_seconds", "Since the record last changed", age)]
