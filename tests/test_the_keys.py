"""The keys outside the database: made, changed and ended by command, never shown."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from piccolo.columns import UUID, Text
from piccolo.table import Table

from backend.web import keyring, sealing, vapid
from backend.web.sealing import DataKey
from tests.databases import command, empty_database, execute, fetch, run


class Letter(Table, tablename="letter"):
    """A table of this test's own, whose rows keep a data key."""

    id = UUID(primary_key=True, default=uuid4)
    data_key = Text(null=True, default=None)
    words = Text()


# The house's own command, in a house that also has letters.
WITH_LETTERS = """
import sys
from backend.piccolo_app import APP_CONFIG
from tests.test_the_keys import Letter
APP_CONFIG.table_classes.append(Letter)
from backend.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def url(server_url: str) -> Iterator[str]:
    with empty_database(server_url, "keys") as url:
        done = command("migrate", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        execute(url, "CREATE TABLE letter (id uuid PRIMARY KEY, data_key text, words text)")
        yield url


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "keys.json"
    monkeypatch.setenv("KEYS", str(path))
    return path


@pytest.fixture
def letters(url: str, keys: Path) -> Iterator[list[str]]:
    """1,203 letters, more than two batches, of which three were erased."""
    rows = []
    for number in range(1200):
        id = uuid4()
        key = DataKey.new("letter", id)
        rows.append((id, key.wrapped(), key.seal("words", f"Dear {number}")))
    values = ", ".join(f"('{id}', '{key}', '{words}')" for id, key, words in rows)
    erased = ", ".join(f"('{uuid4()}', NULL, '')" for _ in range(3))
    execute(url, f"INSERT INTO letter VALUES {values}, {erased}")
    yield [str(id) for id, _key, _words in rows]
    execute(url, "DELETE FROM letter")


def keys_command(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-c", WITH_LETTERS, "keys", *words], DATABASE_URL=url)


def opened(url: str) -> list[str]:
    return sorted(
        DataKey.unwrap(row["data_key"], "letter", row["id"]).open("words", row["words"])
        for row in fetch(url, "SELECT * FROM letter WHERE data_key IS NOT NULL")
    )


def trail(url: str) -> list[tuple[str, str, str]]:
    rows = fetch(url, "SELECT actor, action, subject FROM audit_entry ORDER BY id")
    return [(row["actor"], row["action"], row["subject"]) for row in rows]


def test_a_key_is_changed_under_a_house_that_stays_open(url: str, letters: list[str]) -> None:
    before = opened(url)
    old = keyring.newest("sealing").id
    assert keys_command(url, "rotate", "sealing").returncode == 0
    new = keyring.newest("sealing").id
    assert new != old
    assert opened(url) == before

    too_soon = keys_command(url, "destroy", "sealing", old)
    assert "1200 rows still need this key; run `keys rewrap` first" in one_sentence(too_soon)
    assert opened(url) == before

    done = keys_command(url, "rewrap")
    assert done.stdout == "1200 rows are now under the newest sealing key.\n", done.stderr
    assert keys_command(url, "rewrap").stdout.startswith("0 rows")
    wrapped = fetch(url, "SELECT data_key FROM letter WHERE data_key IS NOT NULL")
    assert {sealing.wrapped_with(row["data_key"]) for row in wrapped} == {new}

    assert keys_command(url, "destroy", "sealing", old).returncode == 0
    assert of("sealing") == [new]
    assert opened(url) == before
    assert trail(url)[-4:] == [
        ("the house itself", "rotated_key", f"sealing key {new}"),
        ("the house itself", "rewrapped_keys", f"sealing key {new}"),
        ("the house itself", "rewrapped_keys", f"sealing key {new}"),
        ("the house itself", "destroyed_key", f"sealing key {old}"),
    ]


def test_rows_whose_key_is_gone_are_told_and_left_alone(url: str, letters: list[str]) -> None:
    moved_elsewhere = letters[0]
    execute(
        url,
        f"UPDATE letter SET data_key = (SELECT data_key FROM letter WHERE id = '{letters[1]}')"
        f" WHERE id = '{moved_elsewhere}'",
    )
    keyring.add("sealing")
    done = keys_command(url, "rewrap")
    assert done.stdout.startswith("1199 rows")
    assert "1 rows cannot be opened" in one_sentence(done)


def test_the_key_in_use_is_not_destroyed(url: str, keys: Path) -> None:
    id = keyring.newest("sealing").id
    assert "is in use" in one_sentence(keys_command(url, "destroy", "sealing", id))
    assert "not among our keys" in one_sentence(keys_command(url, "destroy", "sealing", "nil"))
    assert keyring.newest("sealing").id == id
    assert "destroyed_key" not in [action for _who, action, subject in trail(url) if id in subject]


def test_a_key_is_not_destroyed_beside_the_wrong_database(server_url: str, keys: Path) -> None:
    id = keyring.newest("sealing").id
    keyring.add("sealing")
    with empty_database(server_url, "wrong") as wrong:
        done = keys_command(wrong, "destroy", "sealing", id)
        assert "the database has no tables; is DATABASE_URL the right one?" in one_sentence(done)
    nowhere = keys_command("postgresql://nobody@127.0.0.1:1/nothing", "destroy", "sealing", id)
    assert "the database does not answer" in one_sentence(nowhere)
    assert len(keyring.every()) == 2


def test_the_index_key_stays(url: str, keys: Path) -> None:
    assert command("keys", "create", "index", DATABASE_URL=url).returncode == 0
    id = keyring.newest("index").id
    for words in (("rotate", "index"), ("destroy", "index", id)):
        done = command("keys", *words, DATABASE_URL=url)
        assert "nobody who signs twice would be noticed" in one_sentence(done)
    assert keyring.newest("index").id == id


def test_a_first_key_is_made_once(url: str, keys: Path) -> None:
    assert command("keys", "create", "sealing", DATABASE_URL=url).returncode == 0
    again = command("keys", "create", "sealing", DATABASE_URL=url)
    assert "there is a sealing key; `keys rotate` makes a newer one" in one_sentence(again)
    assert len(of("sealing")) == 1


def test_a_key_can_be_made_while_the_database_is_away(keys: Path) -> None:
    done = command("keys", "create", "sealing", DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert done.returncode == 0
    assert "not in the audit trail: the database does not answer" in done.stderr
    assert len(keyring.every()) == 1


def test_the_list_shows_what_there_is_and_no_secret(url: str, keys: Path) -> None:
    assert "no keys yet" in command("keys", "list").stdout
    said = ""
    for words in (("create", "sealing"), ("create", "index"), ("create", "vapid"),
                  ("rotate", "sealing"), ("list",)):  # fmt: skip
        done = command("keys", *words, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    for key in keyring.every():
        assert key.id in said
        assert key.secret.hex() not in said
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            assert encode(key.secret).decode().rstrip("=") not in said
    lines = command("keys", "list").stdout.splitlines()
    # The trail's key was made for the line that tells of the first.
    kinds = ["index", "sealing", "trail", "sealing", "vapid"]
    assert [line.split()[0] for line in lines] == kinds
    assert ["old" in line for line in lines] == [False, True, False, False, False]


@pytest.mark.parametrize("purpose", ["trail", "head"])
def test_the_keys_of_the_trail_stay(url: str, keys: Path, purpose: str) -> None:
    old = keyring.newest(purpose).id
    assert keys_command(url, "rotate", purpose).returncode == 0
    refused = keys_command(url, "destroy", purpose, old)
    assert f"the {purpose} keys stay" in one_sentence(refused)
    assert old in of(purpose)


def of(purpose: str) -> list[str]:
    return [key.id for key in keyring.every() if key.purpose == purpose]


def test_browsers_get_the_public_half_of_a_real_p_256_pair(url: str, keys: Path) -> None:
    command("keys", "create", "vapid", DATABASE_URL=url)
    key = keyring.newest("vapid")
    [line] = [each for each in command("keys", "list").stdout.splitlines() if "vapid" in each]
    shown = line.split()[-1]
    point = base64.urlsafe_b64decode(shown + "=")
    assert (len(point), point[0]) == (65, 4)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    ours = vapid.private_key(key.secret).public_key()
    assert public.public_numbers() == ours.public_numbers()


def test_the_first_vapid_key_is_a_pair_however_it_is_made(keys: Path) -> None:
    keyring.newest("vapid")
    assert len(vapid.for_browsers(keyring.newest_half("vapid").public)) == 87


def test_a_public_half_is_what_the_standard_says() -> None:
    """RFC 8291, Appendix A: the application server's key pair."""
    private = base64.urlsafe_b64decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw=")
    assert vapid.for_browsers(vapid.public_half(private)) == (
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )


def test_a_file_of_keys_that_cannot_be_read_is_told_in_words(url: str, keys: Path) -> None:
    keyring.newest("sealing")
    keys.write_text("{]")
    for words in (("list",), ("rotate", "sealing"), ("rewrap",)):
        done = command("keys", *words, DATABASE_URL=url)
        assert "the file of keys cannot be read; restore it from a backup" in one_sentence(done)
    keys.unlink()
    keys.mkdir()
    assert "the file of keys cannot be read: Is a directory" in one_sentence(
        command("keys", "list")
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()
