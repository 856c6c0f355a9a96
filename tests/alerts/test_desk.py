"""Alerts at the desk: written, seen, asked for, sent by a second person, followed and put right."""

import datetime
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend.alerts import drafts
from backend.alerts.kinds import News
from backend.alerts.tables import Alert, AlertNews
from backend.hearings.kinds import Topic
from backend.push import fan_out, push_services
from backend.push.tables import Ring, RingBatch, Subscription
from backend.staff.tables import AuditEntry
from backend.web.clock import today
from tests.alerts.conftest import Browser, may_ring, phone  # noqa: F401
from tests.conftest import Colleague
from tests.hearings.saying import announced

AtTheDesk = Callable[..., Awaitable[Colleague]]
NEW = "/desk/alerts/new"


def alert(**fields: Any) -> dict[str, Any]:
    return {
        "title_en": "Come to Alturas on Tuesday",
        "body_en": "The board votes on the jail contract. Come at nine.",
        "title_es": "Venga a Alturas el martes",
        "body_es": "La junta vota sobre el contrato de la cárcel. Venga a las nueve.",
        "navigate": "/hearings",
        "kind": "call",
        "where": "some",
        "county": ["modoc"],
        **fields,
    }


async def begun(colleague: Colleague, **fields: Any) -> int:
    answer = await colleague.post(NEW, **alert(**fields))
    assert answer.status_code == 303, re.findall(r'field-error"[^<]*>([^<]*)', answer.text)
    return int(answer.headers["location"].rpartition("/")[2])


async def seen(id: int) -> str:
    found = await drafts.with_id(id)
    assert found is not None
    return drafts.fingerprint(found)


async def press(colleague: Colleague, id: int, action: str, **fields: Any) -> httpx.Response:
    return await colleague.post(f"/desk/alerts/{id}/{action}", **fields)


async def send(colleague: Colleague, id: int) -> httpx.Response:
    return await press(colleague, id, "send", seen=await seen(id))


async def actions() -> list[str]:
    rows = await (
        AuditEntry.select(AuditEntry.action)
        .where(AuditEntry.action.like("%alert%"))
        .order_by(AuditEntry.id)
    )
    return [row["action"] for row in rows]


async def test_a_newcomer_is_no_second_person_who_sends_it(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    sock = await at_the_desk("campaigner", "Sock", new=True)
    id = await begun(ana)
    await send(ana, id)
    answer = await send(sock, id)
    assert answer.status_code == 409
    assert "for seven days somebody else has to be the second person" in answer.text
    assert not await Ring.exists()


async def test_two_people_send_an_alert(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("campaigner", "Ana"), await at_the_desk("admin", "Ben")
    id = await begun(ana)
    await send(ana, id)
    await send(ana, id)
    assert not await Ring.exists()
    page = await ben.get(f"/desk/alerts/{id}")
    assert "Ana asks that it be sent" in page.text
    assert (await send(ben, id)).status_code == 303
    [ring] = await Ring.objects()
    assert ring.words["es"]["full"]["title"] == "Venga a Alturas el martes"
    assert ring.words["es"]["neutral"]["title"] == "Hay novedades"
    assert not ring.urgent
    assert ring.audience["kinds"] == ["call"]
    assert await AlertNews.count() == 1
    assert await actions() == ["alert_begun", "alert_asked", "alert_sent"]
    progress = await ben.get(f"/desk/alerts/{id}/progress")
    assert "every 2s" in progress.text
    assert "written down" in progress.text


async def test_one_person_is_enough_where_the_setting_says_so(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", "Ana")
    await send(ana, await begun(ana))
    assert await Ring.count() == 1


async def test_words_that_change_after_they_were_read_are_not_sent(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("campaigner", "Ana"), await at_the_desk("admin", "Ben")
    id = await begun(ana)
    await send(ana, id)
    read = await seen(id)
    changed = await press(ana, id, "edit", seen=read, **alert(title_en="Something else"))
    assert changed.status_code == 303
    refused = await press(ben, id, "send", seen=read)
    assert refused.status_code == 409
    assert "Read them again" in refused.text
    # Whoever changed it has to ask anew; Ben's word alone is a question.
    await send(ben, id)
    assert not await Ring.exists()


async def test_an_editor_may_not_and_a_campaigner_may(at_the_desk: AtTheDesk) -> None:
    editor = await at_the_desk("editor")
    assert (await editor.get("/desk/alerts")).status_code == 403
    campaigner = await at_the_desk("campaigner")
    assert (await campaigner.get("/desk/alerts")).status_code == 200


async def test_it_begins_with_what_a_hearing_says(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    hearing = await announced()
    page = await ana.get(f"{NEW}?hearing={hearing.id}")
    assert "Foro sobre el alguacil e ICE" in page.text
    assert f'value="/hearings/{hearing.id}"' in page.text
    assert re.search(r'value="modoc" checked', page.text)
    for odd in ("0", "999999999", "99999999999999", "x", "-1"):
        assert (await ana.get(f"{NEW}?hearing={odd}")).status_code == 200


async def test_the_estimate_counts_whom_it_would_reach(
    at_the_desk: AtTheDesk,
    phone: Browser,  # noqa: F811
) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    await phone.turn_on("modoc")
    await phone.turn_on("kern", counties=frozenset({"kern"}))
    await phone.turn_on("es", counties=frozenset({"modoc"}), language="es")

    async def told(**fields: Any) -> str:
        answer = await ana.get("/desk/alerts/estimate", params=alert(**fields))
        assert answer.status_code == 200
        return answer.text

    assert "2 phones would ring" in await told()
    assert "1 phone would ring" in await told(for_language="es")
    assert "3 phones would ring" in await told(where="all")
    assert "0 phones would ring" in await told(county=[])
    await phone.turn_on("few", topics=frozenset({Topic.JAILS}), kinds=frozenset({News.MOVED}))
    assert "2 phones would ring" in await told()
    assert "3 phones would ring" in await told(kind="moved")
    assert "2 phones would ring" in await told(kind="moved", topic="health")
    assert "3 phones would ring" in await told(kind="moved", topic=["health", "jails"])


async def test_the_code_on_a_phone_sends_that_phone_the_draft(
    at_the_desk: AtTheDesk,
    phone: Browser,  # noqa: F811
) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    await phone.turn_on(language="es", wording="full")
    id = await begun(ana)
    wrong = await press(ana, id, "tests", code="AAAAAA")
    assert wrong.status_code == 409
    code = (await phone.with_secret("/codes")).json()["code"]
    right = await press(ana, id, "tests", code=code)
    assert "Sent to that phone" in right.text
    [ring] = await Ring.objects()
    [row] = await Subscription.objects()
    assert ring.audience["only"] == [row.id]
    assert (await actions())[-1] == "alert_tested"
    # Nothing that stays says whose phone it was.
    line = await AuditEntry.objects().order_by(AuditEntry.id, ascending=False).first()
    assert str(line.details) in ("{}", '"{}"')


async def test_codes_of_phones_cannot_be_tried_one_after_the_other(
    at_the_desk: AtTheDesk,
    phone: Browser,  # noqa: F811
) -> None:
    ana, ben = await at_the_desk("campaigner", "Ana"), await at_the_desk("campaigner", "Ben")
    await phone.turn_on()
    id = await begun(ana)
    for _ in range(20):
        await press(ana, id, "tests", code="AAAAAA")
    code = (await phone.with_secret("/codes")).json()["code"]
    assert "Wait an hour" in (await press(ana, id, "tests", code=code)).text
    assert "Sent to that phone" in (await press(ben, id, "tests", code=code)).text


async def test_urgent_needs_a_reason_and_says_it_in_the_trail(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", "Ana")
    refused = await ana.post(NEW, **alert(urgent="yes"))
    assert refused.status_code == 422
    assert "Say why it is urgent" in refused.text
    id = await begun(ana, urgent="yes", why_urgent="The vote is tonight.")
    await send(ana, id)
    [ring] = await Ring.objects()
    assert ring.urgent
    line = await AuditEntry.objects().where(AuditEntry.action == "alert_sent").first()
    assert line.details["why"] == "The vote is tonight."


async def test_it_is_followed_while_it_rings_and_can_be_stopped_in_the_middle(
    at_the_desk: AtTheDesk,
    phone: Browser,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", "Ana")
    for number in range(3):
        await phone.turn_on(f"phone{number}")
    id = await begun(ana)
    await send(ana, id)
    [ring] = await Ring.objects()
    await fan_out.resolve({"ring": ring.id})
    # One of three was reached in a minute.
    [batch] = await RingBatch.objects()
    await RingBatch.update(
        {RingBatch.remaining: batch.remaining[1:], RingBatch.accepted: 1}, force=True
    )
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    await Ring.update({Ring.started_at: started}, force=True)
    await push_services.pause(batch.host, "busy", datetime.timedelta(minutes=5))

    async def tallies() -> dict[str, str]:
        text = (await ana.get(f"/desk/alerts/{id}/progress")).text
        return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", text))

    text = (await ana.get(f"/desk/alerts/{id}/progress")).text
    assert "It rings" in text
    assert "Done about" in text
    assert f"{batch.host} stands still until" in text
    shown = await tallies()
    assert (shown["written down"], shown["taken by the push service"]) == ("3", "1")
    assert shown["still to ring"] == "2"
    assert (await press(ana, id, "cancel")).status_code == 303
    shown = await tallies()
    assert (shown["taken by the push service"], shown["left out"]) == ("1", "2")
    assert shown["still to ring"] == "0"
    assert not await RingBatch.exists()
    assert "Called off" in (await ana.get(f"/desk/alerts/{id}")).text
    assert (await actions())[-1] == "alert_cancelled"


async def test_one_for_later_waits_and_can_be_called_off(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", "Ana")
    tomorrow = (today() + datetime.timedelta(days=1)).isoformat()
    id = await begun(ana, due_on=tomorrow, due_time="08:30")
    await send(ana, id)
    [ring] = await Ring.objects()
    assert ring.due_at > datetime.datetime.now(datetime.UTC)
    assert "It waits for its time" in (await ana.get(f"/desk/alerts/{id}")).text
    assert (await press(ana, id, "cancel")).status_code == 303
    [ring] = await Ring.objects()
    assert ring.cancelled_at is not None
    assert (await press(ana, id, "cancel")).status_code == 409


async def test_a_correction_says_that_it_is_one_and_takes_the_others_place(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", "Ana")
    id = await begun(ana)
    await send(ana, id)
    answer = await press(ana, id, "corrections")
    other = int(answer.headers["location"].split("/")[3])
    await send(ana, other)
    first, second = await Ring.objects().order_by(Ring.id)
    assert second.words["en"]["full"]["title"] == "Updated: Come to Alturas on Tuesday"
    assert second.words["es"]["neutral"]["title"].startswith("Actualización: ")
    assert first.subject == second.subject
    # And one that puts the correction right takes the place of both.
    answer = await press(ana, other, "corrections")
    last = int(answer.headers["location"].split("/")[3])
    shown = await ana.get(f"/desk/alerts/{last}/edit")
    assert "<strong>Updated: Come to Alturas on Tuesday</strong>" in shown.text
    await send(ana, last)
    third = (await Ring.objects().order_by(Ring.id))[-1]
    assert third.subject == first.subject


async def test_what_nobody_heard_of_needs_no_correction(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    id = await begun(ana)
    await press(ana, id, "cancel")
    assert "Write a correction" not in (await ana.get(f"/desk/alerts/{id}")).text
    refused = await press(ana, id, "corrections")
    assert refused.status_code == 409
    assert "Nobody has heard of it" in refused.text
    assert await Alert.count() == 1


async def test_a_correction_ends_when_what_it_puts_right_ends(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", "Ana")
    tomorrow = (today() + datetime.timedelta(days=1)).isoformat()
    id = await begun(ana, ends_on=tomorrow, ends_time="08:30")
    await send(ana, id)
    await press(ana, id, "corrections")
    first, second = await Alert.objects().order_by(Alert.id)
    assert first.expires_at == second.expires_at is not None


WRONG = [
    ({"title_en": ""}, "Write it in English."),
    ({"title_en": "x" * 81}, "A phone shows 80 letters"),
    ({"body_es": "x" * 10_000}, "A phone shows 220 letters"),
    ({"navigate": "https://example.org/"}, "public page of ours"),
    ({"navigate": "//example.org"}, "public page of ours"),
    ({"navigate": "/desk/staff"}, "public page of ours"),
    ({"county": []}, "Choose counties"),
    ({"kind": "nothing"}, "Choose what kind"),
    ({"due_on": "10000-01-01"}, "Write a day and a time"),
    ({"due_on": "2026-13-41"}, "Write a day and a time"),
    ({"due_on": "2026-12-01", "due_time": "25:00"}, "Write a day and a time"),
    ({"due_on": "2099-12-01"}, "Four weeks"),
    ({"ends_on": "2020-01-01"}, "It would be over"),
]


@pytest.mark.parametrize(("fields", "sentence"), WRONG)
async def test_what_is_wrong_is_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, fields: dict[str, Any], sentence: str
) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    answer = await ana.post(NEW, **alert(**fields))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Venga a Alturas el martes" in answer.text
    assert not await Alert.exists()


async def test_nobody_else_may_do_any_of_it(at_the_desk: AtTheDesk) -> None:
    ana, editor = await at_the_desk("campaigner", "Ana"), await at_the_desk("editor")
    id = await begun(ana)
    for action in ("edit", "send", "cancel", "corrections", "tests"):
        answer = await press(editor, id, action, seen=await seen(id), **alert())
        assert answer.status_code == 403, action
    for address in ("", "/new", "/estimate", f"/{id}", f"/{id}/progress", f"/{id}/edit"):
        assert (await editor.get(f"/desk/alerts{address}")).status_code == 403, address
    assert (await editor.post("/desk/alerts/hosts", host="x")).status_code == 403
    assert not await Ring.exists()


async def test_odd_input_is_no_error_of_ours(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    id = await begun(ana, hearing="999999999", title_en="nul \x00 here")
    for action in ("edit", "send", "cancel", "corrections", "tests"):
        answer = await press(ana, id, action, seen="\x00" * 3000, code="\x00")
        assert answer.status_code in (303, 409, 422), action
    for number in ("0", "99999999999", "99999999999999999999"):
        assert (await ana.get(f"/desk/alerts/{number}")).status_code == 404
    assert (await ana.post("/desk/alerts/hosts", host="\x00")).status_code == 303


async def test_the_preview_shows_both_wordings_in_each_language(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    answer = await ana.post(NEW, **alert(do="preview"))
    assert answer.status_code == 200
    shown = re.findall(r'lock-screen" lang="(\w+)".*?<strong>(.*?)</strong>', answer.text)
    assert shown == [
        ("en", "New update"),
        ("en", "Come to Alturas on Tuesday"),
        ("es", "Hay novedades"),
        ("es", "Venga a Alturas el martes"),
    ]


async def test_the_preview_follows_what_is_typed(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    title = "Come to the board of supervisors at nine in the morning"
    answer = await ana.post(
        "/desk/alerts/preview", **alert(title_en=title, body_en="", body_es="x" * 300)
    )
    assert answer.status_code == 200
    assert "<html" not in answer.text
    # Where the smallest screens cut it off.
    assert f'{title[:40]}<span class="cut">{title[40:]}</span>' in answer.text
    assert f"Title: {len(title)} of 80 letters." in answer.text
    assert 'class="too-long">Words: 300 of 220 letters.' in answer.text
    assert "…" in answer.text
    for odd in ("x" * 10_000, "\x00", ""):
        answer = await ana.post("/desk/alerts/preview?of=99999999999999999999", title_en=odd)
        assert answer.status_code == 200
    editor = await at_the_desk("editor")
    assert (await editor.post("/desk/alerts/preview", **alert())).status_code == 403


async def test_a_push_service_that_stands_still_is_seen_and_tried_again(
    at_the_desk: AtTheDesk,
) -> None:
    ana = await at_the_desk("campaigner", "Ana")
    await push_services.pause("fcm.googleapis.com", "refused", datetime.timedelta(hours=1))
    page = await ana.get("/desk/alerts")
    assert "fcm.googleapis.com" in page.text
    await ana.post("/desk/alerts/hosts", host="fcm.googleapis.com")
    assert await push_services.paused() == []


async def test_what_rang_by_itself_is_listed_with_its_numbers(at_the_desk: AtTheDesk) -> None:
    from backend.alerts import triggers
    from backend.staff.tables import now

    ana = await at_the_desk("campaigner", "Ana")
    await announced()
    await triggers.hearings(now() + datetime.timedelta(minutes=5))
    assert "New: Forum on the sheriff &amp; ICE" in (await ana.get("/desk/alerts")).text
