"""One admin who wants to be two people: a made-up colleague, or a link to a colleague's account."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend import settings
from backend.staff import audit, people, recovery
from backend.staff.tables import (
    WAITING,
    Account,
    Alarm,
    AuditEntry,
    Invitation,
    Passkey,
    Session,
    now,
)
from tests.conftest import Colleague, aged
from tests.policies.test_desk import drafted
from tests.staff.conftest import Join, Stranger, account_of

AtTheDesk = Callable[..., Awaitable[Colleague]]


@pytest.fixture
async def rosa(at_the_desk: AtTheDesk) -> Colleague:
    return await at_the_desk("admin", name="Rosa", fresh=True)


@pytest.fixture
async def ben(at_the_desk: AtTheDesk) -> Colleague:
    """The other admin, who could come in."""
    ben = await at_the_desk("admin", name="Ben", fresh=True)
    account = await account_of("Ben")
    await Passkey(account=account.id, credential_id=b"b", public_key=b"", transports=[]).save()
    return ben


async def made_link(admin: Colleague, answer: httpx.Response) -> str:
    found = re.search(r"http://localhost:8000(/desk/invitations#[\w-]+)", answer.text)
    assert found, answer.text
    return found[1].replace("#", "/")


async def later(hours: float) -> None:
    """So much time goes by for every link."""
    columns: dict[Any, Any] = {
        Invitation.opens_at: Invitation.opens_at - timedelta(hours=hours),
        Invitation.ends_at: Invitation.ends_at - timedelta(hours=hours),
    }
    await Invitation.update(columns, force=True)


async def test_a_made_up_colleague_waits_72_hours_and_approves_nothing_for_7_days(
    rosa: Colleague, ben: Colleague, stranger: Stranger
) -> None:
    answer = await rosa.post("/desk/staff", name="Sock Puppet", role=["admin", "editor"])
    link = await made_link(rosa, answer)
    sock = await stranger()
    for refused in (await sock.get(link), await sock.post(f"{link}/challenge")):
        assert refused.status_code == 410
        assert "or when another admin approved it" in refused.text
    await later(hours=71.9)
    assert (await sock.get(link)).status_code == 410
    await later(hours=0.2)
    assert (await sock.take(link)).status_code == 200

    address = await drafted(rosa)
    answer = await sock.send(f"{address}/approve")
    assert answer.status_code == 409
    assert "for seven days somebody else has to be the second person" in answer.text
    # Nor the other way round: the made-up one proposes and their maker approves.
    sock_desk = Colleague("Sock Puppet", sock.browser, await sock.form_token())
    address = await drafted(sock_desk)
    answer = await rosa.post(f"{address}/approve")
    assert answer.status_code == 409
    assert "You let in who began this" in answer.text
    # Another real person may approve what a newcomer wrote.
    assert (await ben.post(f"{address}/approve")).status_code == 303


async def test_a_newcomer_counts_after_seven_days(
    rosa: Colleague, stranger: Stranger, at_the_desk: AtTheDesk
) -> None:
    _account, link = await people.invite_new("Nina", ["editor"], audit.HOUSE)
    nina = await stranger()
    assert (
        await nina.take(link.removeprefix("http://localhost:8000").replace("#", "/"))
    ).status_code == 200
    address = await drafted(rosa)
    assert (await nina.send(f"{address}/approve")).status_code == 409
    account = await account_of("Nina")
    assert account.counts_from is not None
    assert timedelta(days=6.9) < account.counts_from - now() <= timedelta(days=7)
    columns: dict[Any, Any] = {Account.counts_from: now()}
    await Account.update(columns).where(Account.id == account.id)
    assert (await nina.send(f"{address}/approve")).status_code == 303


async def test_who_holds_the_server_can_vouch_for_a_newcomer(
    rosa: Colleague, stranger: Stranger
) -> None:
    account, link = await people.invite_new("Nina", ["editor"], audit.HOUSE)
    with pytest.raises(people.NotPossible, match="not come in yet"):
        await people.vouch(account, audit.HOUSE)
    nina = await stranger()
    await nina.take(link.removeprefix("http://localhost:8000").replace("#", "/"))
    await people.vouch(account, audit.HOUSE)
    address = await drafted(rosa)
    assert (await nina.send(f"{address}/approve")).status_code == 303
    assert await AuditEntry.exists().where(AuditEntry.action == "vouched")


async def test_another_admin_lets_a_link_work_at_once(
    rosa: Colleague, ben: Colleague, stranger: Stranger
) -> None:
    link = await made_link(rosa, await rosa.post("/desk/staff", name="Nina", role="editor"))
    [waiting] = await Invitation.waiting()
    own = await rosa.post(f"/desk/staff/invitations/{waiting.id}/approve")
    assert own.status_code == 409
    assert "You made this link yourself" in own.text
    assert "Approve the link for Nina" not in (await rosa.get("/desk/staff")).text
    assert "Approve the link for Nina" in (await ben.get("/desk/staff")).text
    assert (await ben.post(f"/desk/staff/invitations/{waiting.id}/approve")).status_code == 303
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert (last["actor"], last["action"]) == ("Ben", "invitation_approved")
    assert (await (await stranger()).take(link)).status_code == 200
    assert (await ben.post(f"/desk/staff/invitations/{waiting.id}/approve")).status_code == 404


async def test_an_admin_who_came_in_yesterday_approves_no_link(
    rosa: Colleague, at_the_desk: AtTheDesk
) -> None:
    eve = await at_the_desk("admin", name="Eve", fresh=True, new=True)
    await rosa.post("/desk/staff", name="Nina", role="editor")
    [waiting] = await Invitation.waiting()
    answer = await eve.post(f"/desk/staff/invitations/{waiting.id}/approve")
    assert answer.status_code == 409


async def test_a_refused_link_never_works(
    rosa: Colleague, ben: Colleague, stranger: Stranger
) -> None:
    link = await made_link(rosa, await rosa.post("/desk/staff", name="Nina", role="editor"))
    [waiting] = await Invitation.waiting()
    assert (await ben.post(f"/desk/staff/invitations/{waiting.id}/refuse")).status_code == 303
    await later(hours=72)
    assert (await (await stranger()).get(link)).status_code == 410


async def test_a_link_to_a_colleagues_account_is_told_to_them_and_to_the_admins(
    rosa: Colleague, ben: Colleague, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_MAIL", "admins@example.org")
    carla = await join("Carla", "campaigner")
    account = await aged(await account_of("Carla"))
    link = await made_link(rosa, await rosa.post(f"/desk/staff/{account.id}/invitation"))
    for address in ("/desk", "/desk/me"):
        page = (await carla.get(address)).text
        assert "Somebody made a link to your account" in page
        assert "Rosa made it on" in page
    assert "Rosa made a link for Carla." in (await ben.get("/desk")).text
    letters = await Alarm.raw("SELECT payload FROM pgqueuer WHERE entrypoint = 'admin_mail'")
    assert "Rosa made a link for Carla." in str(letters)
    # Rosa does not take her own alarm off the others' desks.
    [alarm] = await Alarm.all_standing()
    answer = await rosa.post(f"/desk/alarms/{alarm.id}/settle")
    assert answer.status_code == 403
    assert await Alarm.all_standing()
    # Carla refuses, and the link never works.
    assert (await carla.send("/desk/me/invitation/refuse")).status_code == 303
    assert "Somebody made a link" not in (await carla.get("/desk")).text
    await later(hours=72)
    assert (await carla.get(link)).status_code == 410
    assert (await ben.post(f"/desk/alarms/{alarm.id}/settle")).status_code == 303


async def test_an_account_opened_anew_counts_for_nothing_for_seven_days(
    rosa: Colleague, ben: Colleague, join: Join, stranger: Stranger
) -> None:
    await join("Carla", "editor")
    account = await aged(await account_of("Carla"))
    link = await made_link(rosa, await rosa.post(f"/desk/staff/{account.id}/invitation"))
    await later(hours=72)
    thief = await stranger()
    assert (await thief.take(link)).status_code == 200
    address = await drafted(rosa)
    assert (await thief.send(f"{address}/approve")).status_code == 409


async def test_the_first_admin_of_the_command_line_begins_at_once(join: Join) -> None:
    rosa = await join("Rosa", "admin")
    assert (await rosa.get("/desk/staff")).status_code == 200


async def test_each_place_that_asks_for_two_people_asks_the_account(rosa: Colleague) -> None:
    """The rule stands in one verb; the files that ask the setting ask the verb too."""
    root = Path(settings.__file__).parent
    asks = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in root.rglob("*.py")
        if ".second_person" in path.read_text(encoding="utf-8")
    }
    shown = {"campaigns/desk/pages.py", "alerts/desk/pages.py"}  # which words a page shows
    assert {name for name, text in asks.items() if "why_not_second" not in text} == shown


async def test_a_link_lasts_a_day_from_when_it_works(rosa: Colleague) -> None:
    await rosa.post("/desk/staff", name="Nina", role="editor")
    [waiting] = await Invitation.waiting()
    assert waiting.ends_at - waiting.opens_at == timedelta(hours=24)
    assert waiting.opens_at - now() > WAITING - timedelta(minutes=1)


async def idle(minutes: float) -> None:
    columns: dict[Any, Any] = {Session.seen_at: Session.seen_at - timedelta(minutes=minutes)}
    await Session.update(columns, force=True)


async def test_a_session_that_nobody_uses_ends_after_half_an_hour(rosa: Colleague) -> None:
    await idle(29)
    assert (await rosa.get("/desk")).status_code == 200
    await idle(29)  # it was used in between
    assert (await rosa.get("/desk")).status_code == 200
    await idle(31)
    assert (await rosa.get("/desk")).headers["location"].startswith("/desk/sign-in")


async def test_a_page_that_looks_again_by_itself_keeps_no_session_open(rosa: Colleague) -> None:
    for _time in range(4):
        await idle(9)
        answer = await rosa.get("/desk/work", headers={"HX-Request": "true"})
    assert answer.status_code == 401


async def test_what_was_typed_before_a_session_ended_can_still_be_sent(
    join: Join, stranger: Stranger
) -> None:
    ana = await join("Ana", "admin")
    token = await ana.form_token()
    await idle(31)
    answer = await ana.post("/desk/staff", form_token=token, name="Nina", role="editor")
    assert answer.status_code == 401
    assert "come back and send it again" in answer.text
    await ana.sign_in()  # in another tab of the same browser
    answer = await ana.post("/desk/staff", form_token=token, name="Nina", role="editor")
    assert answer.status_code == 200
    assert await Account.named("Nina")


async def test_sessions_are_listed_and_ended_by_an_admin(
    rosa: Colleague, at_the_desk: AtTheDesk, join: Join
) -> None:
    carla = await join("Carla", "campaigner")
    assert "with “Passkey 1”" in (await carla.get("/desk/me")).text
    assert "This browser" in (await carla.get("/desk/me")).text
    account = await account_of("Carla")
    page = (await rosa.get(f"/desk/staff/{account.id}")).text
    assert "1 open session." in page
    assert "seen last" in page
    answer = await rosa.post(f"/desk/staff/{account.id}/sessions/end")
    assert answer.status_code == 303
    assert (await carla.get("/desk")).status_code == 303
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert (last["actor"], last["action"]) == ("Rosa", "sessions_ended")
    stale = await at_the_desk("admin", name="Stan")
    answer = await stale.post(f"/desk/staff/{account.id}/sessions/end")
    assert answer.headers["location"].startswith("/desk/step-up")
    lead = await at_the_desk("canvass_lead", fresh=True)
    assert (await lead.post(f"/desk/staff/{account.id}/sessions/end")).status_code == 403


async def test_a_used_recovery_code_raises_an_alarm(
    rosa: Colleague, join: Join, stranger: Stranger
) -> None:
    await join("Carla", "campaigner")
    [code, *_more] = await recovery.make_codes(await account_of("Carla"))
    finder = await stranger()
    assert (await finder.post("/desk/recovery", code="wrong")).status_code == 403
    assert "recovery code." not in (await rosa.get("/desk")).text
    assert (await finder.post("/desk/recovery", code=code)).status_code == 303
    assert "Carla used a recovery code." in (await rosa.get("/desk")).text
