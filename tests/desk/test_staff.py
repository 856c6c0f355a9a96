"""The staff page: who may let whom in."""

import re
from collections.abc import Awaitable, Callable

import pytest

from backend.staff.tables import Account, AuditEntry, Invitation, Passkey, Session
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]


@pytest.fixture
async def admin(at_the_desk: AtTheDesk) -> Colleague:
    return await at_the_desk("admin", name="Rosa", fresh=True)


async def account(name: str, *roles: str, passkey: bool = False) -> Account:
    opened = await Account.open_for(name, list(roles))
    if passkey:
        await Passkey(
            account=opened.id, credential_id=name.encode(), public_key=b"", transports=[]
        ).save()
    return opened


async def last_action() -> str:
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    return f"{last['actor']} {last['action']} {last['subject']}"


async def test_an_invitation_is_shown_once_as_link_and_picture(admin: Colleague) -> None:
    answer = await admin.post("/desk/staff", name="Ben", role=["editor", "campaigner"])
    assert answer.status_code == 200
    link = re.search(r"http://localhost:8000/desk/invitations#([\w-]+)", answer.text)
    assert link
    assert 'src="data:image/svg+xml' in answer.text
    assert await last_action() == "Rosa invited staff Ben"
    invitation = await Invitation.carried_as(link[1])
    assert invitation is not None
    assert invitation.account.roles == ["campaigner", "editor"]
    listed = (await admin.get("/desk/staff")).text
    assert "Invited, has no passkey yet." in listed
    assert link[1] not in listed


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Write a name."),
        ({"name": "Ben"}, "Choose at least one role."),
        ({"name": "Ben", "role": "boss"}, "There is no role “boss”."),
        ({"name": "x" * 10_000, "role": "editor"}, "The name is too long"),
        ({"name": "B\0n", "role": "editor"}, "cannot be seen"),
        ({"name": "rosa", "role": "editor"}, "There is somebody named “rosa” already."),
        ({"name": ["Ben", "Ana"], "role": ["x"] * 500}, "There is no role “x”."),
    ],
)
async def test_a_mistake_is_told_and_nothing_is_lost(
    admin: Colleague, fields: dict[str, object], sentence: str
) -> None:
    answer = await admin.post("/desk/staff", **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    if fields.get("name") == "Ben":
        assert 'value="Ben"' in answer.text
    if fields.get("role") == "editor":
        assert re.search(r'value="editor" checked', answer.text)
    assert await Account.count() == 1


async def test_a_new_link_ends_the_one_before(admin: Colleague) -> None:
    ben = await account("Ben", "editor")
    old = await Invitation.make_for(ben)
    answer = await admin.post(f"/desk/staff/{ben.id}/invitation")
    assert "/desk/invitations#" in answer.text
    before = await Invitation.carried_as(old)
    assert before is not None
    assert not before.is_open()


async def test_other_roles_end_all_sessions(admin: Colleague, at_the_desk: AtTheDesk) -> None:
    ben = await at_the_desk("editor", name="Ben")
    id = (await Account.named("Ben")).id  # type: ignore[union-attr]
    assert (await admin.post(f"/desk/staff/{id}/roles", role="campaigner")).status_code == 303
    assert (await ben.get("/desk")).status_code == 303
    assert await last_action() == "Rosa roles_changed staff Ben"
    for fields in ({}, {"role": "boss"}):
        answer = await admin.post(f"/desk/staff/{id}/roles", **fields)
        assert answer.status_code == 422
        assert "There is a problem" in answer.text


async def test_a_closed_account_is_signed_out_and_can_be_reopened(
    admin: Colleague, at_the_desk: AtTheDesk
) -> None:
    ben = await at_the_desk("editor", name="Ben")
    id = (await Account.named("Ben")).id  # type: ignore[union-attr]
    await admin.post(f"/desk/staff/{id}/close")
    assert (await ben.get("/desk")).status_code == 303
    assert await last_action() == "Rosa account_closed staff Ben"
    assert "Closed since" in (await admin.get("/desk/staff")).text
    answer = await admin.post(f"/desk/staff/{id}/close")
    assert answer.status_code == 422
    assert "closed already" in answer.text
    await admin.post(f"/desk/staff/{id}/reopen")
    assert await last_action() == "Rosa account_reopened staff Ben"
    assert not await Session.exists().where(Session.account == id)


async def test_the_desk_always_has_an_admin_who_can_come_in(admin: Colleague) -> None:
    me = (await Account.named("Rosa")).id  # type: ignore[union-attr]
    answer = await admin.post(f"/desk/staff/{me}/close")
    assert "You cannot close your own account." in answer.text
    # An admin who never made a passkey could not come in.
    other = await account("Ben", "admin")
    answer = await admin.post(f"/desk/staff/{me}/roles", role="editor")
    assert answer.status_code == 422
    assert "The desk needs an admin" in answer.text
    await Passkey(account=other.id, credential_id=b"b", public_key=b"", transports=[]).save()
    assert (await admin.post(f"/desk/staff/{me}/roles", role="editor")).status_code == 303
    assert (await admin.get("/desk/staff")).status_code == 303


async def test_what_is_done_to_staff_needs_a_passkey_shown_just_now(
    at_the_desk: AtTheDesk,
) -> None:
    admin = await at_the_desk("admin", name="Rosa")
    ben = await account("Ben", "editor")
    assert (await admin.get("/desk/staff")).status_code == 200
    for answer in (
        await admin.get(f"/desk/staff/{ben.id}"),
        await admin.get("/desk/staff/new"),
        await admin.post("/desk/staff", name="Eve", role="admin"),
        *[
            await admin.post(f"/desk/staff/{ben.id}/{what}", role="admin")
            for what in ("invitation", "roles", "close", "reopen")
        ],
    ):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/desk/step-up?next=/desk/staff")
    assert await Account.named("Eve") is None
    assert (await Account.with_id(ben.id)).roles == ["editor"]  # type: ignore[union-attr]


@pytest.mark.parametrize("id", ["0", "-1", "999999", "9" * 30])
async def test_a_person_who_is_not_there_is_told_in_words(admin: Colleague, id: str) -> None:
    for answer in (
        await admin.get(f"/desk/staff/{id}"),
        await admin.post(f"/desk/staff/{id}/close"),
    ):
        assert answer.status_code == 404
        assert "There is no such person" in answer.text
    assert (await admin.get("/desk/staff/x")).status_code == 404
