"""A line to the site that breaks where a test wants it to."""

import asyncio
import contextlib
import re
from collections import deque
from dataclasses import dataclass, field

from tests.serving import free_port

RECORDS = "/canvass/records"


@dataclass
class Line:
    """A wire between the app and the site. `connected` says whether it carries anything at all;
    `fates` what becomes of the next sign-ups that are sent: "lost" (never arrives), "unheard"
    (arrives, and the answer does not) or "500"; None goes through. `came` counts what arrived."""

    site_port: int
    port: int = field(default_factory=free_port)
    connected: bool = True
    fates: deque[str | None] = field(default_factory=deque)
    came: int = 0
    carrying: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def __aenter__(self) -> "Line":
        self.server = await asyncio.start_server(self._begin, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self.carrying:
            task.cancel()
        await asyncio.gather(*self.carrying, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self.carrying.add(task)
        task.add_done_callback(self.carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection: what becomes of it is then what becomes of its line."""
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if self.connected:
                    await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        is_record = head.startswith(f"POST {RECORDS} ".encode())
        fate = self.fates.popleft() if is_record and self.fates else None
        if fate == "lost" or not self.connected:
            writer.transport.abort()
        elif fate == "500":
            writer.write(b"HTTP/1.1 500 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
        else:
            head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)[:-2]
            answer = await self._ask(head + b"connection: close\r\n\r\n" + body)
            self.came += is_record
            if fate == "unheard":
                writer.transport.abort()
            else:
                writer.write(answer)
                await writer.drain()

    async def _ask(self, request: bytes) -> bytes:
        there, back = await asyncio.open_connection("127.0.0.1", self.site_port)
        try:
            back.write(request)
            return await there.read()
        finally:
            back.close()
