"""A phone's file at the desk: every sign-up in it is told of, and twice is once."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend.campaigns.tables import Pledge
from backend.canvass import devices, intake, uploads
from backend.canvass.tables import CanvassFile, CanvassRecord, Shift
from backend.staff.tables import now
from backend.web import bodies
from tests.campaigns.working import work
from tests.canvass.at_the_desk import account_of, lets_lead, told, trail
from tests.canvass.conftest import (
    NewPhone,
    Phone,
    campaign,
    canvasser,
    new_phone,
    phone,
    shift,
)
from tests.canvass.test_files import written
from tests.conftest import Colleague

__all__ = ["campaign", "canvasser", "new_phone", "phone", "shift"]

AtTheDesk = Callable[..., Awaitable[Colleague]]
FILES = "/desk/canvass/files"


@pytest.fixture
async def lead(at_the_desk: AtTheDesk, shift: Shift) -> Colleague:
    return await lets_lead(await at_the_desk("canvass_lead", name="Lola"), shift)


async def hand_in(colleague: Colleague, content: bytes, name: str = "queue.txt") -> httpx.Response:
    return await colleague.browser.post(
        FILES,
        data={"form_token": colleague.form_token},
        files={"file": (name, content)},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


async def taken(colleague: Colleague, content: bytes) -> str:
    """What the page says when the job has done all of it."""
    answer = await hand_in(colleague, content)
    assert answer.status_code == 303, told(answer)
    where = answer.headers["location"]
    assert "0 of" in told(await colleague.get(where)) or "are done" in told(
        await colleague.get(where)
    )
    await uploads.take_file({"file": int(where.rpartition("/")[2])})
    page = await colleague.get(where)
    assert "All of it is done." in told(page)
    return told(page)


async def test_each_sign_up_of_a_file_is_told_of(
    lead: Colleague, phone: Phone, new_phone: NewPhone
) -> None:
    before = phone.sign(contact="luz@example.org")
    await intake.take(phone.device, before)
    await work()
    good, review = phone.sign(), phone.sign(zip="1")
    broken = phone.sign()
    other = Phone(phone.device, phone.token, phone.shift, phone.shown)
    stranger = other.sign()
    unknown = {"device": "00000000-0000-4000-8000-000000000000"}
    content = written(good, before, review)
    lines = content.decode().splitlines()
    changed = written(broken).decode().splitlines()[1].replace('"key": "', '"key": "0')
    strange = (
        written(stranger).decode().splitlines()[1].replace(str(phone.device.id), unknown["device"])
    )
    head = lines[0].replace('"records": 3', '"records": 6')
    whole = "\n".join([head, *lines[1:], changed, strange, "{ cut off"]).encode()
    said = await taken(lead, whole)
    for words in (
        "Taken 1",
        "We had them already 1",
        "Somebody has to look at them first 1",
        "Refused: they do not open here 1",
        "Refused: we do not know the phone 1",
        "Damaged, or cut off on the way 1",
    ):
        assert words in said
    assert await Pledge.count() == 2
    assert f"Lola canvass_file file {(await newest())['id']} {{'records': 6}}" in await trail()


async def newest() -> dict[str, Any]:
    row = await CanvassFile.select().order_by(CanvassFile.id, ascending=False).first()
    assert row is not None
    return row


async def test_handed_in_twice_it_is_taken_once(lead: Colleague, phone: Phone) -> None:
    content = written(*(phone.sign(contact=f"ana{n}@example.org") for n in range(7)))
    assert "Taken 7" in await taken(lead, content)
    assert "We had them already 7" in await taken(lead, content)
    assert await Pledge.count() == 7


async def test_a_job_that_broke_off_goes_on_where_it_was(
    lead: Colleague, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE", 3)
    content = written(*(phone.sign(contact=f"ana{n}@example.org") for n in range(8)))
    where = (await hand_in(lead, content)).headers["location"]
    id = int(where.rpartition("/")[2])
    sent, damaged = uploads._read(content)
    assert await uploads._take_some(id, sent, damaged)
    assert "3 of 8 are done." in told(await lead.get(where))
    for _twice in range(2):
        await uploads.take_file({"file": id})
    assert "Taken 8" in told(await lead.get(where))
    assert await Pledge.count() == 8


async def test_nothing_of_the_file_stays_when_it_is_taken(lead: Colleague, phone: Phone) -> None:
    await hand_in(lead, written(phone.sign()))
    row = await newest()
    assert row["content"] is not None
    await uploads.take_file({"file": row["id"]})
    row = await newest()
    assert row["content"] is None
    assert row["device"] == phone.device.id


async def test_a_file_of_a_revoked_phone_waits_for_a_look(lead: Colleague, phone: Phone) -> None:
    await devices.revoke(phone.device.id, await account_of(lead))
    said = await taken(lead, written(phone.sign(), phone.sign(contact="luz@example.org")))
    assert "Somebody has to look at them first 2" in said
    assert await Pledge.count() == 0


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\0" * 5000,
        b"%PDF-1.7 ...",
        b"name,phone\nAna,555",
        b"[]",
        b'{"confianza": "canvass", "version": 1, "records": 3}\n{}\n{}\n{}',
        b'{"confianza": "canvass", "version": 9, "records": 0}',
        b'{"confianza": "other", "version": 1, "records": 0}',
        b"\xff\xfe" * 400,
        b"[" * 100_000,
    ],
)
async def test_junk_is_refused_in_words(lead: Colleague, junk: bytes) -> None:
    answer = await hand_in(lead, junk)
    assert answer.status_code == 422
    assert "There is a problem" in told(answer)
    assert await CanvassFile.count() == 0


async def test_without_a_file_it_asks_for_one(lead: Colleague) -> None:
    answer = await lead.post(FILES, file="a text, no file")
    assert answer.status_code == 422
    assert "Choose a file." in told(answer)


async def test_a_file_is_as_large_as_ten_thousand_sign_ups(lead: Colleague) -> None:
    assert bodies.LARGEST_FILE > 10_000 * 2000
    answer = await hand_in(lead, b"x" * (bodies.AT_THE_DESK + 10))
    assert answer.status_code == 422, "more than any other page takes, and yet read"


async def test_one_lead_does_not_see_anothers_files(
    at_the_desk: AtTheDesk, lead: Colleague, phone: Phone
) -> None:
    where = (await hand_in(lead, written(phone.sign()))).headers["location"]
    other = await at_the_desk("canvass_lead", name="Olga")
    assert (await other.get(where)).status_code == 404
    assert not re.search(r"files/\d", (await other.get(FILES)).text)
    admin = await at_the_desk("admin", name="Ada")
    assert (await admin.get(where)).status_code == 200
    for id in ("0", "99999999", "99999999999999999999"):
        assert (await lead.get(f"{FILES}/{id}")).status_code == 404
    editor = await at_the_desk("editor", name="Eva")
    assert (await editor.get(where)).status_code == 403
    assert (await hand_in(editor, written(phone.sign()))).status_code == 403


async def test_a_shift_out_of_any_range_is_refused(lead: Colleague, phone: Phone) -> None:
    line = written(phone.sign()).decode()
    for number in ("2147483648", "-5", "0"):
        said = await taken(lead, re.sub(r'"shift": \d+', f'"shift": {number}', line).encode())
        assert "Refused: there is no such shift 1" in said


async def test_files_leave_after_their_time(lead: Colleague, phone: Phone) -> None:
    await hand_in(lead, written(phone.sign()))
    assert await uploads.remove_content(now()) == 1
    assert (await newest())["content"] is None
    await uploads.take_file({"file": (await newest())["id"]})
    assert await CanvassRecord.count() == 0
    assert await uploads.remove_old(now()) == 1
