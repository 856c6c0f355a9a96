"""Who may do what in the database itself: the owner makes and changes tables, the app works on
their rows, and backups only read. Whoever gets hold of the app's connection can neither change nor
remove a line of the audit trail, nor make programs run on the machine."""

import contextlib
import re
from typing import Any
from urllib.parse import unquote

import asyncpg

APP, BACKUP = "confianza_app", "confianza_backup"
# Not to be changed or removed by the app, whatever it is told.
ONLY_ADDED_TO = "audit_entry"
ONLY_READ = "migration"


def user_of(url: str) -> str:
    """The role that an address connects as; empty when it does not say."""
    return unquote(_parts(url)[1])


def as_role(url: str, name: str, password: str = "") -> str:
    """The same database as another role."""
    scheme, _user, _password, rest = _parts(url)
    return f"{scheme}://{name}:{password}@{rest}"


async def grant(connection: Any, app: tuple[str, str], backup: tuple[str, str]) -> None:
    """Make the two roles (name and password, or no password) and let them do what is theirs, in all
    tables there are. The connection is the owner's, who may make roles."""
    for name, password in (app, backup):
        await _make(connection, name, password)
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    may_app, may_back_up = _quoted(app[0]), _quoted(backup[0])
    both = f"{may_app}, {may_back_up}"
    async with connection.transaction():
        # Two who grant the same at once are an error to PostgreSQL.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('confianza roles'))")
        for statement in (
            f"GRANT CONNECT ON DATABASE {database} TO {both}",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            f"GRANT USAGE ON SCHEMA public TO {both}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {both}",
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {both}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {may_app}",
            f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {may_app}",
        ):
            await connection.execute(statement)
        for table, rights in (
            (ONLY_ADDED_TO, "UPDATE, DELETE, TRUNCATE"),
            (ONLY_READ, "INSERT, UPDATE, DELETE, TRUNCATE"),
        ):
            if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"public.{table}"):
                await connection.execute(f"REVOKE {rights} ON {table} FROM {may_app}")
        if await connection.fetchval("SELECT to_regproc('public.shorten_the_trail') IS NOT NULL"):
            await connection.execute(
                f"GRANT EXECUTE ON FUNCTION shorten_the_trail(integer) TO {may_app}"
            )


async def may_change_tables(connection: Any) -> bool:
    return bool(await connection.fetchval("SELECT has_schema_privilege('public', 'CREATE')"))


async def _make(connection: Any, name: str, password: str) -> None:
    there = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    secret = f" PASSWORD {_text(password)}" if password else ""
    if there and not secret:
        return
    limits = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    verb = "ALTER" if there else "CREATE"
    # Roles are the whole server's: somebody in another database of it may do the same just now.
    with contextlib.suppress(
        asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError, asyncpg.InternalServerError
    ):
        await connection.execute(f"{verb} ROLE {_quoted(name)} {limits}{secret}")


def _parts(url: str) -> tuple[str, str, str, str]:
    """Scheme, user, password and the rest behind the @."""
    found = re.fullmatch(r"(\w+)://(?:([^/?@:]*)(?::([^/?@]*))?@)?(.*)", url, re.DOTALL)
    if found is None:
        return "postgresql", "", "", url
    return found[1], found[2] or "", found[3] or "", found[4]


def password_of(url: str) -> str:
    return unquote(_parts(url)[2])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
