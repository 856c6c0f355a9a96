"""Manifest, worker, bundle and forgetting, as the server answers them."""

import datetime
import json
import re
from typing import Any

import brotli
import httpx
import pytest

from backend.campaigns.signing import new_id
from backend.canvass import devices
from backend.canvass.tables import CanvassDevice
from backend.counties import gazetteer
from backend.policies import queries
from backend.pwa import public_pages
from backend.pwa.bundle import INDENT, MARK, filled
from backend.staff.tables import Account, AuditEntry, Session, digest, now
from backend.web.assets import static
from backend.web.language import LANGUAGES
from tests.campaigns.working import work
from tests.serving import Served


@pytest.fixture(scope="module")
def bundle(served: Served) -> dict[str, Any]:
    """The record as a phone gets it, in every language."""
    return {
        "languages": {
            code: httpx.get(f"{served.url}/offline/record/{code}", timeout=60).json()
            for code in LANGUAGES
        }
    }


async def test_the_manifest_is_in_the_readers_language_and_always_the_same_app(
    client: httpx.AsyncClient,
) -> None:
    english = (await client.get("/manifest.webmanifest?lang=en")).json()
    spanish = await client.get("/manifest.webmanifest?lang=es")
    assert spanish.headers["content-type"] == "application/manifest+json"
    assert "set-cookie" not in spanish.headers
    assert english["lang"] == "en"
    assert spanish.json()["lang"] == "es"
    assert english["id"] == spanish.json()["id"] == "/"
    assert english["shortcuts"][0]["name"] == "My county"
    assert spanish.json()["shortcuts"][0]["name"] == "Mi condado"
    assert len(english["short_name"]) <= 12
    for picture in (*english["icons"], *english["screenshots"]):
        answer = await client.get(picture["src"])
        assert answer.headers["content-type"] == "image/png"
        width, height = (int.from_bytes(answer.content[at : at + 4]) for at in (16, 20))
        assert picture["sizes"] == f"{width}x{height}"
    assert {icon["purpose"] for icon in english["icons"]} == {"any", "maskable"}
    for shortcut in english["shortcuts"]:
        assert (await client.get(shortcut["url"])).status_code == 200


async def test_the_name_under_the_icon_is_a_setting(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_NAME", "Mis cosas de casa")
    manifest = (await client.get("/manifest.webmanifest")).json()
    assert manifest["name"] == "Mis cosas de casa"
    assert manifest["short_name"] == "Mis cosas de"


async def test_the_worker_names_a_release_and_only_files_that_are_there(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/service-worker.js")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/javascript")
    build = json.loads(re.match(r"self\.BUILD = (.*);", answer.text)[1])  # type: ignore[index]
    assert re.fullmatch("[0-9a-f]{12}", build["version"])
    weight = 0
    for path in build["assets"]:
        asset = await client.get(path)
        assert asset.status_code == 200, path
        assert "immutable" in asset.headers["cache-control"], path
        weight += int(asset.headers["content-length"])
    assert weight <= 400_000


def test_every_asset_a_saved_page_needs_is_saved(bundle: dict[str, Any]) -> None:
    saved = {static(path) for path in public_pages.ASSETS}
    for language in bundle["languages"].values():
        for page in (language["frame"], *(str(each) for each in language["pages"].values())):
            needed = set(re.findall(r'(?:src|data-outlines|content)="(/static/[^"#]+)', page))
            needed |= set(re.findall(r'<link rel="stylesheet" href="([^"]+)"', page))
            assert needed <= saved


async def test_the_bundle_holds_every_page_in_every_language(
    record: None, bundle: dict[str, Any]
) -> None:
    laws = await queries.laws()
    for code, language in bundle["languages"].items():
        pages = language["pages"]
        for address in (
            "/", "/counties", "/laws", "/about", "/data", "/install", "/offline",
            *(f"/counties/{county.slug}" for county in gazetteer.counties()),
            *(f"/laws/{law.slug}" for law in laws),
        ):  # fmt: skip
            assert address in pages, (code, address)
        assert not any(address.startswith(("/api", "/static")) for address in pages)
        assert f'<html lang="{code}"' in language["frame"]
        for gap in ("<!--title-->", "<!--scripts-->", "<!--main-->"):
            assert language["frame"].count(gap) == 1
        # A page from the phone says so; the site's own pages do not.
        assert 'class="as-of"' in language["frame"]


def test_a_page_from_the_bundle_is_the_servers_own(served: Served, bundle: dict[str, Any]) -> None:
    sources = httpx.get(f"{served.url}/offline/sources.json", timeout=60).json()["sources"]
    for address in ("/counties/san-diego", "/laws/values-act", "/counties?question=notification"):
        page = httpx.get(served.url + address).text
        kept = bundle["languages"]["en"]["pages"][address]["main"]
        assert filled(kept, sources) in INDENT.sub("\n", page)
        assert bundle["languages"]["en"]["pages"][address]["title"] in page


@pytest.mark.slow
async def test_the_bundles_version_changes_with_the_record_and_only_then(
    client: httpx.AsyncClient,
) -> None:
    from backend.policies.tables import Rule

    first = await client.get("/offline/record/en")
    queries.forget()
    again = await client.get("/offline/record/en", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    await Rule.update({Rule.citation: "Gov. Code 1"}, force=True)
    queries.forget()
    changed = await client.get("/offline/record/en")
    assert changed.json()["version"] != first.json()["version"]


def test_what_pages_cite_comes_once_for_all_languages(
    served: Served, bundle: dict[str, Any]
) -> None:
    with httpx.stream(
        "GET", f"{served.url}/offline/sources.json", headers={"Accept-Encoding": "br"}, timeout=60
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert len(raw) <= 60_000, f"{len(raw):,} bytes"
    sources = json.loads(brotli.decompress(raw))["sources"]
    cited = {
        mark
        for record in bundle["languages"].values()
        for page in record["pages"].values()
        for mark in MARK.findall(page["main"])
    }
    assert cited == sources.keys()
    assert len(cited) > 300


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_bundle_is_small_on_the_wire(served: Served, code: str) -> None:
    with httpx.stream(
        "GET", f"{served.url}/offline/record/{code}", headers={"Accept-Encoding": "br"}, timeout=60
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "br"
    assert len(raw) <= 120_000, f"{len(raw):,} bytes"
    assert json.loads(brotli.decompress(raw))["language"] == code


async def test_a_language_that_nobody_wrote_has_no_bundle(client: httpx.AsyncClient) -> None:
    for code in ("fr", "qps", "x" * 1000, "en.json"):
        assert (await client.get(f"/offline/record/{code}")).status_code == 404


async def test_the_forms_of_the_finder_are_no_pages_for_people_to_find(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/find/forms/no-such-form")).status_code == 404
    form = (await client.get("/find/forms/place")).text
    assert form.count('class="choice"') == 58


OURS = {"Sec-Fetch-Site": "same-origin"}


async def test_forgetting_clears_cookies_storage_and_cache(client: httpx.AsyncClient) -> None:
    answer = await client.post("/forget", headers=OURS)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/forgotten"
    assert answer.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert (await client.get("/forgotten")).status_code == 200


async def test_forgetting_expires_every_cookie_by_its_name(client: httpx.AsyncClient) -> None:
    """Not all browsers know Clear-Site-Data."""
    sent = "__Host-desk=a; __Host-canvass=b; __Host-alerts=c; alerts=d; lang=es; other=e"
    answer = await client.post("/forget", headers={**OURS, "Cookie": sent})
    headers = answer.headers.get_list("set-cookie")
    assert {it.partition("=")[0] for it in headers} == {
        it.partition("=")[0] for it in sent.split("; ")
    }
    for header in headers:
        assert "Max-Age=0" in header
        assert "Path=/" in header
        assert ("Secure" in header) == header.startswith("__Host-")


async def test_forgetting_ends_what_the_phone_opened_at_the_server(
    client: httpx.AsyncClient,
) -> None:
    account = await Account.open_for("Ana", ["editor"])
    _session, token = await Session.begin(account)
    canvasser = await devices.begin_canvasser("Luz")
    device, key = CanvassDevice(id=new_id(), canvasser=canvasser.id, label="blue"), "k" * 43
    device.token_hash, device.ends_at = digest(key), now() + datetime.timedelta(days=3)
    await device.save()
    cookies = {"Cookie": f"__Host-desk={token}; __Host-canvass={key}"}
    assert (await client.post("/forget", headers={**OURS, **cookies})).status_code == 303
    assert await Session.carried_as(token) is None
    with pytest.raises(devices.Revoked):
        await devices.carried_as(key)
    await work("note_signed_out")
    assert await AuditEntry.exists().where(AuditEntry.action == "signed_out")
    # Strangers' cookies end nothing, and are no trouble.
    odd = {"Cookie": "__Host-desk=x; __Host-canvass=%00; a b=1; =; ;"}
    assert (await client.post("/forget", headers={**OURS, **odd})).status_code == 303


async def test_what_could_not_be_ended_is_said(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_token: str) -> None:
        raise OSError

    monkeypatch.setattr(devices, "forget", broken)
    answer = await client.post("/forget", headers={**OURS, "Cookie": "__Host-canvass=x"})
    assert answer.headers["clear-site-data"]
    told = await client.get(answer.headers["location"])
    assert "could not end everything on our side" in told.text
    assert "could not end" not in (await client.get("/forgotten")).text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://confianza.test"}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://confianza.test"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://elsewhere.test"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_only_our_own_pages_may_send_anything(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    assert (await client.post("/forget", headers=headers)).status_code == status
