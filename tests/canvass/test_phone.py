"""What the app asks: join, send, say how it stands."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from backend.campaigns.tables import Campaign, Pledge
from backend.canvass import devices, intake
from backend.canvass.tables import CanvassDevice, Canvasser, CanvassRecord, Shift
from backend.staff.tables import Account
from tests.campaigns.working import work
from tests.canvass.conftest import Phone
from tests.web.test_proof_of_work import solved

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def app(shift: Shift) -> AsyncIterator[httpx.AsyncClient]:
    from backend.app import app

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://confianza.test", headers=OURS
    ) as browser:
        yield browser


def record(sent: intake.Sent) -> dict[str, Any]:
    return {
        "id": str(sent.id),
        "device": str(sent.device),
        "shift": sent.shift,
        "key": sent.key_id,
        "shown": sent.shown,
        "saved_at": "2027-11-24T10:00:00Z",
        "sealed": base64.urlsafe_b64encode(sent.sealed).decode().rstrip("="),
    }


@pytest.fixture
def carried(app: httpx.AsyncClient, phone: Phone) -> Phone:
    app.cookies.set("__Host-canvass", phone.token)
    return phone


async def test_a_phone_joins_with_the_code_of_its_lead(
    app: httpx.AsyncClient, shift: Shift, canvasser: Canvasser, campaign: Campaign
) -> None:
    code = await devices.invite(shift.id, canvasser.id, None)
    answer = await app.post("/canvass/devices", json={"code": code, "label": "red"})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-canvass=")
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"):
        assert word in cookie
    said = answer.json()
    assert [each["event"] for each in said["shifts"]] == ["Sunday market"]
    assert said["shifts"][0]["campaigns"] == [campaign.slug]
    assert cookie.split(";")[0].partition("=")[2] not in answer.text
    again = await app.post("/canvass/devices", json={"code": code})
    assert (again.status_code, again.json()["code"]) == (422, "code")


async def test_guessing_codes_ends_soon(
    app: httpx.AsyncClient, shift: Shift, canvasser: Canvasser
) -> None:
    answers = [
        (await app.post("/canvass/devices", json={"code": f"AAAAAAAA{number:02}"})).status_code
        for number in range(40)
    ]
    assert answers == [422] * 30 + [429] * 10


async def test_right_codes_count_for_nothing(
    app: httpx.AsyncClient, shift: Shift, canvasser: Canvasser
) -> None:
    for _ in range(40):
        code = await devices.invite(shift.id, canvasser.id, None)
        assert (await app.post("/canvass/devices", json={"code": code})).status_code == 200


@pytest.mark.slow
async def test_guesses_from_21_networks_cost_the_right_code_a_sum(
    app: httpx.AsyncClient, shift: Shift, canvasser: Canvasser
) -> None:
    from backend.app import app as house

    for network in range(1, 22):
        transport = httpx.ASGITransport(app=house, client=(f"127.{network}.1.1", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="https://confianza.test", headers=OURS
        ) as attacker:
            for number in range(30):
                await attacker.post("/canvass/devices", json={"code": f"AAAAAAAA{number:02}"})
    code = await devices.invite(shift.id, canvasser.id, None)
    asked = await app.post("/canvass/devices", json={"code": code})
    assert (asked.status_code, asked.json()["code"]) == (429, "sum")
    answer = solved(json.dumps(asked.json()["sum"]))
    done = await app.post("/canvass/devices", json={"code": code, "sum": answer})
    assert done.status_code == 200
    again = await app.post("/canvass/devices", json={"code": code, "sum": answer})
    assert again.status_code == 429


async def test_a_record_is_echoed_with_its_hash(app: httpx.AsyncClient, carried: Phone) -> None:
    sent = carried.sign()
    answers = [await app.post("/canvass/records", json=record(sent)) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    from backend.canvass import sealing

    digest = sealing.digest(sent.sealed).hex()
    assert all(answer.json() == {"id": str(sent.id), "sha256": digest} for answer in answers)
    await work()
    assert await Pledge.count() == 1


async def test_who_is_unknown_or_revoked_sends_nothing(
    app: httpx.AsyncClient, phone: Phone
) -> None:
    asks: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/canvass/records", record(phone.sign())),
        ("/canvass/seen", {"unsent": 1}),
    )
    for address, body in asks:
        assert (await app.post(address, json=body)).status_code == 401
    app.cookies.set("__Host-canvass", phone.token)
    await devices.revoke(phone.device.id, await Account.open_for("the lead", ["canvass_lead"]))
    for address, body in asks:
        answer = await app.post(address, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "revoked")
        assert "market" not in answer.text
    assert await CanvassRecord.count() == 0


async def test_another_site_cannot_send(app: httpx.AsyncClient, carried: Phone) -> None:
    answer = await app.post(
        "/canvass/records", json=record(carried.sign()), headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert await CanvassRecord.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"id": "5"},
        {"id": None},
        {"device": "x"},
        {"shift": "one"},
        {"shift": 2**80},
        {"shift": True},
        {"key": "k" * 17},
        {"key": "\0"},
        {"shown": "1." * 51},
        {"shown": ["1"]},
        {"sealed": ""},
        {"sealed": "§"},
        {"sealed": "A" * 1500},
        {"key": "k"},
        {"saved_at": "yesterday"},
    ],
)
async def test_what_cannot_be_read_is_a_no_in_words(
    app: httpx.AsyncClient, carried: Phone, change: dict[str, Any]
) -> None:
    answer = await app.post("/canvass/records", json={**record(carried.sign()), **change})
    assert answer.status_code == 422
    assert answer.json()["said"]
    assert await CanvassRecord.count() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"5" * 2000])
async def test_no_body_is_a_500(app: httpx.AsyncClient, carried: Phone, body: bytes) -> None:
    for address in ("/canvass/records", "/canvass/seen", "/canvass/devices"):
        assert (await app.post(address, content=body)).status_code == 422


async def test_more_than_any_phone_of_ours_sends_is_not_even_read(
    app: httpx.AsyncClient, carried: Phone
) -> None:
    change = {"sealed": "A" * 2000}
    answer = await app.post("/canvass/records", json={**record(carried.sign()), **change})
    assert answer.status_code == 413


@pytest.mark.parametrize("clock", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", None])
async def test_no_clock_is_too_wrong(
    app: httpx.AsyncClient, carried: Phone, clock: str | None
) -> None:
    sent = {**record(carried.sign()), "saved_at": clock}
    assert (await app.post("/canvass/records", json=sent)).status_code == 200
    said = {"unsent": 2**62, "oldest": clock, "now": clock, "version": "x" * 900}
    assert (await app.post("/canvass/seen", json=said)).status_code == 200
    [row] = await CanvassDevice.select()
    assert (row["unsent"], row["clock_off"]) == (devices.MOST_UNSENT, None)


async def test_a_phone_hears_of_its_shifts_and_stays_in(
    app: httpx.AsyncClient, carried: Phone
) -> None:
    answer = await app.post(
        "/canvass/seen", json={"unsent": 3, "oldest": "2026-11-24T10:00:00Z", "version": "abc"}
    )
    assert [each["code"] for each in answer.json()["shifts"]] == [carried.shift.code]
    assert "Max-Age=2592000" in answer.headers["set-cookie"]
    [row] = await CanvassDevice.select()
    assert row["unsent"] == 3


async def test_the_kit_holds_what_signing_needs(app: httpx.AsyncClient, campaign: Campaign) -> None:
    answer = await app.get("/canvass/kit.json")
    said = answer.json()
    assert said["zips"]["95404"] == ["sonoma"]
    assert len(said["counties"]) == 58
    mine = next(each for each in said["campaigns"] if each["slug"] == campaign.slug)
    assert mine["words"]["es"] == "Pido un fin."
    assert mine["texts"]["es"]["pledge"]["language"] == "es"
    assert mine["texts"]["es"]["pledge"]["id"] != mine["texts"]["en"]["pledge"]["id"]
    assert len(base64.urlsafe_b64decode(said["key"]["public"] + "=")) == 65
    unchanged = await app.get(
        "/canvass/kit.json", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert unchanged.status_code == 304
    assert "Rosa" not in json.dumps(said)
