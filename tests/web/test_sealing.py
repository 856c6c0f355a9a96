"""Sealed fields and the keys outside the database."""

from pathlib import Path

import pytest

from backend.web import keyring, sealing
from backend.web.sealing import CannotOpen, DataKey


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "keys.json"
    monkeypatch.setenv("KEYS", str(path))
    return path


def test_what_was_sealed_opens_in_its_own_place_only() -> None:
    key = DataKey.new("pledge", "7")
    sealed = key.seal("name", "María Ñuñez 🌊")
    assert sealed.startswith("v1:row:")
    again = DataKey.unwrap(key.wrapped(), "pledge", "7")
    assert again.open("name", sealed) == "María Ñuñez 🌊"
    with pytest.raises(CannotOpen):
        again.open("contact", sealed)
    with pytest.raises(CannotOpen):
        DataKey.unwrap(key.wrapped(), "pledge", "8")
    with pytest.raises(CannotOpen):
        DataKey.unwrap(key.wrapped(), "other", "7")


def test_the_same_text_is_sealed_differently_each_time() -> None:
    key = DataKey.new("pledge", "7")
    assert key.seal("name", "Ana") != key.seal("name", "Ana")


@pytest.mark.parametrize("broken", ["", "x", "v1:row:", "v2:row:AAAA", "v1:row:!!!", "v1:row:AAAA"])
def test_a_broken_text_is_told_as_such(broken: str) -> None:
    with pytest.raises(CannotOpen):
        DataKey.new("pledge", "7").open("name", broken)


def test_a_destroyed_key_takes_what_it_wrapped_with_it() -> None:
    key = DataKey.new("pledge", "7")
    wrapped, sealed = key.wrapped(), key.seal("name", "Ana")
    old = sealing.wrapped_with(wrapped)
    keyring.add("sealing")
    moved = sealing.rewrap(wrapped, "pledge", "7")
    assert sealing.wrapped_with(moved) != old
    keyring.destroy("sealing", old)
    with pytest.raises(keyring.NoKey):
        DataKey.unwrap(wrapped, "pledge", "7")
    assert DataKey.unwrap(moved, "pledge", "7").open("name", sealed) == "Ana"


def test_the_key_in_use_cannot_be_destroyed() -> None:
    key = keyring.newest("sealing")
    with pytest.raises(keyring.NoKey):
        keyring.destroy("sealing", key.id)
    with pytest.raises(keyring.NoKey):
        keyring.destroy("sealing", "nothing")


def test_a_blind_index_is_the_same_for_the_same_purpose_only() -> None:
    first = sealing.blind_index("e-mail", "ana@example.org")
    assert first == sealing.blind_index("e-mail", "ana@example.org")
    assert first != sealing.blind_index("phone", "ana@example.org")
    assert first != sealing.blind_index("e-mail", "ben@example.org")
    assert len(first) == 32


def test_the_file_of_keys_is_its_owners_only(keys: Path) -> None:
    keyring.newest("sealing")
    assert keys.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_read_is_told_in_words(keys: Path) -> None:
    keyring.newest("sealing")
    keys.write_text("{]")
    with pytest.raises(keyring.NoKey, match="restore it from a backup"):
        keyring.newest("sealing")
