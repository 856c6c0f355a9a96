"""The three files of keys: what lies in which, under what, and what comes of an earlier release."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.web import key_files, keyring
from tests.databases import command
from tests.keys import held_in, keys_command
from tests.serving import HOUSE

# --- private keys under a passphrase or an age key


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYS", str(tmp_path / "keys" / "keys.json"))
    monkeypatch.setenv("PRIVATE_KEYS", str(tmp_path / "private" / "private.json"))
    keyring.make_first()
    return tmp_path / "private" / "private.json"


def test_private_keys_under_a_passphrase_open_for_who_is_given_it_at_start(own: Path) -> None:
    phrase = "four words do well"
    before = keyring.named("sealing", keyring.newest_half("sealing").id).secret
    assert keys_command("lock", PRIVATE_KEYS_PASSPHRASE=phrase).returncode == 0
    assert own.read_bytes().startswith(b"age-encryption.org/")
    assert base64.b64encode(before) not in own.read_bytes()
    for wrong, words in (("", "are locked: set"), ("another one", "do not open")):
        done = command("worker", PRIVATE_KEYS_PASSPHRASE=wrong)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    rotated = keys_command("rotate", "sealing", PRIVATE_KEYS_PASSPHRASE=phrase)
    assert rotated.returncode == 0, rotated.stderr
    assert own.read_bytes().startswith(b"age-encryption.org/"), "it stays locked"
    assert keys_command("unlock", PRIVATE_KEYS_PASSPHRASE=phrase).returncode == 0
    assert next(key.secret for key in keyring.every() if key.purpose == "sealing") == before


def test_a_file_that_comes_later_lies_under_the_same(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phrase = {"PRIVATE_KEYS_PASSPHRASE": "four words do well"}
    ringing = own.with_name("ringing.json")
    key_files.write(own, key_files.Held((*key_files.read(own).keys, *held_in(str(ringing)))), None)
    ringing.unlink()
    assert keys_command("lock", **phrase).returncode == 0
    assert keys_command("rotate", "vapid", **phrase).returncode == 0
    assert ringing.read_bytes().startswith(b"age-encryption.org/")
    assert own.read_bytes().startswith(b"age-encryption.org/")
    assert keys_command("unlock", **phrase).returncode == 0
    assert [key.purpose for key in held_in(str(ringing))] == ["vapid", "vapid"]


def test_private_keys_under_an_age_key_open_with_its_file(own: Path, tmp_path: Path) -> None:
    from pyrage import x25519

    identity = x25519.Identity.generate()
    file = tmp_path / "identity"
    file.write_text(f"# made by a test\n{identity}\n")
    assert keys_command("lock", "--to", str(identity.to_public())).returncode == 0
    assert "are locked" in keys_command("list").stderr
    with_it = {"PRIVATE_KEYS_IDENTITY": str(file)}
    listed = keys_command("list", **with_it)
    assert "sealing" in listed.stdout
    assert keys_command("rotate", "vapid", **with_it).returncode == 0
    assert own.read_bytes().startswith(b"age-encryption.org/")
    file.write_text("nothing")
    assert "names no file with one private age key" in keys_command("list", **with_it).stderr
    nonsense = keys_command("lock", "--to", "age1nonsense")
    assert nonsense.returncode == 1


def test_the_public_half_is_enough_to_seal_while_the_keys_are_locked(own: Path) -> None:
    from backend.web.sealing import DataKey

    assert keys_command("lock", PRIVATE_KEYS_PASSPHRASE="four words do well").returncode == 0
    key = DataKey.new("pledge", "7")
    wrapped = key.wrapped()
    # As in a process that starts now.
    key_files.look_again()
    with pytest.raises(keyring.NoKey, match="locked"):
        DataKey.unwrap(wrapped, "pledge", "7")


def test_a_house_that_runs_while_its_keys_are_locked_runs_on(own: Path) -> None:
    import time

    id = keyring.newest("sealing").id
    assert keys_command("lock", PRIVATE_KEYS_PASSPHRASE="four words do well").returncode == 0
    time.sleep(2 * key_files.LOOK)
    assert keyring.named("sealing", id).secret
    with pytest.raises(keyring.NoKey, match="locked"):
        keyring.add("vapid")


def test_nothing_new_is_made_in_the_place_of_private_keys_that_are_missing(own: Path) -> None:
    """The disk with them was not there when the desk started."""
    half = keyring.newest_half("sealing")
    own.rename(own.with_name("elsewhere.json"))
    for words in (("rotate", "sealing"), ("list",), ("lock", "--to", "age1x")):
        done = keys_command(*words)
        assert done.returncode == 1
        assert "the file of private keys is missing" in done.stderr, words
    key_files.look_again()
    with pytest.raises(keyring.NoKey, match="missing"):
        keyring.make_first()
    assert not own.exists()
    assert keyring.newest_half("sealing") == half, "and people sign on"
    own.with_name("elsewhere.json").rename(own)
    key_files.look_again()
    assert keyring.named("sealing", half.id)


def test_nothing_new_is_made_in_the_place_of_keys_that_are_missing(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another `index` key nobody who signs twice would be noticed."""
    keys = Path(os.environ["KEYS"])
    index = keyring.newest("index")
    keys.rename(keys.with_name("elsewhere.json"))
    for serves in ("", "public"):
        monkeypatch.setenv("SERVES", serves)
        for make in (keyring.make_first, lambda: keyring.newest("index")):
            key_files.look_again()
            with pytest.raises(keyring.NoKey, match="missing"):
                make()
    assert not keys.exists()
    keys.with_name("elsewhere.json").rename(keys)
    assert keyring.newest("index") == index


def test_one_file_is_not_taken_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    monkeypatch.setenv("KEYS", str(path))
    monkeypatch.setenv("PRIVATE_KEYS", str(path))
    with pytest.raises(keyring.NoKey, match="same file"):
        keyring.make_first()
    assert not path.exists()


def test_two_that_start_at_once_make_one_key_of_each(tmp_path: Path) -> None:
    names = {"KEYS": "keys.json", "PRIVATE_KEYS": "private.json", "RINGING_KEYS": "ringing.json"}
    places = {name: str(tmp_path / file) for name, file in names.items()}
    program = "from backend.web import keyring; keyring.make_first()"
    started = [
        subprocess.Popen([sys.executable, "-c", program], cwd=HOUSE, env={**os.environ, **places})
        for _ in range(4)
    ]
    assert [each.wait(60) for each in started] == [0] * 4
    files = [key_files.from_json(Path(path).read_text("utf-8")) for path in places.values()]
    purposes = [key.purpose for file in files for key in file.keys]
    assert len(purposes) == len(set(purposes)) == len(keyring._AT_START)


# --- a house of an earlier release


def test_vapid_keys_of_an_earlier_release_are_parted_by_the_worker_alone(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one file for desk and worker, the desk neither takes them along nor drops them."""
    keys, ringing = Path(os.environ["KEYS"]), own.with_name("ringing.json")
    held, vapid = key_files.read(own).keys, key_files.read(ringing).keys
    key_files.write(own, key_files.Held((*held, *vapid)), None)
    ringing.unlink()
    halves = key_files.read(keys).halves
    with monkeypatch.context() as desk:
        desk.setenv("RINGING_KEYS", "elsewhere")
        for make in (keyring.make_first, lambda: keyring.add("sealing")):
            with pytest.raises(keyring.NoKey, match="start a worker first"):
                make()
        assert key_files.read(own).keys == (*held, *vapid)
    keyring.make_first()
    assert key_files.read(own).keys == held
    assert key_files.read(ringing).keys == vapid
    with monkeypatch.context() as desk:
        desk.setenv("RINGING_KEYS", "elsewhere")
        keyring.make_first()
        added = keyring.add("sealing")
        with pytest.raises(keyring.NoKey, match="not for this process"):
            keyring.newest("vapid")
        assert keyring.newest_half("sealing").id == added.id
    assert {*halves} < {*key_files.read(keys).halves}


def test_worker_and_desk_that_start_at_once_on_one_old_file_lose_no_key(tmp_path: Path) -> None:
    names = {"KEYS": "keys.json", "PRIVATE_KEYS": "private.json", "RINGING_KEYS": "ringing.json"}
    worker = {name: str(tmp_path / file) for name, file in names.items()}
    old = {purpose: os.urandom(32) for purpose in ("sealing", "index", "codes", "trail", "vapid")}
    program = """
import time
from backend.web import keyring
for _ in range(100):
    try:
        keyring.make_first()
        break
    except keyring.NoKey as error:
        assert "start a worker first" in str(error), error
        time.sleep(0.1)
else:
    raise SystemExit(1)
"""
    for _ in range(3):
        for path in worker.values():
            Path(path).unlink(missing_ok=True)
        Path(worker["KEYS"]).write_text(json.dumps({"keys": [
            {"purpose": purpose, "id": "0000", "made": "2026-11-01T00:00:00+00:00",
             "secret": base64.b64encode(secret).decode()} for purpose, secret in old.items()
        ]}))  # fmt: skip
        started = [
            subprocess.Popen([sys.executable, "-c", program], cwd=HOUSE,
                             env={**os.environ, **worker, **change})
            for change in ({"RINGING_KEYS": "elsewhere"}, {}, {"RINGING_KEYS": "elsewhere"}, {})
        ]  # fmt: skip
        assert [each.wait(60) for each in started] == [0] * 4
        files = {name: held_in(path) for name, path in worker.items()}
        assert {key.purpose for key in files["RINGING_KEYS"]} == {"vapid"}
        assert not {key.purpose for key in files["KEYS"]} & keyring.PRIVATE
        assert not {key.purpose for key in files["PRIVATE_KEYS"]} & keyring.RINGING
        held = [key for keys in files.values() for key in keys]
        assert len(held) == len({(key.purpose, key.id) for key in held})
        assert {*old.values()} <= {key.secret for key in held}


def test_an_end_between_the_two_files_leaves_each_key_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, private = tmp_path / "keys.json", tmp_path / "private" / "private.json"
    monkeypatch.setenv("KEYS", str(keys))
    monkeypatch.setenv("PRIVATE_KEYS", str(private))
    made = {"made": "2026-11-01T00:00:00+00:00", "secret": base64.b64encode(bytes(32)).decode()}
    old = [{"purpose": purpose, "id": "0000", **made} for purpose in ("sealing", "index", "trail")]
    keys.write_text(json.dumps({"keys": old}))
    write = key_files.write

    def ends(path: Path, *more: Any) -> None:
        if path == keys:
            raise KeyboardInterrupt
        write(path, *more)

    monkeypatch.setattr(key_files, "write", ends)
    with pytest.raises(KeyboardInterrupt):
        keyring.settle()
    monkeypatch.setattr(key_files, "write", write)
    assert private.exists()
    keyring.make_first()
    held = [(key.purpose, key.id) for key in keyring.every()]
    assert len(held) == len(set(held))
    assert (key_files.SEALING_V1, "0000") in held


def test_the_one_file_of_earlier_releases_is_parted_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, private = tmp_path / "keys.json", tmp_path / "private" / "private.json"
    monkeypatch.setenv("KEYS", str(keys))
    monkeypatch.setenv("PRIVATE_KEYS", str(private))
    secrets = {purpose: os.urandom(32) for purpose in ("sealing", "index", "codes", "trail")}
    keys.write_text(json.dumps({"keys": [
        {"purpose": purpose, "id": f"{number:08}", "made": "2026-11-01T00:00:00+00:00",
         "secret": base64.b64encode(secret).decode()}
        for number, (purpose, secret) in enumerate(secrets.items())
    ]}))  # fmt: skip
    from backend.web import sealing as sealed
    from backend.web.sealing import DataKey

    old = DataKey.new("pledge", "7")
    place = "pledge|data_key|7|00000000"
    wrapped = "v1:00000000:" + sealed._encrypt(
        sealed._wrapping(secrets["sealing"]), old.secret, place
    )
    # Whoever serves the public first touches nothing of it.
    monkeypatch.setenv("SERVES", "public")
    with pytest.raises(keyring.NoKey):
        keyring.newest("puzzle")
    with pytest.raises(keyring.NoKey):
        DataKey.unwrap(wrapped, "pledge", "7")
    monkeypatch.delenv("SERVES")
    keyring.make_first()
    left = key_files.from_json(keys.read_text())
    assert not {key.purpose for key in left.keys} & keyring.PRIVATE
    assert {"index", "codes", "puzzle", "rate limits"} == {key.purpose for key in left.keys}
    assert keyring.newest("index").secret == secrets["index"]
    assert keyring.newest("trail").secret == secrets["trail"]
    assert base64.b64encode(secrets["sealing"]).decode() not in keys.read_text()
    assert DataKey.unwrap(wrapped, "pledge", "7").secret == old.secret
    moved = sealed.rewrap(wrapped, "pledge", "7")
    assert moved.startswith(f"v2:{keyring.newest('sealing').id}:")
    assert DataKey.unwrap(moved, "pledge", "7").secret == old.secret
    keyring.destroy(key_files.SEALING_V1, "00000000")
    with pytest.raises(keyring.NoKey):
        DataKey.unwrap(wrapped, "pledge", "7")
    assert oct(private.stat().st_mode & 0o777) == oct(0o600)


def test_no_letter_is_led_elsewhere_by_who_may_write_a_row(own: Path) -> None:
    """The attack: somebody's row with a contact sealed by a thief, as whoever seals may."""
    from backend.web import sealing as sealed

    theirs = sealed.DataKey.new("pledge", "7")
    ours = sealed.DataKey.unwrap(theirs.wrapped(), "pledge", "7")
    for column in ("contact", "address", "endpoint"):
        with pytest.raises(sealed.CannotOpen):
            ours.open(column, sealed.seal_apart("pledge", "7", column, "thief@example.org"))
    assert ours.open("name", sealed.seal_apart("pledge", "7", "name", "Ana")) == "Ana"
