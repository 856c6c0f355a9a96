"""A backup brings everything back, into an empty database only, and nobody else can read it."""

import io
import json
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pyrage
import pytest

from backend import backup
from tests.databases import command, empty_database, execute, fetch
from tests.serving import HOUSE

PASSPHRASE = "four plain old words"
SECRET_ROW = "Ñandú canary 🌊 'quoted' \\ back"


@dataclass
class House:
    """A database with something of everything in it, its keys, and who may open its backups."""

    url: str
    keys: Path
    identity: Path
    recipient: str

    def backup(self, file: Path, *more: str, **environment: str) -> subprocess.CompletedProcess:
        told = {"DATABASE_URL": self.url, "KEYS": str(self.keys), **environment}
        return command("backup", str(file), *more, **told)

    def restore(
        self, file: Path, url: str, keys: Path, *more: str, **environment: str
    ) -> subprocess.CompletedProcess:
        opener = [] if environment else ["--identity", str(self.identity)]
        told = {"DATABASE_URL": url, "KEYS": str(keys), **environment}
        return command("restore", str(file), *opener, *more, **told)


@pytest.fixture(scope="module")
def house(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity").write_text(f"# made for a test\n{identity}\n")
    with empty_database(server_url, "full") as url:
        keys = folder / "keys.json"
        for words in (["load"], ["keys", "create", "sealing"], ["keys", "create", "vapid"]):
            done = command(*words, DATABASE_URL=url, KEYS=str(keys))
            assert done.returncode == 0, done.stderr
        execute(
            url,
            "CREATE SCHEMA other",
            'CREATE TABLE other."odd ""name" (id serial PRIMARY KEY, what text, b bytea, f float8)',
            "INSERT INTO other.\"odd \"\"name\" (what, b, f) SELECT 'row ' || n, '\\xff00', n / 3.0"
            " FROM generate_series(1, 3000) n",
            f'INSERT INTO other."odd ""name" (what) VALUES (\'{SECRET_ROW.replace(chr(39), chr(39) * 2)}\')',  # noqa: E501
            'DELETE FROM other."odd ""name" WHERE id % 7 = 0',
        )
        yield House(url, keys, folder / "identity", str(identity.to_public()))


@pytest.fixture
def empty(server_url: str) -> Iterator[str]:
    with empty_database(server_url, "empty") as url:
        yield url


@pytest.fixture(scope="module")
def saved(house: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("saved") / "backup.age"
    done = house.backup(file, "--to", house.recipient)
    assert done.returncode == 0, done.stderr
    assert "with the keys" in done.stdout
    return file


def everything(url: str) -> dict[str, object]:
    """All rows of all tables as text, and what keeps them in order: asked in other words than the
    program uses."""
    names = fetch(
        url,
        "SELECT format('%I.%I', schemaname, tablename) AS it FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    found: dict[str, object] = {
        row["it"]: sorted(
            str(dict(each)) for each in fetch(url, f"SELECT t::text FROM {row['it']} t")
        )
        for row in names
    }
    for what, question in {
        "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
        "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
        " ORDER BY 1, 2",
        "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace::regnamespace::text IN ('public', 'other') ORDER BY 1, 2",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'other')"
        " ORDER BY 1",
    }.items():
        found[what] = [tuple(row) for row in fetch(url, question)]
    return found


def holds_nothing(url: str) -> bool:
    return not fetch(
        url,
        "SELECT FROM pg_class WHERE relnamespace::regnamespace::text NOT LIKE 'pg\\_%'"
        " AND relnamespace::regnamespace::text <> 'information_schema'",
    )


def test_a_backup_brings_everything_back(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    before = everything(house.url)
    assert SECRET_ROW.split()[0] in str(before)
    assert before["triggers"]
    keys = tmp_path / "new" / "keys.json"
    done = house.restore(saved, empty, keys)
    assert done.returncode == 0, done.stderr
    assert "all compared" in done.stdout
    assert everything(empty) == before
    assert keys.read_text() == house.keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600
    # It lives: the trail goes on and still guards itself.
    done = command("keys", "rotate", "sealing", DATABASE_URL=empty, KEYS=str(keys))
    assert done.returncode == 0, done.stderr
    with pytest.raises(asyncpg.PostgresError):
        execute(empty, "UPDATE audit_entry SET actor = 'x'")


def test_it_comes_back_on_another_server_too(house: House, saved: Path, tmp_path: Path) -> None:
    var = tmp_path / "var"
    done = command(
        "restore", str(saved), "--identity", str(house.identity),
        DATABASE_URL="", VAR=str(var), KEYS="",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "all compared" in done.stdout
    assert (var / "keys" / "keys.json").read_text() == house.keys.read_text()


def test_a_passphrase_opens_it_and_another_does_not(
    house: House, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "b.age"
    done = house.backup(file, BACKUP_PASSPHRASE=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    keys = tmp_path / "keys.json"
    wrong = house.restore(file, empty, keys, BACKUP_PASSPHRASE=PASSPHRASE + "x")
    assert one_sentence(wrong).endswith("cannot be opened: that is not its passphrase")
    assert holds_nothing(empty)
    right = house.restore(file, empty, keys, BACKUP_PASSPHRASE=PASSPHRASE)
    assert right.returncode == 0, right.stderr
    assert everything(empty) == everything(house.url)


def test_without_anyone_to_type_a_passphrase_it_says_so(house: House, tmp_path: Path) -> None:
    done = house.backup(tmp_path / "b.age", BACKUP_PASSPHRASE="", BACKUP_RECIPIENT="")
    assert "set BACKUP_PASSPHRASE, or use an age key" in one_sentence(done)
    assert list(tmp_path.iterdir()) == []


def test_the_recipient_can_come_from_the_environment(house: House, tmp_path: Path) -> None:
    file = tmp_path / "b.age"
    done = house.backup(file, BACKUP_RECIPIENT=house.recipient)
    assert done.returncode == 0, done.stderr
    assert house_opens(house, file)


def test_keys_may_be_kept_apart(house: House, empty: str, tmp_path: Path) -> None:
    file = tmp_path / "b.age"
    done = house.backup(file, "--to", house.recipient, "--without-keys")
    assert "without the keys" in done.stdout
    assert "keys.json" not in house_opens(house, file)
    done = house.restore(file, empty, tmp_path / "keys.json")
    assert done.returncode == 0, done.stderr
    assert "bring the file of keys" in done.stdout
    assert not (tmp_path / "keys.json").exists()


def test_the_file_is_its_owners_and_tells_nothing(house: House, saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    body = saved.read_bytes()
    for word in (b"sonoma", b"manifest", b"PGDMP", b"keys", b"CREATE", SECRET_ROW.encode()):
        assert word not in body
    assert [each.name for each in saved.parent.iterdir()] == [saved.name]


def test_the_programs_of_age_tar_and_postgresql_open_it_without_us(
    house: House, saved: Path, tmp_path: Path
) -> None:
    inside = house_opens(house, saved)
    assert list(inside)[:2] == ["manifest.json", "keys.json"]
    told = json.loads(inside["manifest.json"])
    assert re.match(r"\d+:[0-9a-f]{64}", told["audit_head"])
    assert told["format"] == 1
    assert told["tables"]["public.rule"][0] == len(fetch(house.url, "SELECT FROM rule"))
    assert len(told["migrations"]) >= 1
    dump = tmp_path / "dump"
    dump.write_bytes(b"".join(inside[name] for name in sorted(inside) if "database/" in name))
    listed = subprocess.run(
        [backup._program("pg_restore", 18), "--list", str(dump)], capture_output=True, check=True
    )
    assert b"TABLE DATA public rule" in listed.stdout


def test_nothing_is_overwritten_unasked(house: House, tmp_path: Path) -> None:
    file = tmp_path / "b.age"
    file.write_text("mine")
    done = house.backup(file, "--to", house.recipient)
    assert "is there already; --force overwrites it" in one_sentence(done)
    assert file.read_text() == "mine"
    done = house.backup(file, "--to", house.recipient, "--force")
    assert done.returncode == 0, done.stderr
    assert house_opens(house, file)


def test_a_place_that_cannot_be_written_is_told_in_words(house: House, tmp_path: Path) -> None:
    for place, why in (
        (tmp_path / "no" / "folder" / "b.age", "No such file or directory"),
        (tmp_path, "is a folder; name a file"),
    ):
        done = house.backup(place, "--to", house.recipient)
        assert why in one_sentence(done)
    done = house.backup(tmp_path / "b.age", "--to", "age1nonsense")
    assert "begins with age1" in one_sentence(done)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_backup_alone(house: House, tmp_path: Path) -> None:
    file = tmp_path / "b.age"
    file.write_text("the last one")
    small = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from backend.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", small, "backup", str(file), "--force", "--to", house.recipient]
    from tests.databases import run

    done = run(words, DATABASE_URL=house.url, KEYS=str(house.keys))
    assert "cannot be written" in one_sentence(done)
    assert file.read_text() == "the last one"
    assert [each.name for each in tmp_path.iterdir()] == ["b.age"]


def test_a_database_that_is_not_empty_is_left_alone(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    execute(empty, "CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)")
    done = house.restore(saved, empty, tmp_path / "keys.json", "--force")
    assert "the database is not empty" in one_sentence(done)
    assert fetch(empty, "SELECT id FROM mine")[0]["id"] == 1
    assert not (tmp_path / "keys.json").exists()


def test_other_keys_are_left_alone_unless_told(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    command("keys", "create", "sealing", DATABASE_URL=empty, KEYS=str(keys))
    before = keys.read_text()
    done = house.restore(saved, empty, keys)
    assert "the file of keys holds others" in one_sentence(done)
    assert keys.read_text() == before
    assert holds_nothing(empty)
    done = house.restore(saved, empty, keys, "--force")
    assert done.returncode == 0, done.stderr
    assert keys.read_text() == house.keys.read_text()


def test_keys_that_are_here_already_stay_with_their_newer_ones(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    private = keys.with_name("private.json")
    for file in (keys, private, keys.with_name("ringing.json")):
        file.write_text(house.keys.with_name(file.name).read_text())
    command("keys", "rotate", "sealing", DATABASE_URL=empty, KEYS=str(keys))
    before = keys.read_text(), private.read_text()
    done = house.restore(saved, empty, keys)
    assert done.returncode == 0, done.stderr
    assert "The keys were here already" in done.stdout
    assert (keys.read_text(), private.read_text()) == before


def test_a_restore_that_fails_leaves_the_keys_as_they_were_even_one_file_short(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(house.keys.read_text())
    inside = house_opens(house, saved)
    dump = next(name for name in inside if name.startswith("database/"))
    inside[dump] = inside[dump][: len(inside[dump]) * 2 // 3]
    harmed = pack_anew(house, inside, tmp_path)
    assert "nothing was restored" in one_sentence(house.restore(harmed, empty, keys, "--force"))
    assert keys.read_text() == house.keys.read_text(), "with every public half"
    assert not keys.with_name("private.json").exists()
    assert not keys.with_name("ringing.json").exists()


def cut_off(body: bytes) -> bytes:
    return body[:-20]


def cut_in_half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def changed(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def of_the_header_only(body: bytes) -> bytes:
    return body[:60]


def something_else(_body: bytes) -> bytes:
    return b"PGDMP\x01 a dump of somebody's"


def nothing(_body: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    "harm", [cut_off, cut_in_half, changed, of_the_header_only, something_else, nothing]
)
@pytest.mark.parametrize("check", [True, False])
def test_a_harmed_backup_is_told_in_one_sentence_and_changes_nothing(
    house: House,
    saved: Path,
    empty: str,
    tmp_path: Path,
    harm: Callable[[bytes], bytes],
    check: bool,
) -> None:
    file = tmp_path / "harmed.age"
    file.write_bytes(harm(saved.read_bytes()))
    # With --check there need not even be a database.
    url = "postgresql://nobody@127.0.0.1:1/nothing" if check else empty
    done = house.restore(file, url, tmp_path / "keys.json", *(["--check"] if check else []))
    assert "it is cut off, was changed, or is no backup of ours" in one_sentence(done)
    assert holds_nothing(empty)
    assert not (tmp_path / "keys.json").exists()


def test_a_sound_backup_can_be_checked_without_a_database(
    house: House, saved: Path, tmp_path: Path
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    done = house.restore(saved, nowhere, tmp_path / "keys.json", "--check")
    assert done.stdout.startswith("Sound: ")
    assert not (tmp_path / "keys.json").exists()


def test_whoever_has_another_key_is_told_so(house: House, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    for words, why in (
        (["--identity", str(other)], "none of these keys opens it"),
        (["--identity", str(saved)], "holds no age key"),
        (["--identity", str(tmp_path / "none")], "No such file"),
        ([], "name its file with --identity"),
    ):
        done = command("restore", str(saved), "--check", *words)
        assert why in one_sentence(done)
    assert "cannot be read" in one_sentence(command("restore", str(tmp_path / "none"), "--check"))


def test_a_dump_that_breaks_off_restores_nothing_at_all(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    inside = house_opens(house, saved)
    dump = next(name for name in inside if name.startswith("database/"))
    inside[dump] = inside[dump][: len(inside[dump]) * 2 // 3]
    done = house.restore(pack_anew(house, inside, tmp_path), empty, tmp_path / "keys.json")
    assert "nothing was restored" in one_sentence(done)
    assert holds_nothing(empty)
    assert not (tmp_path / "keys.json").exists()


def test_a_row_that_is_missing_afterwards_is_noticed(
    house: House, saved: Path, empty: str, tmp_path: Path
) -> None:
    inside = house_opens(house, saved)
    manifest = json.loads(inside["manifest.json"])
    manifest["tables"]["public.rule"][1] = "7"
    inside["manifest.json"] = json.dumps(manifest).encode()
    done = house.restore(pack_anew(house, inside, tmp_path), empty, tmp_path / "keys.json")
    assert one_sentence(done).endswith("not all of it is as it was: public.rule")


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (b'{"format": 2}', "of another format"),
        (b"[]", "manifest cannot be read"),
        (b"{]", "manifest cannot be read"),
        (b'{"format": 1, "tables": {"a": 1}}', "manifest cannot be read"),
    ],
)
def test_a_backup_of_another_kind_is_told_as_such(
    house: House, saved: Path, tmp_path: Path, manifest: bytes, why: str
) -> None:
    inside = {**house_opens(house, saved), "manifest.json": manifest}
    file = pack_anew(house, inside, tmp_path)
    done = command("restore", str(file), "--check", "--identity", str(house.identity))
    assert why in one_sentence(done)


def test_the_password_shows_in_no_process_list(house: House, tmp_path: Path) -> None:
    before, _, after = house.url.partition("://")[2].partition("@")
    user = before.partition(":")[0]
    url = f"postgresql://{user}:s3cretword@{after}"
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", "backup", str(tmp_path / "b.age")],
        cwd=HOUSE,
        env={**environment(), "DATABASE_URL": url, "BACKUP_RECIPIENT": house.recipient,
             "KEYS": str(house.keys)},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seen: set[str] = set()
    while process.poll() is None:
        for each in psutil.process_iter(["cmdline"]):
            words = " ".join(each.info["cmdline"] or [])
            if "pg_dump" in words or "backend backup" in words:
                seen.add(words)
        time.sleep(0.01)
    assert process.returncode == 0
    assert any("pg_dump" in words for words in seen), seen
    assert not any("s3cretword" in words for words in seen)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (
            "postgresql://me:p%40ss%2Fw@db.example:6432/it?sslmode=verify-full&x=y",
            "db.example 6432 me p@ss/w it verify-full",
        ),
        ("postgres://me@one:1,two/it", "one,two 1,5432 me - it -"),
        ("postgresql://me:@/it?host=/var/run/pg", "/var/run/pg - me - it -"),
        ("postgresql://[::1]:5433/it", "::1 5433 - - it -"),
    ],
)
def test_addresses_of_every_form_are_taken_apart(url: str, wanted: str) -> None:
    names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE")
    found = backup._environment(url)
    assert " ".join(found.get(name, "-") for name in names) == wanted


def environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def one_sentence(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stdout
    return done.stderr.strip()


def house_opens(house: House, file: Path) -> dict[str, bytes]:
    """What is inside, opened with age's library and tar alone."""
    [line] = [x for x in house.identity.read_text().split() if x.startswith("AGE-SECRET-KEY-")]
    plain = pyrage.decrypt(file.read_bytes(), [pyrage.x25519.Identity.from_str(line)])
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def pack_anew(house: House, inside: dict[str, bytes], folder: Path) -> Path:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, body in inside.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    file = folder / "anew.age"
    to = pyrage.x25519.Recipient.from_str(house.recipient)
    file.write_bytes(pyrage.encrypt(packed.getvalue(), [to]))
    return file
