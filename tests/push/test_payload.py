"""What a phone gets, byte for byte."""

import json
import os

import http_ece
import pytest
import pywebpush
from cryptography.hazmat.primitives.asymmetric import ec

from backend.push import broadcasts, payload
from tests.push.conftest import WORDS
from tests.push.service import Phone, base64url, decoded

# RFC 8291, Appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
OURS = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
THEIRS = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SALT, AUTH = "DGv6ra1nlYgDCS1FRnbzlw", "BTBZMqHH6r4Tts7J_aSIgg"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS"
    "6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qu"
    "lcy4a-fN"
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text), "big"), ec.SECP256R1())


def test_the_example_of_the_rfc_comes_out_byte_for_byte() -> None:
    made = payload._seal(PLAIN, decoded(POINT), decoded(AUTH), private(OURS), decoded(SALT))
    assert base64url(made) == SEALED
    phone = Phone("rfc", private(THEIRS), decoded(AUTH))
    assert phone.open(made) == PLAIN


@pytest.mark.parametrize("size", [0, 1, 1024, 3072, payload.LARGEST])
def test_ours_and_pywebpushs_open_alike(size: int) -> None:
    phone, plain = Phone("ana"), os.urandom(size)
    keys = {"p256dh": base64url(phone.p256dh), "auth": base64url(phone.auth)}
    theirs = pywebpush.WebPusher({"endpoint": "https://x.example/", "keys": keys}).encode(
        plain or b" "
    )["body"]
    ours = payload.seal(plain, phone.p256dh, phone.auth)
    assert phone.open(ours) == plain
    assert phone.open(theirs) == (plain or b" ")
    assert len(ours) == len(theirs) - (0 if plain else 1)
    assert len(ours) <= 4096


@pytest.mark.parametrize("size", [40, 1024, 3072])
def test_sealing_with_the_same_keys_gives_what_http_ece_gives(size: int) -> None:
    phone, plain = Phone("ana"), os.urandom(size)
    pair, salt = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    reference = http_ece.encrypt(
        plain, salt=salt, private_key=pair, dh=phone.p256dh, auth_secret=phone.auth
    )
    assert payload._seal(plain, phone.p256dh, phone.auth, pair, salt) == reference


def test_no_two_messages_are_alike() -> None:
    phone = Phone("ana")
    made = {payload.seal(b"same", phone.p256dh, phone.auth) for _ in range(20)}
    assert len(made) == 20
    assert len({each[:16] for each in made}) == len({each[21:86] for each in made}) == 20


def test_a_message_has_the_shape_that_browsers_know() -> None:
    message = payload.notification(WORDS["es"]["full"], "es", "/hearings/1", "tag")
    assert message["web_push"] == 8030
    assert set(message["notification"]) == {
        *("title", "body", "lang", "dir", "navigate", "tag", "silent")
    }
    assert message["notification"]["silent"] is False
    assert message["notification"]["navigate"].startswith("http")


@pytest.mark.parametrize("length", [0, 10, 700, 800, 900, 1500, 2900, 3800])
def test_the_length_tells_nothing_of_the_words(length: int) -> None:
    message = payload.notification({"title": "x", "body": "é" * (length // 2)}, "en", "/", "t" * 32)
    padded = payload.padded(message)
    assert len(padded) in payload.SIZES
    assert json.loads(padded) == message
    assert len(padded) == 1024 or length > 600


def test_what_no_push_service_takes_is_not_made() -> None:
    phone = Phone("ana")
    with pytest.raises(payload.TooLong):
        payload.padded(payload.notification({"title": "x", "body": "x" * 4000}, "en", "/", "t"))
    with pytest.raises(payload.TooLong):
        payload.seal(b"x" * 3994, phone.p256dh, phone.auth)


@pytest.mark.parametrize(
    ("point", "auth"),
    [
        (b"", b"a" * 16),
        (b"\x04" + b"\x01" * 64, b"a" * 16),
        (b"\x02" + b"\x01" * 32, b"a" * 16),
        (Phone("x").p256dh + b"x", b"a" * 16),
        (b"\x05" + Phone("x").p256dh[1:], b"a" * 16),
        (Phone("x").p256dh, b"a" * 15),
        (Phone("x").p256dh, b"a" * 17),
    ],
    ids=[
        "none",
        "off the curve",
        "compressed",
        "too long",
        "another sign",
        "auth short",
        "auth long",
    ],
)
def test_keys_that_are_none_are_refused(point: bytes, auth: bytes) -> None:
    with pytest.raises(payload.NotAKey):
        payload.check_keys(point, auth)


def test_a_preview_is_what_the_phone_gets(allowed: pytest.MonkeyPatch) -> None:
    shown = broadcasts.preview(WORDS, "es", "neutral")
    assert (shown["title"], shown["lang"]) == ("Hay novedades", "es")
    assert broadcasts.preview(WORDS, "vi", "full")["title"] == "Hearing moved"
