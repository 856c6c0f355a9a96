"""The file that a phone saves, and somebody of the staff hands in."""

import json
from typing import Any

import pytest

from backend.campaigns.tables import Pledge
from backend.canvass import devices, files, intake, sealing
from backend.canvass.files import CannotRead
from backend.canvass.intake import Sent
from backend.canvass.states import RecordState
from backend.canvass.tables import CanvassRecord
from backend.staff.tables import Account
from backend.web import language
from tests.canvass.conftest import Phone
from tests.canvass.test_phone import record

HEAD = {"confianza": "canvass", "version": 1, "saved_at": "2026-11-24T10:00:00Z"}


def written(*sent: Sent, **head: Any) -> bytes:
    """As the app writes it."""
    lines = [{**HEAD, "records": len(sent), **head}, *map(record, sent)]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


async def test_what_a_phone_saved_to_a_file_is_taken_as_if_it_had_sent_it(phone: Phone) -> None:
    sent = [phone.sign(), phone.sign(contact="luz@example.org")]
    read = files.read_file(written(*sent))
    assert [each.id for each in read] == [each.id for each in sent]
    assert [each.sealed for each in read] == [each.sealed for each in sent]
    for each in read:
        assert await intake.take_from_file(each) == sealing.digest(each.sealed)
    # Meanwhile the phone found a signal after all.
    for each in sent:
        assert await intake.take(phone.device, each) == sealing.digest(each.sealed)
    assert len(await CanvassRecord.select()) == await Pledge.count() == 2


async def test_a_revoked_phones_file_can_be_read_and_is_looked_at_first(phone: Phone) -> None:
    await devices.revoke(phone.device.id, await Account.open_for("the lead", ["canvass_lead"]))
    [sent] = files.read_file(written(phone.sign()))
    await intake.take_from_file(sent)
    assert (await CanvassRecord.select().first())["state"] == RecordState.REVIEW


async def test_a_file_that_was_cut_off_gives_every_whole_line(phone: Phone) -> None:
    sent = [phone.sign() for _ in range(5)]
    text = written(*sent)
    cut = text[: text.index(str(sent[3].id).encode()) + 50]
    with pytest.raises(CannotRead, match="Of 5 sign-ups in this file, 2 are damaged") as told:
        files.read_file(cut)
    assert [each.id for each in told.value.whole] == [each.id for each in sent[:3]]
    assert told.value.damaged == 2


async def test_one_bad_line_keeps_no_other_back(phone: Phone) -> None:
    sent = [phone.sign() for _ in range(3)]
    lines = written(*sent).split(b"\n")
    for damage in (
        b"{",
        b"\xff",
        b"null",
        b'{"id": 5}',
        lines[2].replace(b'"sealed"', b'"leased"'),
    ):
        text = b"\n".join([*lines[:2], damage, *lines[3:]])
        with pytest.raises(CannotRead) as told:
            files.read_file(text)
        assert [each.id for each in told.value.whole] == [sent[0].id, sent[2].id]


async def test_a_line_that_came_twice_counts_once_and_line_ends_may_be_of_any_kind(
    phone: Phone,
) -> None:
    sent = phone.sign()
    text = written(sent, sent).replace(b"\n", b"\r\n")
    assert [each.id for each in files.read_file(b"\xef\xbb\xbf" + text)] == [sent.id]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"[]",
        b"\xff\xfe",
        b"name,contact\nAna,ana@example.org",
        b'{"confianza": "other"}',
        b'{"confianza": "canvass"}',
        b'{"confianza": "backup", "version": 1, "records": 0}',
    ],
)
def test_another_file_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(CannotRead, match="not a file of sign-ups"):
        files.read_file(text)


def test_a_newer_file_and_a_huge_one_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotRead, match="newer app"):
        files.read_file(written(version=2))
    monkeypatch.setattr(files, "MOST", 2)
    with pytest.raises(CannotRead, match="too many"):
        files.read_file(written() + b"{}\n" * 3)


def test_it_is_told_in_the_readers_language() -> None:
    token = language.current.set(language.LANGUAGES["es"])
    try:
        with pytest.raises(CannotRead, match="archivo"):
            files.read_file(b"")
    finally:
        language.current.reset(token)


def test_a_phone_with_nothing_to_send_saves_an_empty_file() -> None:
    assert files.read_file(written()) == []
