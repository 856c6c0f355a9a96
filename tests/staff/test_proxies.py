"""A proxy of ours that forgets to say whom it asks for."""

import httpx
import pytest

from backend.staff import proxies
from backend.staff.tables import Alarm


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    monkeypatch.setattr(proxies._Seen, "number", 0)


async def alarms() -> list[tuple[str, int]]:
    return [(alarm.name, alarm.times) for alarm in await Alarm.all_standing()]


async def test_staff_hear_of_it_once_and_readyz_says_it_in_words(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/readyz")).text == "ok\n"
    for _ in range(100):
        assert (await client.get("/counties/modoc")).status_code == 200
    assert await alarms() == [(proxies.ALARM, 1)]
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert "without X-Forwarded-For" in answer.text
    [alarm] = await Alarm.all_standing()
    assert await alarm.settle("Ana")
    assert (await client.get("/readyz")).text == "ok\n"


async def test_a_header_that_names_nobody_is_as_good_as_none(client: httpx.AsyncClient) -> None:
    for _ in range(20):
        await client.get("/counties/modoc", headers={"X-Forwarded-For": "unknown"})
    assert await alarms() == [(proxies.ALARM, 1)]


async def test_a_proxy_that_does_it_right_and_what_watches_over_us_raise_none(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(30):
        await client.get("/counties/modoc", headers={"X-Forwarded-For": "203.0.113.7"})
        await client.get("/healthz")
        await client.get("/readyz")
    for _ in range(5):
        await client.get("/counties/modoc")  # somebody on the server, trying
    assert await alarms() == []


async def test_without_proxies_nobody_expects_the_header(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "0")
    for _ in range(30):
        await client.get("/counties/modoc")
    assert await alarms() == []


@pytest.mark.slow
async def test_what_the_house_asks_itself_raises_none(client: httpx.AsyncClient) -> None:
    assert (await client.get("/offline/record/en")).status_code == 200
    assert await alarms() == []


async def test_there_are_no_numbers_for_all_the_world(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "right-token")
    assert (await client.get("/metrics")).status_code == 404
    token = {"Authorization": "Bearer right-token"}
    assert (await client.get("/metrics", headers=token)).status_code == 200


async def test_one_of_them_does_not_lock_the_others_out(client: httpx.AsyncClient) -> None:
    wrong = {"code": "2222-2222-2222-2222"}
    ours = {"Sec-Fetch-Site": "same-origin"}
    for number in range(12):
        wrong["code"] = f"{number + 20}22-2222-2222-2222"
        answer = await client.post("/desk/recovery", data=wrong, headers=ours)
        assert answer.status_code == 403
