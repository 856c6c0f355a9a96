"""Where the desk and the files meet, and where people press twice: nothing is lost silently."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from backend.policies import changes, entries, exporting, files, loading, text_diff
from backend.policies.changes import Part
from backend.policies.desk import forms as record_forms
from backend.policies.desk.forms import FactForm
from backend.policies.entries import Entry, FactName
from backend.policies.tables import Change, Conflict, Rule
from backend.staff.tables import Account
from backend.web import language
from backend.web.errors import Refused
from tests.conftest import aged

WHY = {"en": "Someone read it again."}
SHERIFF = FactName("sonoma", "rule", "sheriff-2014")
FORUM = FactName("sonoma", "practice", "forum-2025")
DISPUTED = FactName("san-diego", "rule", "board-l2")
REFUSES = FactName("san-diego", "practice", "sheriff-refuses-transfer-2024")


@pytest.fixture
async def ana(record: None) -> Account:
    return await aged(await Account.open_for("Ana the editor", ["editor"]))


@pytest.fixture
async def ben(record: None) -> Account:
    return await aged(await Account.open_for("Ben the editor", ["editor"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(files.FOLDER, tmp_path / "data"))


async def entry_of(name: FactName) -> Entry:
    return dict((await entries.present({name.file}))[name])


async def corrected(name: FactName, **values: Any) -> Part:
    seen = await entry_of(name)
    return Part(name, seen, entries.canonical(name.kind, {**seen, **values}))


async def approved(ana: Account, ben: Account, action: str, *parts: Part) -> Change:
    change = await changes.propose(ana, action, parts, WHY)
    await changes.approve(change.id, ben)
    return change


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / f"{file}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


async def in_conflict(ana: Account, ben: Account, folder: Path) -> Conflict:
    await approved(ana, ben, "correct", await corrected(SHERIFF, citation="The desk’s"))
    edit(folder, "sonoma", "from: 2014-05-07", "from: 2014-05-08")
    await loading.load(folder)
    found = await Conflict.objects().first()
    assert found is not None
    return found


async def sent_again(name: FactName, **typed: str) -> list[tuple[str, str]]:
    """The form of a fact as a browser sends it, with some fields typed over."""
    form = await record_forms.filled(name, await entry_of(name))
    fields = {**form.typed, "why_en": "Because.", **typed}
    ticked = [("source", mark) for mark, _source, ticked in form.sources if ticked]
    return [*fields.items(), *ticked]


async def read(name: FactName, sent: list[tuple[str, str]]) -> FactForm:
    return await record_forms.read(name, sent, "Ana", await entries.present())


async def test_export_leaves_alone_what_somebody_edited_in_the_files(
    record: None, folder: Path
) -> None:
    edit(folder, "sonoma", "from: 2014-05-07", "from: 2014-05-08")
    assert await exporting.export(folder) == []
    assert "from: 2014-05-08" in (folder / "sonoma.yaml").read_text("utf-8")


async def test_export_leaves_a_conflict_to_an_editor_and_writes_the_rest(
    ana: Account, ben: Account, folder: Path
) -> None:
    await in_conflict(ana, ben, folder)
    await approved(ana, ben, "correct", await corrected(DISPUTED, citation="Policy L-2 (2024)"))
    found = await exporting.export(folder)
    assert [(each.name, each.conflict) for each in found] == [(DISPUTED, False), (SHERIFF, True)]
    assert "The desk’s" not in (folder / "sonoma.yaml").read_text("utf-8")
    assert "Policy L-2 (2024)" in (folder / "san-diego.yaml").read_text("utf-8")


async def test_a_conflict_decided_for_the_desk_can_be_exported(
    ana: Account, ben: Account, folder: Path
) -> None:
    await changes.keep_the_desks(await in_conflict(ana, ben, folder), ana)
    assert [each.conflict for each in await exporting.export(folder)] == [False]
    text = (folder / "sonoma.yaml").read_text("utf-8")
    assert "The desk’s" in text
    assert "from: 2014-05-07" in text
    assert await exporting.differences(folder) == []


async def test_a_conflict_decided_for_the_files_is_over_at_once(
    ana: Account, ben: Account, folder: Path
) -> None:
    change = await changes.use_the_files(await in_conflict(ana, ben, folder), ana)
    await changes.approve(change.id, ben)
    assert await changes.conflicts() == 0
    assert await changes.not_exported() == 0


async def test_a_rule_of_several_answers_is_the_files_or_the_desks_as_a_whole(
    ana: Account, ben: Account, folder: Path
) -> None:
    answers = {"hold": "limited", "notification": "never", "transfer": "never"}
    await approved(ana, ben, "correct", await corrected(DISPUTED, answers=answers))
    edit(folder, "san-diego", "citation: Board Policy L-2", "citation: Board Policy L-3")
    report = await loading.load(folder)
    assert report.conflicts
    assert not report.changed_something
    rows = await Rule.select(Rule.citation).where(
        Rule.key.like("san-diego/board-l2/%"), Rule.retired_at.is_null()
    )
    assert [row["citation"] for row in rows] == ["Board Policy L-2"] * 3


async def test_a_fact_changed_back_is_the_files_again(ana: Account, ben: Account) -> None:
    first = await corrected(DISPUTED, answers={"hold": "limited", "transfer": "never",
                                               "notification": "never"})  # fmt: skip
    await approved(ana, ben, "correct", first)
    assert await changes.not_exported() == 1
    await approved(ana, ben, "correct", Part(DISPUTED, first.after, first.before))
    assert await changes.not_exported() == 0


async def test_a_rule_that_a_report_disputes_is_not_taken_out(ana: Account) -> None:
    with pytest.raises(Refused, match="report says"):
        await changes.propose(ana, "retire", [Part(DISPUTED, await entry_of(DISPUTED), None)], WHY)


async def test_a_law_that_rules_name_is_not_taken_out(ana: Account) -> None:
    law = FactName("state", "law", "values-act")
    with pytest.raises(Refused, match="Rules name this law"):
        await changes.propose(ana, "retire", [Part(law, await entry_of(law), None)], WHY)


async def test_a_draft_that_fits_no_more_is_not_approved(ana: Account, ben: Account) -> None:
    entry = {**await entry_of(REFUSES), "topic": "hold", "disputes": SHERIFF.entry_id}
    report = Part(FactName("sonoma", "practice", "says-no"), None, entry)
    draft = await changes.propose(ana, "add", [report], WHY)
    await approved(ana, ben, "retire", Part(SHERIFF, await entry_of(SHERIFF), None))
    with pytest.raises(Refused, match="no rule"):
        await changes.approve(draft.id, ben)


async def test_what_was_decided_last_is_the_first_news(ana: Account, ben: Account) -> None:
    late = await changes.propose(ana, "correct", [await corrected(SHERIFF, citation="Late")], WHY)
    soon = await approved(ana, ben, "correct", await corrected(DISPUTED, citation="Soon"))
    await changes.approve(late.id, ben)
    assert [each.change.id for each in await changes.published()] == [late.id, soon.id]
    assert [each.change.id for each in await changes.published(before=late.id)] == [soon.id]


async def test_a_button_pressed_twice_makes_one_draft(ana: Account) -> None:
    part = await corrected(SHERIFF, citation="Twice")
    once = await changes.propose(ana, "correct", [part], WHY)
    assert (await changes.propose(ana, "correct", [part], WHY)).id == once.id
    assert await changes.drafts_waiting() == 1


async def test_a_review_stays_while_no_word_changes(ana: Account, ben: Account) -> None:
    of = files.fingerprint(entries.fact_of(SHERIFF, await entry_of(SHERIFF)))
    review = {"language": "es", "by": "A reader", "on": "2026-11-24", "of": of}
    await approved(ana, ben, "correct", await corrected(SHERIFF, reviewed=review))
    kept = (await read(SHERIFF, await sent_again(SHERIFF, citation="Letter"))).entry
    assert kept is not None
    assert kept["reviewed"] == review
    for code in ("en", "es"):
        other = await sent_again(SHERIFF, **{f"summary_{code}": "Other words."})
        reset = (await read(SHERIFF, other)).entry
        assert reset is not None
        assert "reviewed" not in reset


async def test_a_text_too_long_is_refused_and_kept_whole(record: None) -> None:
    form = await read(SHERIFF, await sent_again(SHERIFF, summary_en="x " * 5000))
    assert "summary_en" in form.mistakes
    assert len(form.typed["summary_en"]) == 10_000


async def test_a_ticked_source_is_still_that_one_when_others_came(
    ana: Account, ben: Account
) -> None:
    cited = (await entry_of(SHERIFF))["sources"]
    sent = await sent_again(SHERIFF)
    first = {"title": "A", "publisher": "A", "url": "https://a.test/", "read_on": "2026-11-24",
             "grade": "A"}  # fmt: skip
    await approved(ana, ben, "correct", await corrected(FORUM, sources=[first]))
    entry = (await read(SHERIFF, sent)).entry
    assert entry is not None
    assert entry["sources"] == cited
    assert "sources" in (await read(SHERIFF, [*sent, ("source", "0")])).mistakes


async def test_what_nobody_sees_does_not_get_into_the_record(record: None) -> None:
    sent = await sent_again(SHERIFF, citation="a\x07b\u202ec\u200bd", why_en="w\x01\x0bx")
    form = await read(SHERIFF, sent)
    assert form.entry is not None
    assert form.entry["citation"] == "a b c d"
    assert form.why["en"] == "w x"


async def test_a_name_once_used_is_not_given_again(ana: Account, ben: Account) -> None:
    entry = {**await entry_of(SHERIFF), "instrument": {"en": "Sheriff", "es": "Alguacil"}}
    await approved(ana, ben, "retire", Part(SHERIFF, await entry_of(SHERIFF), None))
    new = FactName("sonoma", "rule", "new")
    assert await record_forms.fresh_id(new, entry) == "sheriff-2014-2"


async def test_a_difference_is_told_in_the_readers_words(record: None) -> None:
    """Whatever stands in the record: no key and no value of the files reaches a reader."""
    token = language.current.set(language.LANGUAGES["es"])
    try:
        for name, entry in (await entries.present()).items():
            for line in text_diff.said_differently(name.kind, None, entry):
                assert line.name != line.label
                assert "_" not in line.name
                if not line.label.startswith("sources"):
                    without_mail = re.sub(r"\S+@\S+", "", line.after)
                    assert not re.search(r"[a-z]_[a-z]", without_mail), line
    finally:
        language.current.reset(token)
