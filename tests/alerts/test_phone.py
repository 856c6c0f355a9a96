"""A phone turns alerts on, changes what it wants, looks whether they live, and turns them off."""

import datetime
import json

import pytest

from backend.alerts import codes
from backend.alerts import subscription_pages as answering
from backend.push import subscriptions, vapid
from backend.push.tables import Ring, Subscription
from backend.web.rate_limits import Limit
from backend.web.sealing import DataKey
from tests.alerts.conftest import Browser, pairs
from tests.campaigns.working import work
from tests.push.service import Phone, base64url
from tests.push.test_endpoints import HOSTILE
from tests.web.test_proof_of_work import solved

SECRETS = ["", "x", "\x00", "é" * 50, "a" * 10_000]


async def test_a_phone_that_turns_on_is_a_row_that_names_nobody(phone: Browser) -> None:
    answer = await phone.turn_on(counties=frozenset({"kern", "modoc"}), language="es")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    [row] = await Subscription.objects()
    assert row.language == "es"
    assert len(row.counties) == 2
    assert row.wording == "neutral"
    assert (row.quiet_from, row.quiet_until) == (22 * 60, 7 * 60)
    assert row.remind_day
    assert not row.remind_hours
    key = DataKey.unwrap(row.data_key, "subscription", row.id)
    assert key.open("endpoint", row.endpoint) == phone.turned()["endpoint"]
    assert phone.secret not in json.dumps(row.to_dict(), default=str)


async def test_the_same_phone_again_is_the_same_row(phone: Browser) -> None:
    await phone.turn_on()
    first = phone.secret
    await phone.turn_on(counties=frozenset(), everywhere=True)
    assert phone.secret != first
    [row] = await Subscription.objects()
    assert row.everywhere
    assert row.counties == []


async def test_whoever_holds_the_secret_changes_and_reads_what_was_chosen(phone: Browser) -> None:
    await phone.turn_on()
    wanted = pairs(counties=frozenset({"yolo"}), kinds=frozenset({"moved"}), wording="full",
                   quiet=False, reminders=frozenset({"hours"}))  # fmt: skip
    assert (await phone.with_secret("/choices", choices=wanted)).status_code == 200
    status = (await phone.with_secret("/status")).json()
    kept = [tuple(pair) for pair in status["choices"]]
    assert sorted(kept) == sorted(wanted)
    assert status["received"] == ""
    assert (await phone.with_secret("/received")).status_code == 200
    assert (await phone.with_secret("/status")).json()["received"] == "", "nobody asked for a test"
    assert (await phone.with_secret("/tests")).status_code == 200
    assert (await phone.with_secret("/received")).status_code == 200
    assert (await phone.with_secret("/status")).json()["received"] != ""


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("path", ["/status", "/tests", "/codes", "/received"])
async def test_nobody_else_can(phone: Browser, path: str, secret: str) -> None:
    await phone.turn_on()
    answer = await phone.ask(path, {"secret": secret})
    assert answer.status_code == 404
    assert answer.json()["said"]
    assert not await Ring.exists()


async def test_a_mistake_is_told_in_the_readers_language(phone: Browser) -> None:
    body = phone.turned(counties=frozenset(), topics=frozenset())
    answer = await phone.ask("", body, "es")
    assert answer.status_code == 422
    assert set(answer.json()["mistakes"]) == {"counties", "topics"}
    assert "condado" in answer.json()["said"]
    assert not await Subscription.exists()


@pytest.mark.parametrize("endpoint", [*HOSTILE, "javascript:alert(1)", "", "\x00", "x" * 10_000])
async def test_an_address_of_no_push_service_is_refused(phone: Browser, endpoint: str) -> None:
    answer = await phone.ask("", {**phone.turned(), "endpoint": endpoint})
    assert answer.status_code == 422
    assert answer.json()["code"] == "endpoint"
    assert not await Subscription.exists()


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '{"secret": 5}', '{"secret": null}', "\x00", "\ud800"],
)
async def test_what_is_no_question_gets_an_answer_all_the_same(phone: Browser, body: str) -> None:
    for path in ("", "/choices", "/opened", "/status", "/end"):
        answer = await phone.client.post(
            f"/alerts/subscription{path}",
            content=body.encode("utf-8", "surrogatepass"),
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 400, path
        assert answer.json()["code"] == "unreadable"


async def test_another_site_cannot_turn_anything_on_or_off(phone: Browser) -> None:
    await phone.turn_on()
    for path in ("", "/end", "/choices"):
        answer = await phone.client.post(
            f"/alerts/subscription{path}",
            json={"secret": phone.secret},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert answer.status_code == 403
    assert await Subscription.count() == 1


async def test_an_opened_app_is_fine_needs_a_new_line_or_is_unknown(phone: Browser) -> None:
    await phone.turn_on()
    here = {"endpoint": phone.turned()["endpoint"], "key": phone.turned()["key"]}
    fine = await phone.with_secret("/opened", **here)
    assert fine.json() == {"standing": "fine", "key": here["key"]}
    without = await phone.with_secret("/opened", endpoint=None, key=None)
    assert without.json()["standing"] == "subscribe"
    # As the worker does then: without choices, with the secret.
    body = {**phone.turned("another"), "choices": None, "secret": phone.secret}
    again = await phone.ask("", body)
    assert again.status_code == 200
    [row] = await Subscription.objects()
    assert row.topics != []
    phone.secret = "somebody else's"
    assert (await phone.with_secret("/opened", **here)).json()["standing"] == "unknown"


async def test_an_old_page_is_told_our_new_key(phone: Browser) -> None:
    body = {**phone.turned(), "key": base64url(Phone("other").p256dh)}
    answer = await phone.ask("", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "key")
    told = (await phone.ask("/opened", {"secret": ""})).json()
    assert told == {"standing": "unknown", "key": vapid.public_key()}
    await phone.turn_on()
    assert (await phone.with_secret("/status")).json()["key"] == vapid.public_key()


async def test_turning_off_leaves_nothing(phone: Browser) -> None:
    await phone.turn_on()
    assert (await phone.with_secret("/end")).status_code == 200
    assert not await Subscription.exists()
    # And again, as after an answer that was lost.
    assert (await phone.with_secret("/end")).status_code == 200


async def test_a_test_rings_this_phone_alone_and_not_without_end(phone: Browser) -> None:
    await phone.turn_on("another")
    await phone.turn_on("one")
    answers = [(await phone.with_secret("/tests")).status_code for _ in range(12)]
    assert answers.count(200) == 10
    assert answers[-1] == 429
    await work("ring_test")
    ring = await Ring.objects().first()
    assert ring.urgent
    mine = await subscriptions.held_by(phone.secret)
    assert mine
    assert ring.audience["only"] == [mine.id]
    assert str(mine.id) not in ring.what, "that is kept for a year"
    assert ring.words["es"]["full"]["title"] == "Sus alertas funcionan"


async def test_a_code_leads_to_the_phone_that_shows_it_until_there_is_another(
    phone: Browser,
) -> None:
    await phone.turn_on()
    [row] = await Subscription.objects()
    first = (await phone.with_secret("/codes")).json()["code"]
    assert await codes.phone_of(f" {first[:3].lower()}-{first[3:]} ") == row.id
    second = (await phone.with_secret("/codes")).json()["code"]
    assert await codes.phone_of(first) is None
    assert await codes.phone_of(second) == row.id
    for nothing in ("", "0O0O0O", "x" * 5000, "\x00" * 6):
        assert await codes.phone_of(nothing) is None


async def test_however_many_turn_alerts_on_the_next_one_only_needs_a_sum(
    phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "EVERYONE", Limit("so many", 1, 3600))
    assert (await phone.ask("", phone.turned())).status_code == 200
    asked = await phone.ask("", phone.turned())
    assert (asked.status_code, asked.json()["code"]) == (429, "sum")
    answer = solved(json.dumps(asked.json()["sum"]))
    assert (await phone.ask("", {**phone.turned(), "sum": answer})).status_code == 200
    assert (await phone.ask("", {**phone.turned(), "sum": answer})).status_code == 429


async def test_the_privacy_page_says_that_days_are_kept_and_so_it_is(phone: Browser) -> None:
    said = (await phone.client.get("/privacy")).text
    assert "days, not times" in said
    await phone.turn_on()
    for path in ("/tests", "/received"):
        assert (await phone.with_secret(path)).status_code == 200
    await phone.with_secret("/opened", endpoint=None, key=None)
    row = await Subscription.select().first()
    moments = [value for value in row.values() if isinstance(value, datetime.datetime)]
    assert len(moments) == 3
    assert {(it.hour, it.minute, it.second, it.microsecond) for it in moments} == {(0, 0, 0, 0)}
