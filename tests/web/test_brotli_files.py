"""What takes seconds to compress is compressed once on a machine."""

import os
from pathlib import Path

import brotli
import pytest

from backend.web import brotli_files

BODY = b"".join(b"%d " % number for number in range(30_000))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(brotli_files, "FOLDER", tmp_path / "brotli")
    return tmp_path / "brotli"


def forbid_compressing(monkeypatch: pytest.MonkeyPatch) -> None:
    def compress(*_: object, **__: object) -> bytes:
        raise AssertionError("compressed again")

    monkeypatch.setattr(brotli, "compress", compress)


def test_it_is_compressed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = brotli_files.compress(BODY)
    assert brotli.decompress(packed) == BODY
    assert len(packed) < len(BODY) / 3
    forbid_compressing(monkeypatch)
    assert brotli_files.compress(BODY) == packed
    with pytest.raises(AssertionError):
        brotli_files.compress(BODY + b"changed")


def test_what_is_small_has_no_file(folder: Path) -> None:
    assert brotli.decompress(brotli_files.compress(b"small")) == b"small"
    assert not folder.exists()


@pytest.mark.parametrize("spoiled", [b"", b"rubbish", brotli.compress(b"another body")])
def test_a_spoiled_file_is_made_anew(folder: Path, spoiled: bytes) -> None:
    packed = brotli_files.compress(BODY)
    [file] = folder.iterdir()
    file.write_bytes(spoiled)
    assert brotli_files.compress(BODY) == packed
    assert file.read_bytes() == packed


def test_the_oldest_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brotli_files, "MOST", 2)
    for number in range(4):
        brotli_files.compress(BODY + b"%d" % number)
        [newest] = [each for each in folder.iterdir() if each.stat().st_mtime > 1_000_000]
        os.utime(newest, (number + 1, number + 1))
    assert len(list(folder.iterdir())) == 2


def test_without_a_place_for_files_it_is_compressed_all_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(brotli_files, "FOLDER", tmp_path / "file" / "brotli")
    assert brotli.decompress(brotli_files.compress(BODY)) == BODY
