"""Headers on every answer, and static files that browsers keep."""

import gzip
import re

import httpx

from tests.serving import Served


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for address in ("/", "/nothing", "/counties/modoc", "/api/v1/counties", "/healthz"):
        for answer in (await client.get(address), await client.post(address)):
            headers = answer.headers
            assert "default-src 'none'" in headers["content-security-policy"], address
            assert "unsafe" not in headers["content-security-policy"]
            assert "require-trusted-types-for 'script'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "geolocation=(self)" in headers["permissions-policy"]
            assert "camera=()" in headers["permissions-policy"]
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["strict-transport-security"].startswith("max-age=")


async def test_a_page_sets_no_cookie_unasked(client: httpx.AsyncClient) -> None:
    for address in ("/", "/counties/modoc", "/find?q=90012", "/laws"):
        assert "set-cookie" not in (await client.get(address)).headers


async def test_a_picture_by_itself_is_in_nobodys_frame_and_on_no_plain_line(
    client: httpx.AsyncClient,
) -> None:
    for address in ("/static/js/app.js", "/static/img/mark.svg", "/static/nothing.css"):
        headers = (await client.get(address)).headers
        assert headers["strict-transport-security"].startswith("max-age=63072000")
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_assets_are_kept_a_year_under_their_fingerprint(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    addresses = re.findall(r'(?:src|href)="(/static/[^"#]+)', page)
    assert len(addresses) >= 5, addresses
    for address in addresses:
        assert "?v=" in address
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        stale = await client.get(address.replace("?v=", "?v=0"))
        assert stale.headers["cache-control"] == "no-cache"
    script = await client.get("/static/js/app.js")
    assert script.headers["content-type"].startswith("text/javascript")


def test_answers_are_compressed_for_who_can_read_it(served: Served) -> None:
    plain = httpx.get(f"{served.url}/counties/modoc", headers={"Accept-Encoding": "identity"})
    with httpx.stream(
        "GET", f"{served.url}/counties/modoc", headers={"Accept-Encoding": "gzip"}
    ) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(raw)
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2
    assert plain.headers["etag"] == packed.headers["etag"]


def test_the_house_says_whether_it_stands(served: Served) -> None:
    assert httpx.get(f"{served.url}/healthz").text == "ok\n"
    assert httpx.get(f"{served.url}/readyz").text == "ok\n"
    assert httpx.get(f"{served.url}/healthz").headers["cache-control"] == "no-store"
