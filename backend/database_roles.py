"""Least privilege: who may do what in the database itself. The owner makes and changes tables,
the app works on their rows, backups only read, and what serves the public alone writes what
people hand in. Whoever gets hold of the app's connection can neither change nor remove a line of
the audit trail, nor make programs run on the machine; whoever gets hold of the public's can let
nobody in at the desk either, nor lead a letter to another address or have one written with words
of their own."""

import contextlib
import re
from typing import Any
from urllib.parse import unquote

import asyncpg

APP, BACKUP, PUBLIC = "confianza_app", "confianza_backup", "confianza_public"
# Not to be changed or removed by the app, whatever it is told.
ONLY_ADDED_TO = "audit_entry"
ONLY_READ = "migration"
# What the public's pages write. Of a pledge, and of who hears by mail, neither the key nor the
# address changes, so that no letter goes elsewhere.
WRITTEN_BY_THE_PUBLIC = {
    "pledge": "INSERT, DELETE, UPDATE (name, county, language, consents, receipt, receipt_index, "
    "confirmed_at)",
    "count_line": "INSERT",
    "alert_mail": "INSERT, DELETE, UPDATE (token, token_hash, asker_hash, confirmed_at, standing, "
    "language, everywhere, counties, topics, kinds, remind_day, remind_hours)",
    "letter_budget": "INSERT, UPDATE, DELETE",
    "subscription": "INSERT, UPDATE, DELETE",
    "phone_code": "INSERT, UPDATE, DELETE",
    "canvass_record": "INSERT",
    "canvass_device": "INSERT, UPDATE",
    "device_shift": "INSERT",
    "canvass_invitation": "UPDATE (used_at, device)",
    "canvasser": "UPDATE (last_at)",
    "wrong_flag": "INSERT",
    "alarm": "INSERT, UPDATE",
    # "Forget this phone" ends one.
    "session": "DELETE",
    "rate_limit": "INSERT, UPDATE, DELETE",
    "rate_limit_salt": "INSERT, DELETE",
    "pgqueuer": "INSERT, UPDATE",
    "pgqueuer_log": "INSERT",
}
# What lets somebody in, tells what staff did, or holds what they handed in.
HIDDEN_FROM_THE_PUBLIC = (
    *("passkey", "recovery_code", "invitation", "partner_token", "partner_given", "names_seen"),
    *("audit_entry", "canvass_file", "paper_row", "directory_import", "withdrawal", "line_claim"),
)
# What the public's pages ask the worker for: nothing that says words of theirs in our name.
JOBS_OF_THE_PUBLIC = (
    *("pledge_arrivals", "pledge_confirmed", "pledge_corrected", "pledge_again", "pledge_leaving"),
    *("open_sign_up", "confirm_alert_mail", "tidy_alert_mail", "ring_test", "note_signed_out"),
)


def user_of(url: str) -> str:
    """The role that an address connects as; empty when it does not say."""
    return unquote(_parts(url)[1])


def as_role(url: str, name: str, password: str = "") -> str:
    """The same database as another role."""
    scheme, _user, _password, rest = _parts(url)
    return f"{scheme}://{name}:{password}@{rest}"


Role = tuple[str, str]


async def grant(connection: Any, app: Role, backup: Role, public: Role) -> None:
    """Make the roles (name and password, or no password) and let them do what is theirs, in all
    tables there are. The connection is the owner's, who may make roles."""
    for name, password in (app, backup, public):
        await _make(connection, name, password)
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    may_app, may_back_up, may_public = (_quoted(role[0]) for role in (app, backup, public))
    both = f"{may_app}, {may_back_up}, {may_public}"
    async with connection.transaction():
        # Two who grant the same at once are an error to PostgreSQL.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('confianza roles'))")
        for statement in (
            f"GRANT CONNECT ON DATABASE {database} TO {both}",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            f"GRANT USAGE ON SCHEMA public TO {both}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {both}",
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {both}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {may_app}, {may_public}",
            f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {may_app}",
        ):
            await connection.execute(statement)
        for table, rights in (
            (ONLY_ADDED_TO, "UPDATE, DELETE, TRUNCATE"),
            (ONLY_READ, "INSERT, UPDATE, DELETE, TRUNCATE"),
        ):
            if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"public.{table}"):
                await connection.execute(f"REVOKE {rights} ON {table} FROM {may_app}")
        await _grant_to_the_public(connection, may_public)
        if await connection.fetchval("SELECT to_regproc('public.shorten_the_trail') IS NOT NULL"):
            await connection.execute(
                f"GRANT EXECUTE ON FUNCTION shorten_the_trail(integer) TO {may_app}"
            )


async def _grant_to_the_public(connection: Any, role: str) -> None:
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    there = {row["tablename"] for row in await connection.fetch(tables)}
    # Also what an earlier release let it do.
    await connection.execute(
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public FROM {role}"
    )
    for table in there.intersection(HIDDEN_FROM_THE_PUBLIC):
        await connection.execute(f"REVOKE SELECT ON {table} FROM {role}")  # noqa: S608
    for table in there.intersection(WRITTEN_BY_THE_PUBLIC):
        await connection.execute(f"GRANT {WRITTEN_BY_THE_PUBLIC[table]} ON {table} TO {role}")
    if "pgqueuer" in there:
        await _limit_jobs(connection, role)


async def _limit_jobs(connection: Any, role: str) -> None:
    jobs = ", ".join(_text(job) for job in JOBS_OF_THE_PUBLIC)
    await connection.execute(LIMIT_JOBS.format(role=_text(role.strip('"')), jobs=jobs))
    if not await connection.fetchval(
        "SELECT 1 FROM pg_trigger WHERE tgname = 'jobs_of_the_public'"
    ):
        await connection.execute(
            "CREATE TRIGGER jobs_of_the_public BEFORE INSERT OR UPDATE ON pgqueuer"
            " FOR EACH ROW EXECUTE FUNCTION limit_jobs_of_the_public()"
        )


LIMIT_JOBS = """
CREATE OR REPLACE FUNCTION limit_jobs_of_the_public() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = {role} AND (
        NEW.entrypoint <> ALL (ARRAY[{jobs}])
        OR (TG_OP = 'UPDATE' AND OLD.entrypoint <> ALL (ARRAY[{jobs}]))
    ) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the public asks for no such job';
    END IF;
    RETURN NEW;
END $$
"""


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
