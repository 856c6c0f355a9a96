"""What a load of the files does, and what it leaves alone."""

import shutil
from pathlib import Path

import pytest

from backend.detained import editing, files, loading
from backend.detained.tables import DetentionPlace
from backend.policies.files import RecordError
from backend.policies.tables import HelpLine
from backend.staff.tables import Account


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(files.FOLDER, tmp_path / "data")
    return tmp_path / "data"


def put(folder: Path, file: str, before: str, after: str) -> None:
    text = (folder / file).read_text("utf-8")
    assert before in text
    (folder / file).write_text(text.replace(before, after, 1), "utf-8")


async def phone_of(key: str) -> str:
    found = await HelpLine.select(HelpLine.phone).where(HelpLine.key == key).first()
    return str(found["phone"]) if found else ""


async def test_a_second_load_changes_nothing(record: None) -> None:
    assert not await loading.load()
    written = (files.FOLDER / "lines.yaml").read_text("utf-8").count("\n  - key: ")
    assert int(await HelpLine.count()) == written > 20
    assert int(await DetentionPlace.count()) == 15


async def test_a_changed_file_changes_its_row_and_a_missing_one_retires_it(
    record: None, folder: Path
) -> None:
    put(folder, files.LINES, "831-643-5225", "831-555-0101")
    text = (folder / files.FACILITIES).read_text("utf-8")
    start, end = text.index("  - key: yuba"), text.index("  - key: theo-lacy")
    (folder / files.FACILITIES).write_text(text[:start] + text[end:], "utf-8")
    put(folder, files.FACILITIES, text[text.index("  kqed-yuba:") :].split("\n")[0] + "\n", "")
    report = await loading.load(folder)
    assert (report.added, report.changed, report.retired) == (0, 1, 1)
    assert await phone_of("monterey") == "831-555-0101"
    assert (await loading.load()).changed == 2
    assert await phone_of("monterey") == "831-643-5225"


async def test_what_the_desk_wrote_no_load_overwrites(record: None, folder: Path) -> None:
    ana = await Account.open_for("Ana", ["editor"])
    lines = {row.key: row for row in await editing.all_of("lines")}
    seen = lines["monterey"].changed_at.isoformat()
    await editing.change(lines["monterey"], ana, seen, {"phone": "831-555-0177"})
    await editing.retire(lines["san-mateo"], ana, True)
    put(folder, files.LINES, "831-643-5225", "831-555-0101")
    assert not await loading.load(folder)
    assert await phone_of("monterey") == "831-555-0177"
    retired = await HelpLine.objects().where(HelpLine.key == "san-mateo").first()
    assert retired is not None
    assert retired.retired_at is not None


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        (files.LINES, "phone: 559-206-0151", "phone: 0151", "lines.yaml:"),
        (files.LINES, "counties: [alameda]", "counties: [atlantis]", "no county is called"),
        (files.LINES, "sources: [lost-coast]", "sources: [nobody]", "there is no source 'nobody'"),
        (files.LINES, "key: alameda", "key: monterey", "is there twice"),
        (files.LINES, "confidence: high", "confidence: very", "lines.yaml:"),
        (files.LINES, "phone: 916-382-0256\n    ", "", "takes texts, but has no phone"),
        (files.FACILITIES, "ended: 2023-02-08\n", "ended: 2023-02-30\n", "facilities.yaml:"),
        (files.FACILITIES, "    ended: 2018-06-30\n", "", "only what ended has"),
        (files.FACTS, "section: bond", "section: hopes", "there is no section"),
        (files.FACTS, "sources: [bloomberg-bond]", "sources: [carecen]", "nothing uses the source"),
        (files.FACTS, "review_by: 2027-02-24", "review_by: 2026-01-01", "before it was checked"),
        (
            files.FACTS,
            "read_on: 2026-11-24, grade: A}\n  la-nacion",
            "read_on: 2026-11-24, grade: C}\n  la-nacion",
            "better than grade C",
        ),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(
    folder: Path, file: str, before: str, after: str, said: str
) -> None:
    put(folder, file, before, after)
    with pytest.raises(RecordError) as error:
        loading.check(folder)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{file}:")
