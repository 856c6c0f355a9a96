"""Serving the site: `setup`, `serve`."""

import argparse
import asyncio
import contextlib
import errno
import signal
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

from backend import settings
from backend.commands.record import migrate_and_load
from backend.commands.terminal import Failed, leave, say

# So many connections a web process holds; whoever comes then must wait. Granian's own 1,024 were
# used up by one machine that sent half a request on each.
CONNECTIONS = 8192
# Milliseconds for the head of a request; what its body may take is in `web/bodies.py`.
HEAD_WAIT = 10_000


def add(commands: Any) -> None:
    commands.add_parser("setup", help="build the browser's files").set_defaults(run=_setup)
    commands.add_parser("serve", help="start everything and serve the site").set_defaults(
        run=_serve
    )


def _setup(_given: argparse.Namespace) -> None:
    from backend.counties import phone
    from backend.web import vendor

    # Both are asked: neither may be left out because the other had something to do.
    if vendor.build() | phone.build():
        print("Built the browser's files.")


def _serve(given: argparse.Namespace) -> None:
    # Until the server listens for signals itself, a SIGTERM must still end what we started.
    signal.signal(signal.SIGTERM, leave)
    here = settings.read()
    _check_port_is_free(here)
    _setup(given)
    from backend import database
    from backend.web import keyring
    from backend.web.supervisor import worker_beside

    with database.running(), _shared_counts(here):
        if here.serves:
            # What it may write is what people hand in: the desk loads the record.
            asyncio.run(database.migrate())
        else:
            migrate_and_load()
            keyring.make_first()
        settings.forget_owner()
        with worker_beside() if here.worker else contextlib.nullcontext():
            _serve_until_told(here)


@contextlib.contextmanager
def _shared_counts(here: settings.Settings) -> Iterator[None]:
    """Several web processes count together in a folder of this run's own; one needs none."""
    if here.workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="confianza-metrics-") as folder:
        settings.remember_metrics(folder)
        yield


def _check_port_is_free(here: settings.Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((here.host, here.port))
        except OSError as error:
            reason = (
                f"port {here.port} is in use; choose another, like PORT={here.port + 1} make run"
                if error.errno == errno.EADDRINUSE
                else f"cannot serve on {here.host}:{here.port}: {error.strerror}"
            )
            raise Failed(reason) from None


def _serve_until_told(here: settings.Settings) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from backend.web import logs

    _allow_connections()
    server = Granian(
        "backend.app:app",
        address=here.host,
        port=here.port,
        interface=Interfaces.ASGI,
        workers=here.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_WAIT),
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
        log_dictconfig=logs.CONFIG,
        workers_kill_timeout=10,
    )
    server.on_startup(
        lambda: say(f"Confianza: {here.site_url} (Ctrl-C ends it)", "serving", at=here.site_url)
    )
    server.serve()


def _allow_connections() -> None:
    """Many systems let a program open 1,024 files unless it asks for more."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
