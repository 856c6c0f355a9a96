"""Someone before the door, with a browser and a passkey of their own."""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.staff import audit, people
from backend.staff.auth import COOKIE
from backend.staff.tables import Account, AuditEntry, now
from tests.staff.authenticator import Authenticator

OURS = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Person:
    """`browser` keeps cookies as a browser does; `passkey` is what they hold in their hand."""

    browser: httpx.AsyncClient
    passkey: Authenticator = field(default_factory=Authenticator)

    @property
    def cookie(self) -> str | None:
        return self.browser.cookies.get(COOKIE)

    def carry(self, cookie: str | None) -> None:
        """Put this cookie, and no other, into the browser."""
        self.browser.cookies.clear()
        self.browser.cookies.set(COOKIE, cookie or "", domain="confianza.test")

    async def get(self, address: str) -> httpx.Response:
        return await self.browser.get(address)

    async def post(self, address: str, **fields: Any) -> httpx.Response:
        return await self.browser.post(address, data=fields, headers=OURS)

    async def send(self, address: str, **fields: Any) -> httpx.Response:
        """A form of the desk, with the token of its page."""
        return await self.post(address, form_token=await self.form_token(), **fields)

    async def form_token(self) -> str:
        found = re.search(r'name="form_token" value="(\w+)"', (await self.get("/desk/me")).text)
        assert found
        return found[1]

    async def ask(self, address: str) -> dict[str, Any]:
        """What a passkey is to sign."""
        answer = await self.browser.post(address, headers=OURS)
        assert answer.status_code == 200, answer.text
        asked: dict[str, Any] = answer.json()
        return asked

    async def take(self, link: str, passkey: Authenticator | None = None) -> httpx.Response:
        """Make a passkey with an invitation."""
        asked = await self.ask(f"{link}/challenge")
        return await self.post(link, credential=(passkey or self.passkey).make(asked))

    async def sign_in(self, to: str = "") -> httpx.Response:
        self.passkey.count += 1
        asked = await self.ask("/desk/sign-in/challenge")
        return await self.post("/desk/sign-in", credential=self.passkey.show(asked), next=to)

    async def step_up(self, to: str = "") -> httpx.Response:
        self.passkey.count += 1
        token = await self.form_token()
        headers = {**OURS, "X-Form-Token": token}
        asked = (await self.browser.post("/desk/step-up/challenge", headers=headers)).json()
        shown = self.passkey.show(asked)
        return await self.post("/desk/step-up", form_token=token, credential=shown, next=to)


Stranger = Callable[[], Awaitable[Person]]
Join = Callable[..., Awaitable[Person]]


@pytest.fixture
async def stranger(record: None) -> AsyncIterator[Stranger]:
    """`await stranger()`: somebody with a browser that we do not know."""
    from backend.app import app

    async with AsyncExitStack() as stack:

        async def come() -> Person:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
            browser = httpx.AsyncClient(transport=transport, base_url="https://confianza.test")
            return Person(await stack.enter_async_context(browser))

        yield come


@pytest.fixture
async def join(stranger: Stranger) -> Join:
    """`await join("Ana", "admin")`: a colleague who took their invitation and is signed in."""

    async def joined(name: str, *roles: str) -> Person:
        person = await stranger()
        answer = await person.take(await invited(name, *roles))
        assert answer.status_code == 200, answer.text
        return person

    return joined


async def long_ago(monkeypatch: pytest.MonkeyPatch, days: int, lines: int) -> None:
    """Lines of the trail as they were written then."""
    with monkeypatch.context() as then:
        then.setattr(audit, "now", lambda: now() - timedelta(days=days))
        for number in range(lines):
            await audit.write("Ana", "changed", f"old rule {number}")


@pytest.fixture
def own_keys(tmp_path: Path) -> Iterator[Path]:
    """Keys of this test's own, and what is noted beside them."""
    path = tmp_path / "keys" / "keys.json"
    before = os.environ.get("KEYS")
    os.environ["KEYS"] = str(path)
    yield path
    if before is None:
        del os.environ["KEYS"]
    else:
        os.environ["KEYS"] = before


async def invited(name: str, *roles: str) -> str:
    """The path of a new person's invitation, as it stands once its link was opened."""
    _account, link = await people.invite_new(name, list(roles) or ["editor"], audit.HOUSE)
    return link.removeprefix("http://localhost:8000").replace("#", "/")


async def account_of(name: str) -> Account:
    found = await Account.named(name)
    assert found is not None
    return found


async def last_lines(count: int = 1) -> list[dict[str, Any]]:
    """The newest lines of the trail, newest first."""
    found: list[dict[str, Any]] = await (
        AuditEntry.select().order_by(AuditEntry.id, ascending=False).limit(count)
    )
    return found
