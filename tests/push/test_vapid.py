"""How push services know us, and what the settings must not say."""

import base64
import json

import pytest
from py_vapid import Vapid02

from backend import settings
from backend.push import timing, vapid
from backend.web import keyring
from backend.web.keyring import NoKey


def claims(header: str) -> dict[str, object]:
    part = header.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def key(allowed: pytest.MonkeyPatch) -> str:
    return keyring.newest("vapid").id


def test_each_service_gets_claims_of_its_own(key: str) -> None:
    """pywebpush would send the first one's audience to the second."""
    one, two = (
        vapid.authorization(key, f"https://{host}", "mailto:a@x.example.org")
        for host in ("fcm.googleapis.com", "web.push.apple.com")
    )
    assert claims(one)["aud"] == "https://fcm.googleapis.com"
    assert claims(two)["aud"] == "https://web.push.apple.com"
    assert Vapid02.verify(one)
    assert Vapid02.verify(two)


def test_a_token_is_used_again_and_never_too_old(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr(timing, "machine", lambda: now)
    monkeypatch.setattr(timing, "_ahead", 0.0)
    first = vapid.authorization(key, "https://x.example", "mailto:a@x.example.org")
    assert claims(first)["exp"] == now + 12 * 3600
    now += 5 * 3600
    assert vapid.authorization(key, "https://x.example", "mailto:a@x.example.org") == first
    now += 2 * 3600
    later = vapid.authorization(key, "https://x.example", "mailto:a@x.example.org")
    assert claims(later)["exp"] == now + 12 * 3600


def test_browsers_get_the_newest_key_and_we_know_it_again(key: str) -> None:
    old = vapid.public_key()
    newer = keyring.add("vapid").id
    assert vapid.public_key() != old
    assert vapid.key_id(old) == key
    assert vapid.key_id(vapid.public_key()) == newer
    assert vapid.key_id("other") is None


def test_a_key_that_is_gone_signs_nothing(key: str) -> None:
    with pytest.raises(NoKey):
        vapid.authorization("gone", "https://x.example", "mailto:a@x.example.org")


@pytest.mark.parametrize(
    "contact",
    [
        "mailto:a@localhost",
        "mailto:a@house.local",
        "mailto:a@house.invalid",
        "mailto:a@house.test",
        "mailto:a@house",
        "mailto:a@127.0.0.1",
        "mailto:<a@house.example.org>",
        "mailto: a@house.example.org",
        "mailto:a b@house.example.org",
        "a@house.example.org",
        "https://house.example.org",
        "mailto:",
    ],
)
def test_a_contact_that_nobody_can_write_to_ends_the_start(
    allowed: pytest.MonkeyPatch, contact: str
) -> None:
    """Apple alone refuses it, and only when a phone is rung."""
    allowed.delenv("DEVELOPMENT")
    allowed.setenv("PUSH_CONTACT", contact)
    with pytest.raises(settings.WrongSetting):
        settings.read()


def test_a_true_contact_is_taken(allowed: pytest.MonkeyPatch) -> None:
    allowed.delenv("DEVELOPMENT")
    allowed.setenv("PUSH_CONTACT", "mailto:alerts@confianza.example.org")
    assert settings.read().push_contact == "mailto:alerts@confianza.example.org"


@pytest.mark.parametrize("pace", ["fast", "x=", "=5", "x=0", "x=-1", "x=9999999", "x=٣"])
def test_a_pace_that_is_none_ends_the_start(allowed: pytest.MonkeyPatch, pace: str) -> None:
    allowed.setenv("PUSH_PACE", pace)
    with pytest.raises(settings.WrongSetting):
        settings.read()


def test_google_has_a_pace_until_somebody_says_otherwise(allowed: pytest.MonkeyPatch) -> None:
    assert settings.read().push_pace["fcm.googleapis.com"] == 900
    allowed.setenv("PUSH_PACE", "push.apple.com=60")
    assert settings.read().push_pace == {"push.apple.com": 60}
