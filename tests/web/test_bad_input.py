"""Whatever arrives, people get a sentence and the log gets nothing but route and kind."""

import json
import socket

import httpx
import pytest

from tests.serving import Served

ODD_ADDRESSES = [
    "/nothing-here",
    "/counties/atlantis",
    "/counties/%00",
    "/counties/%ff%fe",
    "/counties/..%2f..%2fetc%2fpasswd",
    "/counties/" + "a" * 3000,
    "/counties/%F0%9F%92%A9",
    "/counties/los-angeles/more",
    "/counties/los-angeles?on=yesterday",
    "/counties/los-angeles?on=2014-02-30",
    "/counties/los-angeles?on=2007-12-31",
    "/counties/los-angeles?on=9999-12-31",
    "/counties/los-angeles?on=10000-01-01",
    "/counties/los-angeles?on=0000-00-00",
    "/counties/los-angeles?on=2014",
    "/counties/los-angeles?on=%00",
    "/counties/los-angeles?on=%ff",
    "/counties/los-angeles?on=" + "9" * 3000,
    "/counties/los-angeles?on=2014-01-01&on=2015-01-01",
    "/counties?question=age",
    "/counties?question=" + "x" * 3000,
    "/laws/no-such-law",
    "/laws/%00",
    "/find",
    "/find?q=",
    "/find?q=%00",
    "/find?q=%ff%fe%fd",
    "/find?q=00000",
    "/find?q=10001",
    "/find?q=123",
    "/find?q=xqzvw",
    "/find?q=" + "a" * 3500,
    "/find?q=%F0%9F%92%A9%E2%80%AE",
    "/find?q=' OR 1=1 --".replace(" ", "%20"),
    "/find?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/static/../backend/settings.py",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/css/nothing.css",
    "/api/v1/zips/%00",
    "/api/v1/zips/999999999999999999999",
    "/api/v1/counties/%ff",
    "/api/v1/counties?on=%ff",
]


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_an_odd_address_gets_a_4xx_in_words(served: Served, address: str) -> None:
    status, headers, body = ask(served, f"GET {address} HTTP/1.1")
    assert 400 <= status < 500, body[:300]
    assert_in_words(address, headers, body)


@pytest.mark.parametrize(
    "method",
    ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FOO", "get", "CONNECT-X"],
)
@pytest.mark.parametrize("address", ["/", "/counties/modoc", "/api/v1/counties", "/nothing"])
def test_a_method_that_is_not_for_this_gets_a_4xx(
    served: Served, method: str, address: str
) -> None:
    status, headers, body = ask(served, f"{method} {address} HTTP/1.1", "Content-Length: 0")
    if method == "OPTIONS" and status == 204:
        assert "GET" in headers["allow"]
        return
    assert status in (400, 403, 404, 405), (status, body[:200])
    assert_in_words(address, headers, body)


@pytest.mark.parametrize(
    "header",
    [
        "Cookie: lang=\xff\xfe; =; ;;; lang",
        "Cookie: " + "a=b; " * 500,
        "Accept-Language: " + "x;q=9e999," * 100,
        "Accept-Language: \xff;q=nan, es;q=-1",
        "If-None-Match: " + '"' * 500,
        "If-None-Match: *",
        "Accept-Encoding: gzip;q=0, br, \xff",
        "HX-Request: maybe",
        "HX-Request-Type: partial",
        "Range: bytes=0-0,5-",
        "X-Forwarded-For: <script>",
        "Content-Type: multipart/form-data; boundary=",
        "Accept: \xff/\xff",
        'Host: evil.test"><script>',
    ],
)
def test_an_odd_header_changes_nothing_much(served: Served, header: str) -> None:
    status, _headers, body = ask(served, "GET /counties/modoc HTTP/1.1", header)
    assert status in (200, 304, 400, 431), body[:300]
    assert "<script>alert" not in body
    assert "evil.test" not in body


def test_a_body_that_is_too_large_is_refused_before_it_is_read(served: Served) -> None:
    for length in ("99999999999999999999", "20000000"):
        status, headers, body = ask(served, "POST / HTTP/1.1", f"Content-Length: {length}")
        assert status in (400, 413), body[:200]
        if body:
            assert_in_words("/", headers, body)


def test_a_length_that_is_no_number_is_refused(served: Served) -> None:
    status, _headers, _body = ask(served, "POST / HTTP/1.1", "Content-Length: many")
    assert status == 400


def test_an_address_that_is_too_long_is_refused(served: Served) -> None:
    status, headers, body = ask(served, f"GET /find?q={'a' * 9000} HTTP/1.1")
    assert status == 414
    assert_in_words("/find", headers, body)


def test_errors_are_said_in_the_readers_language(served: Served) -> None:
    answer = httpx.get(f"{served.url}/nothing", headers={"Accept-Language": "es"})
    assert answer.status_code == 404
    assert answer.headers["content-language"] == "es"
    assert "No encontramos" in answer.text
    day = httpx.get(f"{served.url}/counties/modoc?on=2007-01-01&lang=es")
    assert day.status_code == 400
    assert "1 de enero de 2008" in day.text


def test_what_was_typed_is_kept_and_harmless(served: Served) -> None:
    typed = 'Lozz Ann"ge<b>les'
    answer = httpx.get(f"{served.url}/find", params={"q": typed})
    assert "Lozz Ann&#34;ge&lt;b&gt;les" in answer.text
    assert "<b>les" not in answer.text


def test_a_head_request_is_a_get_without_its_body(served: Served) -> None:
    for address, status in (("/counties/modoc", 200), ("/nothing", 404), ("/find?q=90012", 303)):
        answer = httpx.head(f"{served.url}{address}")
        assert answer.status_code == status
        assert answer.content == b""


def test_nothing_of_it_reaches_the_log(served: Served) -> None:
    secret = "q9zmarker"
    for address in (f"/find?q={secret}", f"/counties/{secret}", f"/{secret}?on={secret}"):
        httpx.get(served.url + address, headers={"User-Agent": secret, "Cookie": f"a={secret}"})
    written = served.written()
    assert secret not in written
    assert "Traceback" not in written
    assert "could not answer" not in written


async def test_a_failure_of_ours_says_so_without_a_trace(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from backend.policies import public_pages

    def breaks(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(public_pages, "lines_for", breaks)
    from backend.policies import queries

    queries.forget()
    answer = await client.get("/counties/modoc")
    assert answer.status_code == 500
    assert "Something on our side broke" in answer.text
    assert "secret detail" not in answer.text
    said = capsys.readouterr().out
    assert "RuntimeError" in said
    assert "/counties/{slug:str}" in said
    assert "secret detail" not in said
    assert "modoc" not in said


def ask(served: Served, line: str, *headers: str) -> tuple[int, dict[str, str], str]:
    """What the server answers to bytes that no ordinary client would send."""
    host = [] if any(h.startswith("Host:") for h in headers) else ["Host: 127.0.0.1"]
    request = "\r\n".join([line, *host, "Connection: close", *headers, "", ""])
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as wire:
        wire.sendall(request.encode("latin-1"))
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    named = dict(row.split(": ", 1) for row in rest)
    return (
        int(first.split()[1]),
        {name.lower(): value for name, value in named.items()},
        body.decode("utf-8", "replace"),
    )


def assert_in_words(address: str, headers: dict[str, str], body: str) -> None:
    assert "Traceback" not in body
    assert "litestar" not in body.lower()
    if address.startswith("/api/"):
        assert headers["content-type"] == "application/problem+json"
        start, end = body.index("{"), body.rindex("}") + 1
        assert json.loads(body[start:end])["detail"]
    else:
        assert headers["content-type"].startswith("text/html")
        assert "<h1>" in body
        assert "</html>" in body
    assert "content-security-policy" in headers
