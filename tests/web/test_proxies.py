"""The proxies we ship, for real: TLS, slow clients, large bodies, nothing of anybody in a log."""

import contextlib
import datetime
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.settings import HOUSE
from tests.databases import copied
from tests.debian import installed
from tests.serving import Apart, free_port, serving_apart

PROXIES = HOUSE / "backend" / "web" / "proxies"
NAME = "confianza.example"
CANARY = "quetzal-canary"


@pytest.fixture(scope="module")
def behind(
    server_url: str, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Apart]:
    said = {"TRUSTED_PROXIES": "1", "SITE_URL": f"https://{NAME}"}
    with (
        copied(server_url, "behind") as url,
        serving_apart(tmp_path_factory.mktemp("behind"), url, **said) as house,
    ):
        yield house


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, behind: Apart, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Proxy"]:
    folder = tmp_path_factory.mktemp(request.param)
    certificate(folder)
    start = {"nginx": nginx, "caddy": caddy}[request.param]
    with start(folder, behind) as found:
        yield found


class Proxy:
    """A proxy that answers on `plain` and `tls`, and writes into `log`."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]", plain: int, tls: int):
        self.folder, self.process, self.plain, self.tls = folder, process, plain, tls

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=f"https://{NAME}:{self.tls}", verify=False, timeout=30,
                            transport=_to_loopback(), **options)  # type: ignore[arg-type]  # fmt: skip

    def written(self) -> str:
        return "".join(
            path.read_text("utf-8", "replace")
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix not in (".pem", ".conf")
        )


def _to_loopback() -> httpx.BaseTransport:
    class Loopback(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.extensions = {**request.extensions, "sni_hostname": NAME}
            request.url = request.url.copy_with(host="127.0.0.1")
            return super().handle_request(request)

    return Loopback(verify=False)


@contextlib.contextmanager
def nginx(folder: Path, house: Apart) -> Iterator[Proxy]:
    plain, tls = free_port(), free_port()
    text = (PROXIES / "nginx.conf").read_text("utf-8")
    for ours, theirs in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{tls} ssl http2;"),
        ("listen [::]:443 ssl http2;", ""),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{house.site.port};"),
        ("server 127.0.0.1:8001;", f"server 127.0.0.1:{house.desk.port};"),
        ("/etc/ssl/confianza", str(folder)),
        ("error_log stderr crit;", f"error_log {folder}/error.log crit;"),
    ):
        assert ours in text, ours
        text = text.replace(ours, theirs)
    (folder / "nginx.conf").write_text(text)
    (folder / "logs").mkdir()
    run_as = "daemon off; pid nginx.pid; lock_file nginx.lock;"
    yield from _running(
        folder, plain, tls, [installed("nginx", "nginx-light"), "-p", str(folder), "-c",
                             str(folder / "nginx.conf"), "-g", run_as]
    )  # fmt: skip


@contextlib.contextmanager
def caddy(folder: Path, house: Apart) -> Iterator[Proxy]:
    plain, tls = free_port(), free_port()
    text = (PROXIES / "Caddyfile").read_text("utf-8")
    for ours, theirs in (
        ("{\n\tservers {", f"{{\n\thttp_port {plain}\n\thttps_port {tls}\n\tadmin off\n"
                         "\tservers {"),
        (f"\n{NAME} {{", f"\n{NAME} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"),
        ("127.0.0.1:8000", f"127.0.0.1:{house.site.port}"),
        ("127.0.0.1:8001", f"127.0.0.1:{house.desk.port}"),
    ):  # fmt: skip
        assert ours in text, ours
        text = text.replace(ours, theirs)
    (folder / "Caddyfile.conf").write_text(text)
    yield from _running(
        folder, plain, tls, [installed("caddy", "caddy"), "run", "--adapter", "caddyfile",
                             "--config", str(folder / "Caddyfile.conf")]
    )  # fmt: skip


def _running(folder: Path, plain: int, tls: int, command: list[str]) -> Iterator[Proxy]:
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, cwd=folder,
            env={"HOME": str(folder), "XDG_DATA_HOME": str(folder), "PATH": "/usr/bin:/usr/sbin"},
        )  # fmt: skip
    found = Proxy(folder, process, plain, tls)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert process.poll() is None, (folder / "said").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", tls), 1):
                break
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_pages_come_over_tls_and_plain_leads_there(proxy: Proxy) -> None:
    with proxy.client() as visitor:
        page = visitor.get("/counties/alameda")
        assert page.status_code == 200
        assert "Alameda" in page.text
        assert page.headers["strict-transport-security"]
        assert visitor.get("/metrics").status_code == 404
        assert visitor.get("/readyz").status_code == 200, "the house knows its proxy"
    plain = httpx.get(f"http://127.0.0.1:{proxy.plain}/laws", headers={"Host": NAME})
    assert plain.status_code in (301, 308)
    assert plain.headers["location"].startswith(f"https://{NAME}")


def test_what_opens_names_is_asked_of_the_desk_alone(proxy: Proxy, behind: Apart) -> None:
    with proxy.client() as visitor:
        assert visitor.get("/desk/sign-in").status_code == 200
        assert visitor.get("/osdi/api/v1").status_code == 401
        assert visitor.get("/deskward").status_code == 404
    for path in ("/desk/sign-in", "/desk", "/osdi/api/v1", "/osdi/api/v1/people"):
        answer = httpx.get(f"{behind.site.url}{path}", headers={"X-Forwarded-For": "192.0.2.1"})
        assert answer.status_code == 404, path


def test_a_client_cannot_say_where_it_comes_from(proxy: Proxy) -> None:
    """Wrong codes from one place are counted together, whatever the header claims."""
    ours = {"Sec-Fetch-Site": "same-origin"}
    told = set()
    with proxy.client() as guesser:
        for number in range(25):
            there = {**ours, "X-Forwarded-For": f"10.{number}.9.9"}
            code = f"ZZZZZZZZ{number:02}"
            told.add(guesser.post("/pledges", data={"code": code}, headers=there).status_code)
    assert 429 in told


def test_a_large_body_is_refused_and_files_may_be_larger(proxy: Proxy) -> None:
    with proxy.client(headers={"Sec-Fetch-Site": "same-origin"}) as visitor:
        answer = visitor.post("/pledges/leave", content=b"a&" * 1_000_000)
        # Caddy 2.6 says 502 when the house has hung up first.
        assert answer.status_code in (413, 502)
        file = visitor.post("/desk/directory/imports", content=b"a" * 2_000_000)
        assert file.status_code in (303, 401, 403), "the door comes first"


def test_slow_clients_do_not_hold_the_others_up(proxy: Proxy) -> None:
    """Half a header, and bodies that never come: each is let go, and pages come meanwhile."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to = f"Host: {NAME}\r\nSec-Fetch-Site: same-origin\r\n".encode()
    heads = (
        b"GET / HTTP/1.1\r\n" + to,
        b"POST /pledges/leave HTTP/1.1\r\n" + to + b"Content-Length: 500\r\n\r\ncontact=",
    )
    slow = []
    try:
        for number in range(120):
            line = socket.create_connection(("127.0.0.1", proxy.tls), 10)
            line = context.wrap_socket(line, server_hostname=NAME)
            line.sendall(heads[number % 2])
            slow.append(line)
        with proxy.client() as visitor:
            for _page in range(5):
                assert visitor.get("/laws").status_code == 200
        slow[0].settimeout(60)
        slow[1].settimeout(60)
        for line in slow[:2]:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while line.recv(1000):
                    pass
    finally:
        for line in slow:
            line.close()


def test_no_log_tells_who_looked_at_what(proxy: Proxy, behind: Apart) -> None:
    with proxy.client() as visitor:
        visitor.get(f"/counties/{CANARY}?q={CANARY}", headers={"User-Agent": CANARY})
        visitor.post("/pledges", data={"code": CANARY}, headers={"Sec-Fetch-Site": "same-origin"})
    for text in (proxy.written(), behind.written()):
        assert CANARY not in text


@pytest.mark.parametrize("file", ["nginx.conf", "Caddyfile"])
def test_files_are_let_through_where_the_house_takes_them(file: str) -> None:
    from backend.app import app

    text = (PROXIES / file).read_text("utf-8")
    roomy = {
        route.path
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if handler.opt.get("body", 0) > 1_000_000
    }
    assert len(roomy) >= 2
    for path in roomy:
        assert path in text or path.removeprefix("/desk/") in text, path
