"""The connections: what is no HTTP, what hangs, what was closed, and whom we trust."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.push import http_client
from backend.push.http_client import Client, NoAnswer
from tests.push.service import make_certificate, served_with

REQUEST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, trust: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=trust)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(*pieces: bytes, then_close: bool = False) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readexactly(len(REQUEST))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if then_close:
                return

    return serve


async def ask(port: int, client: Client | None = None) -> http_client.Answer:
    own = client or Client(1.0)
    try:
        return await own.ask("127.0.0.1", port, False, REQUEST)
    finally:
        if client is None:
            own.close()


@pytest.mark.parametrize(
    ("pieces", "status", "body"),
    [
        ([b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"], 201, b""),
        ([b"HTTP/1.1 201\r\ncontent-length:3\r\n\r\nabc"], 201, b"abc"),
        ([b"HTTP/1.1 2", b"01 C\r\nContent-", b"Length: 3\r\n\r\na", b"bc"], 201, b"abc"),
        ([b"HTTP/1.1 204 No\r\n\r\n"], 204, b""),
        (
            [b"HTTP/1.1 100 Go\r\n\r\n", b"HTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n"],
            201,
            b"",
        ),
        (
            [
                b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nab\r\n",
                b"0\r\n\r\n",
            ],
            410,
            b"ab",
        ),
        (
            [b"HTTP/1.1 410 G\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"],
            410,
            b"a",
        ),
        ([b"HTTP/1.1 500 E\r\nContent-Length: 99999\r\n\r\n", b"x" * 70000], 500, b"x" * 1000),
    ],
)
async def test_an_answer_is_read(pieces: list[bytes], status: int, body: bytes) -> None:
    async with serving(saying(*pieces)) as port:
        answer = await ask(port)
    assert (answer.status, answer.body) == (status, body)


async def test_a_body_may_end_with_the_connection() -> None:
    async with serving(saying(b"HTTP/1.1 403 No\r\n\r\nwhy", then_close=True)) as port:
        answer = await ask(port)
    assert (answer.status, answer.body) == (403, b"why")


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/2 201 C\r\n\r\n",
        b"HTTP/1.1 201 C\r\nno colon\r\n\r\n",
        b"HTTP/1.1 201 C\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 201 C\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 201 C\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 201 C\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 201 C\r\nX: " + b"x" * 20000,
        b"HTTP/1.1 201 C\r\n folded: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    async with serving(saying(said)) as port:
        with pytest.raises(NoAnswer):
            await ask(port)


async def test_a_service_that_hangs_is_not_waited_for() -> None:
    async with serving(saying()) as port:
        with pytest.raises(NoAnswer, match="Timeout"):
            await asyncio.wait_for(ask(port, Client(0.2)), 3)


async def test_nobody_there_is_no_answer() -> None:
    async with serving(saying()) as port:
        pass
    with pytest.raises(NoAnswer):
        await ask(port)


async def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_is_replaced() -> None:
    came = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        for _ in range(2):
            await reader.readexactly(len(REQUEST))
            writer.write(b"HTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n")
        # It reads what comes next and hangs up on it, as a proxy does whose time is over.
        await reader.readexactly(len(REQUEST))

    client = Client(1.0)
    async with serving(serve) as port:
        for _ in range(4):
            assert (await ask(port, client)).status == 201
    assert came == 2
    client.close()


@pytest.mark.parametrize("header", [b"Connection: close\r\n", b"connection: Close, x\r\n"])
async def test_a_connection_that_shall_close_is_not_used_again(header: bytes) -> None:
    came = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await saying(b"HTTP/1.1 201 C\r\n" + header + b"Content-Length: 0\r\n\r\n")(reader, writer)

    client = Client(1.0)
    async with serving(serve) as port:
        for _ in range(3):
            await ask(port, client)
    assert came == 3
    client.close()


async def test_an_answer_that_nobody_asked_for_goes_to_nobody() -> None:
    """A second answer behind the first must not become that of the next phone."""
    two = b"HTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\nHTTP/1.1 410 G\r\nContent-Length: 0\r\n\r\n"
    client = Client(1.0)
    async with serving(saying(two)) as port:
        assert [(await ask(port, client)).status for _ in range(4)] == [201] * 4
    client.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A service's own certificate for localhost, and somebody who trusts it."""
    file = make_certificate(tmp_path / "pair.pem")
    return served_with(file), ssl.create_default_context(cafile=str(file))


async def test_only_a_service_that_shows_its_certificate_is_talked_to(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    theirs, ours = certificate
    said = saying(b"HTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n")
    async with serving(said, theirs) as port:
        trusting, strict = Client(2.0, ours), Client(2.0)
        answer = await trusting.ask("localhost", port, True, REQUEST)
        assert answer.status == 201
        with pytest.raises(NoAnswer, match=r"Certificate|SSL"):
            await strict.ask("localhost", port, True, REQUEST)
        with pytest.raises(NoAnswer, match=r"Certificate|SSL"):  # another name than it is for
            await trusting.ask("127.0.0.1", port, True, REQUEST)
        trusting.close()
        strict.close()
