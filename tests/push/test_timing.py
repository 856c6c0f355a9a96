"""A machine whose clock is wrong goes by the database's, and rings nobody when it is far off."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from backend.push import timing, vapid
from tests.push.conftest import House
from tests.push.service import decoded


@pytest.fixture
def clock(allowed: pytest.MonkeyPatch, house: House) -> object:
    """`clock(seconds)`: by so much this machine's is ahead."""
    machine = timing.machine
    return lambda ahead: allowed.setattr(timing, "machine", lambda: machine() + ahead)


async def test_a_clock_that_is_minutes_ahead_strikes_nobody_off(
    house: House, clock: object
) -> None:
    """What has two minutes to live was "over" for a machine four minutes ahead."""
    await house.phones(3)
    clock(240)
    found = await house.until_done(
        await house.ring(expires_at=datetime.now(UTC) + timedelta(minutes=2))
    )
    assert (found.accepted, found.failed) == (3, 0)
    for message in house.service.messages:
        assert 100 < int(message.headers["ttl"]) <= 120
    [alarm] = await house.ask("SELECT name, details::text FROM alarm")
    assert alarm["name"] == "push clock"
    assert '"seconds": 240' in alarm["details"]


@pytest.mark.parametrize("ahead", [240, -240])
async def test_what_we_sign_is_good_by_the_databases_clock(
    house: House, clock: object, ahead: int
) -> None:
    await house.phone("ana")
    clock(ahead)
    vapid._tokens.clear()
    await house.until_done(await house.ring())
    token = house.service.messages[0].headers["authorization"].split("t=")[1].split(",")[0]
    expires = json.loads(decoded(token.split(".")[1]))["exp"]
    assert abs(expires - datetime.now(UTC).timestamp() - vapid.GOOD_FOR) < 10


@pytest.mark.parametrize("ahead", [3600, -600])
async def test_a_machine_that_is_far_off_rings_nobody_and_loses_nobody(
    house: House, clock: object, ahead: int
) -> None:
    await house.phones(3)
    ring = await house.ring()
    clock(ahead)
    for _ in range(3):
        await house.once()
    assert house.service.messages == []
    found = await house.progress(ring)
    assert (found.failed, found.waiting) == (0, 3)
    assert await house.value("SELECT to_do FROM alarm") == (
        "It rings nobody until its clock is right. Other workers go on."
    )
    clock(0)  # set right
    assert (await house.until_done(ring)).accepted == 3


async def test_a_clock_that_is_about_right_is_no_alarm(house: House, clock: object) -> None:
    await house.phone("ana")
    clock(20)
    assert (await house.until_done(await house.ring())).accepted == 1
    assert await house.value("SELECT count(*) FROM alarm") == 0
