"""Changes to the record: drafted, decided, applied, remembered, and written back into the files."""

import difflib
import shutil
from pathlib import Path
from typing import Any

import pytest

from backend.policies import changes, entries, exporting, files, loading, queries
from backend.policies.changes import Part
from backend.policies.entries import FactName
from backend.policies.tables import Change, Conflict, Rule
from backend.staff.tables import Account
from backend.web.errors import Refused
from tests.conftest import aged

WHY = {"en": "A new order was read."}
SONOMA_HOLD = FactName("sonoma", "rule", "sheriff-2014")
NEW_RULE = FactName("sonoma", "rule", "sheriff-2026")


@pytest.fixture
async def ana(record: None) -> Account:
    return await aged(await Account.open_for("Ana the editor", ["editor"]))


@pytest.fixture
async def ben(record: None) -> Account:
    return await aged(await Account.open_for("Ben the editor", ["editor"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(files.FOLDER, tmp_path / "data"))


async def entry_of(name: FactName) -> dict[str, Any]:
    return dict((await entries.present({name.file}))[name])


def change_the_file(folder: Path) -> None:
    path = folder / "sonoma.yaml"
    text = path.read_text("utf-8").replace("from: 2014-05-07", "from: 2014-05-08")
    path.write_text(text, "utf-8")


async def a_new_rule() -> Part:
    like = await entry_of(SONOMA_HOLD)
    after = {
        **like,
        "answers": {"notification": "judicial_warrant_only"},
        "from": "2026-11-01",
        "from_means": "on",
        "until": None,
        "until_means": "on",
        "note": None,
    }
    return Part(NEW_RULE, None, entries.canonical("rule", after))


async def approved(ana: Account, ben: Account, action: str, *parts: Part) -> Change:
    change = await changes.propose(ana, action, parts, WHY)
    await changes.approve(change.id, ben)
    return change


async def notification() -> str:
    from backend.policies.questions import Question
    from backend.web.clock import today

    record = await queries.county_record("sonoma")
    return record.standing(Question.NOTIFICATION, today()).answer


async def test_a_draft_changes_nothing_until_a_second_person_approves(
    ana: Account, ben: Account
) -> None:
    before = await notification()
    change = await changes.propose(ana, "add", [await a_new_rule()], WHY)
    assert await notification() == before
    with pytest.raises(Refused, match="second person"):
        await changes.approve(change.id, ana)
    await changes.approve(change.id, ben)
    assert await notification() == "judicial_warrant_only"
    with pytest.raises(Refused, match="decided this already"):
        await changes.approve(change.id, ben)
    [told] = await changes.history(NEW_RULE)
    assert (told.made_by, told.decided_by) == ("Ana the editor", "Ben the editor")
    assert [each.change.id for each in await changes.published("sonoma")] == [change.id]
    assert await changes.published("modoc") == []


async def test_one_person_is_enough_where_the_house_says_so(
    ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    change = await changes.propose(ana, "add", [await a_new_rule()], WHY)
    await changes.approve(change.id, ana)
    assert await notification() == "judicial_warrant_only"


async def test_a_draft_of_something_that_has_changed_since_is_refused(
    ana: Account, ben: Account
) -> None:
    seen = await entry_of(SONOMA_HOLD)
    first = {**seen, "citation": "Letter of May 7"}
    second = {**seen, "citation": "Letter of May 8"}
    late = await changes.propose(ana, "correct", [Part(SONOMA_HOLD, seen, second)], WHY)
    await approved(ana, ben, "correct", Part(SONOMA_HOLD, seen, entries.canonical("rule", first)))
    with pytest.raises(Refused, match="changed since"):
        await changes.approve(late.id, ben)
    with pytest.raises(Refused, match="changed since"):
        await changes.propose(ana, "correct", [Part(SONOMA_HOLD, seen, second)], WHY)


async def test_turned_down_and_withdrawn_drafts_change_nothing(ana: Account, ben: Account) -> None:
    before = await notification()
    one = await changes.propose(ana, "add", [await a_new_rule()], WHY)
    await changes.turn_down(one.id, ben, "The source says otherwise.")
    two = await changes.propose(ana, "add", [await a_new_rule()], WHY)
    with pytest.raises(Refused, match="Only who made"):
        await changes.withdraw(two.id, ben)
    await changes.withdraw(two.id, ana)
    assert await notification() == before
    assert await changes.published() == []
    for change in (one, two):
        with pytest.raises(Refused, match="decided"):
            await changes.approve(change.id, ben)


async def test_nothing_different_is_no_change(ana: Account) -> None:
    seen = await entry_of(SONOMA_HOLD)
    with pytest.raises(Refused, match="Nothing is different"):
        await changes.propose(ana, "correct", [Part(SONOMA_HOLD, seen, dict(seen))], WHY)


async def test_looking_again_needs_nobody_else_and_is_no_news(ana: Account) -> None:
    seen = await entry_of(SONOMA_HOLD)
    after = {**seen, "checked_on": "2026-11-25", "review_by": "2027-11-25"}
    await changes.look_again(ana, Part(SONOMA_HOLD, seen, after))
    assert (await entry_of(SONOMA_HOLD))["checked_on"] == "2026-11-25"
    assert await changes.published() == []


async def test_a_rule_corrected_at_the_desk_still_ends_with_the_one_that_ended_it(
    ana: Account, ben: Account
) -> None:
    name = FactName("alameda", "rule", "sheriff-2014")
    before = await entry_of(name)
    assert before["superseded_by"] == "general-order-2017"
    after = {**before, "citation": "Order of May 21"}
    await approved(ana, ben, "correct", Part(name, before, entries.canonical("rule", after)))
    [row] = await Rule.select(Rule.until_text).where(Rule.key == "alameda/sheriff-2014/hold")
    assert row["until_text"] == "2017-01-05"


async def test_the_next_load_keeps_what_the_desk_changed_and_says_so(
    ana: Account, ben: Account
) -> None:
    await approved(ana, ben, "add", await a_new_rule())
    seen = await entry_of(SONOMA_HOLD)
    await approved(ana, ben, "retire", Part(SONOMA_HOLD, seen, None))
    report = await loading.load()
    assert not report.changed_something
    assert sorted(report.kept) == [
        "sonoma/sheriff-2014/hold",
        "sonoma/sheriff-2026/notification",
    ]
    assert "python -m backend export" in str(report)
    assert await notification() == "judicial_warrant_only"
    assert await changes.not_exported() == 2


async def test_what_both_changed_is_a_conflict_until_an_editor_decides(
    ana: Account, ben: Account, folder: Path
) -> None:
    seen = await entry_of(SONOMA_HOLD)
    desks = {**seen, "citation": "The desk’s"}
    await approved(ana, ben, "correct", Part(SONOMA_HOLD, seen, entries.canonical("rule", desks)))
    change_the_file(folder)
    report = await loading.load(folder)
    assert report.conflicts == ["sonoma/sheriff-2014/hold"]
    assert "CONFLICT" in str(report)
    assert (await entry_of(SONOMA_HOLD))["citation"] == "The desk’s"
    assert await changes.conflicts() == 1
    conflict = await Conflict.objects().first()
    assert conflict is not None
    await changes.keep_the_desks(conflict, ana)
    assert await changes.conflicts() == 0
    assert (await loading.load(folder)).kept == ["sonoma/sheriff-2014/hold"]


async def test_the_files_version_can_be_taken(ana: Account, ben: Account, folder: Path) -> None:
    seen = await entry_of(SONOMA_HOLD)
    desks = {**seen, "citation": "The desk’s"}
    await approved(ana, ben, "correct", Part(SONOMA_HOLD, seen, entries.canonical("rule", desks)))
    path = folder / "sonoma.yaml"
    path.write_text(
        path.read_text("utf-8").replace("from: 2014-05-07", "from: 2014-05-08"), "utf-8"
    )
    await loading.load(folder)
    conflict = await Conflict.objects().first()
    assert conflict is not None
    change = await changes.use_the_files(conflict, ana)
    await changes.approve(change.id, ben)
    assert (await entry_of(SONOMA_HOLD))["from"] == "2014-05-08"
    report = await loading.load(folder)
    assert (report.kept, report.conflicts) == ([], [])


async def test_what_the_files_change_is_in_the_history_too(record: None, folder: Path) -> None:
    path = folder / "sonoma.yaml"
    path.write_text(
        path.read_text("utf-8").replace("from: 2014-05-07", "from: 2014-05-08"), "utf-8"
    )
    report = await loading.load(folder)
    assert report.changed == ["sonoma/sheriff-2014/hold"]
    [told] = await changes.published("sonoma")
    assert (told.change.action, told.change.origin) == ("load", "files")
    assert told.parts[0].after is not None
    assert told.parts[0].after["from"] == "2014-05-08"


async def test_the_files_as_they_are_need_no_export(record: None, folder: Path) -> None:
    assert await exporting.differences(folder) == []
    assert await exporting.export(folder) == []


def lines_changed(folder: Path, file: str) -> list[str]:
    before = (files.FOLDER / f"{file}.yaml").read_text("utf-8").splitlines()
    after = (folder / f"{file}.yaml").read_text("utf-8").splitlines()
    return [line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ")]


async def test_export_writes_just_the_lines_of_what_changed(
    ana: Account, ben: Account, folder: Path
) -> None:
    await approved(ana, ben, "add", await a_new_rule())
    assert [str(each) for each in await exporting.differences(folder)] == [
        "rule sonoma/sheriff-2026: only at the desk"
    ]
    await exporting.export(folder)
    changed = lines_changed(folder, "sonoma")
    assert all(line.startswith("+ ") for line in changed)
    assert "+   - id: sheriff-2026" in changed
    assert lines_changed(folder, "modoc") == []
    report = await loading.load(folder)
    assert not report.changed_something
    assert report.kept == []
    assert await changes.not_exported() == 0


@pytest.mark.slow
async def test_every_fact_can_be_changed_added_and_retired_and_the_files_follow(
    ana: Account, ben: Account, folder: Path
) -> None:
    """Each fifth fact of every kind: corrected with a new source, copied under a new name, or
    retired; then one export."""
    standing = await entries.present()
    fresh = {
        "title": "A paper: “yes”, # no",
        "publisher": "County: of Somewhere",
        "url": "https://example.org/?a=1&b=2#x",
        "published_on": "2026-11",
        "read_on": "2026-11-24",
        "grade": "A",
    }
    disputed = {
        tuple(entry["disputes"].split("/"))
        if "/" in entry["disputes"]
        else (name.file, entry["disputes"])
        for name, entry in standing.items()
        if name.kind == "practice" and entry.get("disputes")
    }
    leaned_on = disputed | {
        (name.file, entry["superseded_by"])
        for name, entry in standing.items()
        if entry.get("superseded_by")
    }
    wanted = {}
    for number, (name, entry) in enumerate(sorted(standing.items())):
        changed = {**entry, "note": {"en": "Note: it’s - “so” # 1", "es": "Nota: sí"}}
        changed["sources"] = [*entry["sources"], fresh]
        if number % 5 == 0:
            wanted[name] = (entry, entries.canonical(name.kind, changed))
        elif number % 5 == 1 and name.kind != "law":
            copy = FactName(name.file, name.kind, f"{name.entry_id[:50]}-copy")
            wanted[copy] = (None, entry)
        elif number % 5 == 2 and name.kind != "law" and (name.file, name.entry_id) not in leaned_on:
            wanted[name] = (entry, None)
    parts = [Part(name, old, new) for name, (old, new) in wanted.items()]
    assert len(parts) > 100
    assert {part.name.kind for part in parts} == {"law", "rule", "practice", "figure"}
    await approved(ana, ben, "correct", *parts)
    assert len(await exporting.differences(folder)) == len(parts)
    await exporting.export(folder)
    said = entries.all_of(loading.check(folder))
    assert said == await entries.present()
    report = await loading.load(folder)
    assert not report.changed_something
    assert (report.kept, report.conflicts) == ([], [])
    for file in {name.file for name in standing} - {part.name.file for part in parts}:
        assert lines_changed(folder, file) == []
