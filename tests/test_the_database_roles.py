"""Who may do what in the database itself, tried as somebody would who got hold of the app's
connection: by a hole in a query, or by a stolen password."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from backend import database_roles as roles
from tests.databases import command, empty_database, execute, fetch
from tests.serving import as_app, serving


@pytest.fixture(scope="module")
def url(server_url: str) -> Iterator[str]:
    """A house of its own, migrated by the owner; three lines in its trail."""
    with empty_database(server_url, "roles") as url:
        done = command("migrate", **as_app(url))
        assert done.returncode == 0, done.stderr
        for name in ("Ana", "Ben"):
            done = command("staff", "add", name, "--role", "admin", **as_app(url))
            assert done.returncode == 0, done.stderr
        yield url


@pytest.fixture
def app(url: str) -> str:
    return as_app(url)["DATABASE_URL"]


@pytest.fixture
def backup(url: str) -> str:
    return roles.as_role(url, roles.BACKUP)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET actor = 'Ben'",
        "TRUNCATE audit_entry",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "ALTER TABLE audit_entry DISABLE TRIGGER keep_the_trail",
        "DROP TRIGGER keep_the_trail ON audit_entry",
        "DROP TABLE audit_entry",
        "SET session_replication_role = replica; DELETE FROM audit_entry",
        "SELECT set_config('confianza.retention', 'on', false); DELETE FROM audit_entry",
        "CREATE OR REPLACE FUNCTION keep_the_trail() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN OLD; END $$",
        "CREATE RULE nothing AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
        "COPY audit_entry TO PROGRAM 'cat > /tmp/trail'",
        "COPY audit_entry FROM PROGRAM 'echo'",
        "COPY audit_entry TO '/tmp/trail'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE TABLE mine (id integer)",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE postgres",
        "ALTER ROLE confianza_app SUPERUSER",
        "CREATE ROLE mine SUPERUSER",
        "GRANT DELETE ON audit_entry TO confianza_app; DELETE FROM audit_entry",
        "DELETE FROM migration",
        "BEGIN; LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_the_app_cannot(url: str, app: str, statement: str) -> None:
    before = fetch(url, "SELECT * FROM audit_entry ORDER BY id")
    assert len(before) >= 4
    with pytest.raises(asyncpg.PostgresError) as refused:
        execute(app, statement)
    kinds = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)
    assert isinstance(refused.value, kinds), refused.value
    assert fetch(url, "SELECT * FROM audit_entry ORDER BY id") == before


def test_the_app_shortens_nothing_that_is_younger_than_a_year(url: str, app: str) -> None:
    before = fetch(url, "SELECT * FROM audit_entry")
    assert fetch(app, "SELECT shorten_the_trail(2147483647) AS lines")[0]["lines"] == 0
    assert fetch(url, "SELECT * FROM audit_entry") == before
    # A line that says it is old is no way to others either.
    execute(app, "INSERT INTO audit_entry (at, actor, action, subject, details, hash) VALUES"
                 " (now() - interval '2 years', 'x', 'y', '', '{}', '')")  # fmt: skip
    assert fetch(app, "SELECT shorten_the_trail(2147483647) AS lines")[0]["lines"] == 1
    assert fetch(url, "SELECT * FROM audit_entry") == before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alarm (name, words, to_do) VALUES ('x', 'x', '')",
        "UPDATE account SET name = 'x'",
        "DELETE FROM session",
        "SELECT shorten_the_trail(1)",
        "SELECT nextval('account_id_seq')",
        "CREATE TABLE mine (id integer)",
    ],
)
def test_who_backs_up_only_reads(url: str, backup: str, statement: str) -> None:
    assert fetch(backup, "SELECT name FROM account ORDER BY id")[0]["name"] == "Ana"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(backup, statement)


def test_a_house_that_only_has_the_apps_role_serves_and_works(url: str, tmp_path: Path) -> None:
    """As the web and worker of the production shape: the owner's address is nowhere near them."""
    app = as_app(url)["DATABASE_URL"]
    with serving(tmp_path / "log", DATABASE_URL=app, OWNER_URL="", WORKER="1") as site:
        assert httpx.get(f"{site.url}/readyz").status_code == 200
        assert httpx.get(f"{site.url}/counties/fresno").status_code == 200
        environment = Path(f"/proc/{site.process.pid}/environ").read_bytes()
        assert b"OWNER_URL=\0" in environment
        asyncio.run(no_job_fails(url))
    assert "InsufficientPrivilege" not in site.written()
    done = command("staff", "list", DATABASE_URL=app, OWNER_URL="")
    assert "Ana: admin" in done.stdout


async def no_job_fails(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for _second in range(40):
            done = await connection.fetchval(
                "SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'"
            )
            if done:
                break
            await asyncio.sleep(1)
        assert done
        failed = "SELECT count(*) FROM pgqueuer WHERE status = 'failed'"
        assert await connection.fetchval(failed) == 0
    finally:
        await connection.close()


def test_tables_that_are_not_up_to_date_are_told_to_who_may_not_change_them(
    server_url: str, url: str
) -> None:
    with empty_database(server_url, "none") as empty:
        app = as_app(empty)["DATABASE_URL"]
        done = command("migrate", DATABASE_URL=app, OWNER_URL="")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "run `migrate` with OWNER_URL" in done.stderr
        assert command("migrate", **as_app(empty)).returncode == 0
        assert command("migrate", DATABASE_URL=app, OWNER_URL="").returncode == 0


def test_a_backup_is_made_by_who_only_reads_and_restored_by_the_owner(
    server_url: str, url: str, tmp_path: Path
) -> None:
    told = {"BACKUP_PASSPHRASE": "four words do well", "KEYS": str(tmp_path / "keys.json")}
    file = str(tmp_path / "house.age")
    made = command("backup", file, DATABASE_URL=as_app(url)["DATABASE_URL"],
                   BACKUP_URL=roles.as_role(url, roles.BACKUP), OWNER_URL="", **told)  # fmt: skip
    assert made.returncode == 0, made.stderr
    with empty_database(server_url, "restored") as empty:
        refused = command("restore", file, DATABASE_URL=as_app(empty)["DATABASE_URL"],
                          OWNER_URL="", **told)  # fmt: skip
        assert refused.returncode == 1
        noted = tmp_path / "audit-head.json"
        noted.write_text("{}")
        restored = command("restore", file, **as_app(empty), **told)
        assert restored.returncode == 0, restored.stderr
        # What was noted of the house before would be missing in this one.
        assert "is now audit-head.before-restore.json" in restored.stdout
        assert not noted.exists()
        app = as_app(empty)["DATABASE_URL"]
        assert fetch(app, "SELECT count(*) AS n FROM account")[0]["n"] == 2
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            execute(app, "DELETE FROM audit_entry")


@pytest.mark.parametrize(
    ("address", "name", "password"),
    [
        ("postgresql://confianza:p%40ss@db:5432/confianza", "confianza", "p@ss"),
        ("postgresql://postgres:@/x?host=/tmp/a@b:c", "postgres", ""),
        ("postgresql:///x?host=/tmp/a@b", "", ""),
        ("postgres://db/x", "", ""),
    ],
)
def test_an_address_is_read_and_becomes_another_roles(
    address: str, name: str, password: str
) -> None:
    assert (roles.user_of(address), roles.password_of(address)) == (name, password)
    other = roles.as_role(address, "other", "secret")
    assert (roles.user_of(other), roles.password_of(other)) == ("other", "secret")
    assert other.rpartition("/")[2] == address.rpartition("/")[2]
