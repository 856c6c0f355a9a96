"""A real Firefox, driven by WebDriver BiDi, and the push service it asks: Firefox can be told to
use one on loopback, so the whole way of an alert runs for real.

    async with PushServer() as service, Firefox(service.address) as firefox:
        await firefox.open("http://localhost:8000/alerts")
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.browser.install import find_firefox

PREFERENCES: dict[str, Any] = {
    "dom.push.testing.allowInsecureServerURL": True,
    "dom.push.enabled": True,
    "dom.push.connection.enabled": True,
    "dom.serviceWorkers.enabled": True,
    "dom.webnotifications.requireuserinteraction": False,
    "permissions.default.desktop-notification": 1,
    "alerts.useSystemBackend": False,
    "remote.active-protocols": 1,
    # It asks nobody else for anything.
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://localhost:1/",
    "toolkit.telemetry.enabled": False,
}


class PushServer:
    """What Mozilla's push service is for Firefox: it keeps a line open to the browser, and takes
    messages for it (RFC 8030, the part that is needed). `messages` are the headers of those."""

    def __init__(self) -> None:
        self.browsers: dict[str, web.WebSocketResponse] = {}
        self.channels: dict[str, tuple[str, str]] = {}
        self.messages: list[dict[str, str]] = []

    async def __aenter__(self) -> "PushServer":
        app = web.Application()
        app.router.add_get("/", self._line)
        app.router.add_post("/push/{token}", self._take)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = self.runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for line in self.browsers.values():
            await line.close()
        await self.runner.cleanup()

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def address(self) -> str:
        return f"ws://{self.host}/"

    async def _line(self, request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse(protocols=["push-notification"])
        await line.prepare(request)
        name = ""
        async for message in line:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            said = json.loads(message.data) if message.data.strip() else {}
            kind = said.get("messageType", "ping")
            if kind == "hello":
                name = said.get("uaid") or uuid.uuid4().hex
                self.browsers[name] = line
                await line.send_json(
                    {
                        "messageType": "hello",
                        "uaid": name,
                        "status": 200,
                        "use_webpush": True,
                        "broadcasts": {},
                    }
                )
            elif kind in ("register", "unregister"):
                await line.send_json(self._channel(kind, said["channelID"], name))
            elif kind == "ping":
                await line.send_str("{}")
        return line

    def _channel(self, kind: str, channel: str, browser: str) -> dict[str, Any]:
        answer = {"messageType": kind, "channelID": channel, "status": 200}
        if kind == "unregister":
            self.channels = {t: c for t, c in self.channels.items() if c[1] != channel}
            return answer
        token = uuid.uuid4().hex
        self.channels[token] = (browser, channel)
        return {**answer, "pushEndpoint": f"http://{self.host}/push/{token}"}

    async def _take(self, request: web.Request) -> web.Response:
        known = self.channels.get(request.match_info["token"])
        if known is None:
            return web.Response(status=410)
        browser, channel = known
        body = await request.read()
        self.messages.append({name.lower(): value for name, value in request.headers.items()})
        message: dict[str, Any] = {
            "messageType": "notification",
            "channelID": channel,
            "version": uuid.uuid4().hex,
        }
        if body:
            message["data"] = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
            message["headers"] = {"encoding": request.headers.get("Content-Encoding", "")}
        await self.browsers[browser].send_json(message)
        return web.Response(status=201, headers={"Location": "/m/1", "TTL": "60"})


class Firefox:
    """One page of a Firefox with a profile of its own, which leaves nothing behind."""

    def __init__(self, push: str, **preferences: Any) -> None:
        self.preferences = {**PREFERENCES, "dom.push.serverURL": push, **preferences}
        self.said = 0

    async def __aenter__(self) -> "Firefox":
        self.profile = Path(tempfile.mkdtemp(prefix="firefox"))
        lines = (
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in self.preferences.items()
        )
        (self.profile / "user.js").write_text("\n".join(lines))
        self.log = self.profile / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(find_firefox(), "--headless", "--no-remote"),
                    *("--profile", str(self.profile), "--remote-debugging-port", "0"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": str(self.profile), "MOZ_HEADLESS": "1"},
                start_new_session=True,
            )
        try:
            address = await self._address()
            self.client = aiohttp.ClientSession()
            self.line = await self.client.ws_connect(f"{address}/session", max_msg_size=0)
            await self._ask("session.new", {"capabilities": {}})
            tree = await self._ask("browsingContext.getTree", {})
            self.page = tree["contexts"][0]["context"]
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if hasattr(self, "line"):
            await self.line.close()
        if hasattr(self, "client"):
            await self.client.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 15)
        try:
            await asyncio.to_thread(self.process.wait, 15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            await asyncio.to_thread(self.process.wait, 15)
        shutil.rmtree(self.profile, ignore_errors=True)

    async def open(self, address: str) -> None:
        what = {"context": self.page, "url": address, "wait": "complete"}
        await self._ask("browsingContext.navigate", what)

    async def evaluate(self, script: str) -> Any:
        """What the script comes to, waited for; as if somebody had just tapped."""
        found = await self._ask(
            "script.evaluate",
            {
                "expression": script,
                "target": {"context": self.page},
                "awaitPromise": True,
                "userActivation": True,
            },
        )
        assert found["type"] == "success", found["exceptionDetails"]["text"]
        return found["result"].get("value")

    async def until(self, script: str, seconds: float = 40) -> Any:
        """Look until the script comes to something."""
        end = asyncio.get_running_loop().time() + seconds
        found = None
        while asyncio.get_running_loop().time() < end:
            # A page that is just being left answers nothing.
            with contextlib.suppress(RuntimeError):
                found = await self.evaluate(script)
            if found:
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"never came true: {script}")

    async def _address(self) -> str:
        end = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < end:
            found = re.search(r"WebDriver BiDi listening on (ws://\S+)", self.log.read_text())
            if found:
                return found[1]
            assert self.process.poll() is None, self.log.read_text()
            await asyncio.sleep(0.1)
        raise AssertionError(f"Firefox does not listen:\n{self.log.read_text()}")

    async def _ask(self, method: str, parameters: dict[str, Any]) -> Any:
        self.said += 1
        await self.line.send_json({"id": self.said, "method": method, "params": parameters})
        while True:
            answer = json.loads((await self.line.receive(timeout=60)).data)
            if answer.get("id") == self.said:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['message']}")
                return answer["result"]
