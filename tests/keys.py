"""The files of keys, as tests look at them and change them."""

import subprocess
from pathlib import Path

from backend.web import key_files, keyring
from tests.databases import command

NO_DATABASE = "postgresql://x@127.0.0.1:1/x"


def keys_command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`keys …`, with no database at hand: others' trails shall not tell of it."""
    return command("keys", *words, **{**environment, "DATABASE_URL": NO_DATABASE})


def held_in(path: str) -> tuple[keyring.Key, ...]:
    return key_files.from_json(Path(path).read_text("utf-8")).keys
