"""Metrics: counts of what the site does, and of nobody who uses it, as Prometheus reads them.

Each web process counts for itself. With several, `settings.remember_metrics` names a folder where
they share their counts, which must stand before this file is imported.
"""

import asyncio
import contextlib
import os
import platform
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from litestar.types import Message, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from backend import settings
from backend.database import DB, DoesNotAnswer
from backend.web.responses import AnyRequest

MEDIA_TYPE = "text/plain; version=0.0.4"
# A proxy of ours adds one of these: then the loopback address is the proxy's, not the client's.
FROM_A_PROXY = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
LOOPBACK = ("127.0.0.1", "::1")
NO_ROUTE, OTHER = "(none)", "(other)"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_counted = CollectorRegistry()
REQUESTS = Counter(
    "confianza_requests", "Requests answered", ("route", "method", "status"), registry=_counted
)
SECONDS = Histogram(
    "confianza_request_seconds",
    "From the request's arrival to the end of its answer",
    ("route",),
    buckets=(0.002, 0.01, 0.05, 0.2, 1, 5),
    registry=_counted,
)
IN_FLIGHT = Gauge(
    "confianza_requests_in_flight",
    "Requests being answered",
    multiprocess_mode="livesum",
    registry=_counted,
)

# Looking a label up by its words costs more than counting it.
_bound: dict[tuple[str, str, int], tuple[Any, Any]] = {}


class Watch:
    """One request from its arrival to the end of its answer: the gate makes it."""

    __slots__ = ("_began", "_method", "_send", "_status")

    def __init__(self, method: str, send: Send) -> None:
        self._method, self._send, self._status = method, send, 0
        self._began = time.perf_counter()
        IN_FLIGHT.inc()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    def end(self, scope: Any) -> None:
        """`scope` is the one that Litestar routed. Only its template is kept, never the path."""
        IN_FLIGHT.dec()
        # What a client makes up must not become a label.
        method = self._method if self._method in METHODS else OTHER
        key = (scope.get("path_template") or NO_ROUTE, method, self._status // 100)
        requests, seconds = _bound.get(key) or _bind(key)
        requests.inc()
        seconds.observe(time.perf_counter() - self._began)


def _bind(key: tuple[str, str, int]) -> tuple[Any, Any]:
    route, method, hundreds = key
    status = f"{hundreds}xx" if hundreds else "(broken off)"
    _bound[key] = REQUESTS.labels(route, method, status), SECONDS.labels(route)
    return _bound[key]


def may_read(request: AnyRequest) -> bool:
    """Whoever asks from this very machine, not through a proxy, or knows METRICS_TOKEN. Where a
    proxy of ours stands before us, only the token opens: one that forgets its header would make
    neighbors of all the world."""
    token = settings.read().metrics_token
    given = request.headers.get("authorization", "")
    if token and secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    if settings.trusted_proxies():
        return False
    client = request.scope.get("client")
    here = client is not None and client[0] in LOOPBACK
    return here and not any(name in request.headers for name in FROM_A_PROXY)


async def text(more: Iterable[Metric] = ()) -> bytes:
    """All counts of all web processes, with `more` that a room knows."""
    registry = CollectorRegistry()
    folder = settings.metrics_folder()
    if folder:
        _forget_the_dead(folder)
        MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    now = _Now([*_processes(folder), *await _queue(), *more])
    registry.register(now)
    counted = b"" if folder else generate_latest(_counted)
    return counted + generate_latest(registry)


class _Now:
    """What is read at the moment somebody asks."""

    def __init__(self, found: list[Metric]) -> None:
        self.found = found

    def collect(self) -> list[Metric]:
        return self.found


def gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"confianza_{name}", meaning, value)


def _processes(folder: Path | None) -> list[Metric]:
    held = []
    for pid in _pids(folder):
        with contextlib.suppress(psutil.Error):
            held.append(psutil.Process(pid).memory_info().rss)
    about = {"version": settings.VERSION, "release": settings.read().release}
    about["python"] = platform.python_version()
    return [
        gauge("web_processes", "Web processes that have answered a request", len(held)),
        gauge("web_memory_bytes", "Resident memory of the web processes", sum(held)),
        InfoMetricFamily("confianza_build", "What is running", about),
    ]


def _pids(folder: Path | None) -> set[int]:
    if folder is None:
        return {os.getpid()}
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("counter_*.db")}


def _forget_the_dead(folder: Path) -> None:
    """A process that ended is in no flight any more; what it counted stays counted."""
    for pid in _pids(folder):
        if not psutil.pid_exists(pid):
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


async def _queue() -> list[Metric]:
    """Background work, from the tables of PyPI `pgqueuer`; nothing but the first line where the
    database does not answer."""
    up = gauge("database_up", "Whether the database answers", 1)
    try:
        async with asyncio.timeout(3):
            [there] = await DB.run_ddl("SELECT to_regclass('pgqueuer') AS it")
            if there["it"] is None:
                return [up]
            [row] = await DB.run_ddl(QUEUE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DoesNotAnswer):
        return [gauge("database_up", "Whether the database answers", 0)]
    return [
        up,
        gauge("queue_waiting", "Jobs that are due and wait", row["waiting"]),
        gauge("queue_later", "Jobs that wait for their time", row["later"]),
        gauge("queue_in_hand", "Jobs that are being done", row["in_hand"]),
        gauge("queue_failed", "Jobs that were given up", row["failed"]),
        gauge("queue_oldest_seconds", "How long the oldest due job waits", row["oldest"]),
    ]


QUEUE = """
SELECT count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
       count(*) FILTER (WHERE status = 'queued' AND execute_after > now()) AS later,
       count(*) FILTER (WHERE status = 'picked') AS in_hand,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       coalesce(extract(epoch FROM now() - min(execute_after)
                FILTER (WHERE status = 'queued' AND execute_after <= now())), 0)::float AS oldest
FROM pgqueuer
"""
