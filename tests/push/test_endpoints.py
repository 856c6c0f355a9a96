"""An endpoint is an address that a stranger asks us to send requests to."""

import pytest

from backend import database, settings
from backend.push import endpoints, subscriptions, vapid
from backend.push.endpoints import NotAnEndpoint
from backend.push.subscriptions import CannotSubscribe, Wishes
from tests.push.conftest import House
from tests.push.crowd import fill, rows
from tests.push.service import Phone, base64url

HOSTILE = [
    "https://127.0.0.1/fcm.googleapis.com",
    "https://127.0.0.1:8443/x.google.com/",
    "https://[::1]/push.apple.com",
    "https://169.254.169.254/latest/meta-data/",
    "https://2130706433/notify.windows.com",
    "http://fcm.googleapis.com/fcm/send/x",
    "https://fcm.googleapis.com:8443/fcm/send/x",
    "https://fcm.googleapis.com:80/fcm/send/x",
    "https://fcm.googleapis.com.evil.example/fcm/send/x",
    "https://evilfcm.googleapis.com/fcm/send/x",
    "https://evil.example/?fcm.googleapis.com",
    "https://evil.example#.push.apple.com",
    "https://fcm.googleapis.com@evil.example/x",
    "https://user:word@fcm.googleapis.com/x",
    "https://evil.example\\@fcm.googleapis.com/x",
    "https://fcm.googleapis.com%2eevil.example/x",
    "https://fcm.googleapis.com\r\nHost: evil.example/x",
    "https://fcm.googleapis.com /x",
    "file:///etc/passwd?push.apple.com",
    "https://fcm.googleapis.com/" + "x" * 1100,
]
HONEST = {
    "https://fcm.googleapis.com/fcm/send/eF:x-_1": "fcm.googleapis.com",
    "https://jmt17.google.com/wp/abc": "jmt17.google.com",
    "https://updates.push.services.mozilla.com/wpush/v2/gAA": "updates.push.services.mozilla.com",
    "https://web.push.apple.com/QJ?x=1": "push.apple.com",
    "https://wns2-par02p.notify.windows.com/w/?token=BQ%3d": "notify.windows.com",
    "https://FCM.GoogleAPIs.com:443/fcm/send/x": "fcm.googleapis.com",
}


def test_the_table_has_twenty_lines() -> None:
    assert len(set(HOSTILE)) == 20


@pytest.mark.parametrize("address", HOSTILE)
async def test_a_hostile_endpoint_is_refused_at_subscribe(
    record: None, allowed: pytest.MonkeyPatch, address: str
) -> None:
    with pytest.raises(NotAnEndpoint):
        endpoints.read(address)
    phone = Phone("ana")
    with pytest.raises(CannotSubscribe) as caught:
        await subscriptions.subscribe(
            address,
            base64url(phone.p256dh),
            base64url(phone.auth),
            vapid.public_key(),
            Wishes(),
        )
    assert caught.value.code == "endpoint"


async def test_a_hostile_endpoint_is_refused_at_send(house: House) -> None:
    """However it came into the table; the request is not even made."""
    # And the push service of the test by another name than the one that is allowed.
    hostile = [*HOSTILE, house.service.endpoint("x").replace("127.0.0.1", "localhost")]
    async with database.connection() as connection:
        await fill(connection, rows(range(1, 22), house.host, lambda id: hostile[id - 1]))
    await house.phone("honest")
    found = await house.until_done(await house.ring())
    assert (found.accepted, found.failed) == (1, 21)
    assert [message.name for message in house.service.messages] == ["honest"]
    assert house.service.connections == 1


@pytest.mark.parametrize(("address", "service"), HONEST.items())
def test_the_push_services_there_are_get_in(
    allowed: pytest.MonkeyPatch, address: str, service: str
) -> None:
    found = endpoints.read(address)
    assert (found.service, found.port, found.secure) == (service, 443, True)
    assert found.origin == f"https://{found.host}"
    assert found.host == found.host.lower()


def test_a_service_on_loopback_is_only_for_development(allowed: pytest.MonkeyPatch) -> None:
    allowed.setenv("PUSH_TEST_HOSTS", "localhost:9200")
    assert endpoints.read("http://localhost:9200/x").origin == "http://localhost:9200"
    with pytest.raises(NotAnEndpoint):
        endpoints.read("http://localhost:9201/x")
    allowed.delenv("DEVELOPMENT")
    with pytest.raises(settings.WrongSetting):
        settings.read()
    allowed.delenv("PUSH_TEST_HOSTS")
    with pytest.raises(NotAnEndpoint):
        endpoints.read("http://localhost:9200/x")
