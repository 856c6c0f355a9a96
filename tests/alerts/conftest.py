"""Phones that turn their alerts on, and what they would hear."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from backend import database
from backend.alerts.kinds import News
from backend.alerts.preferences import Choices
from backend.alerts.tables import AlertNews
from backend.hearings.kinds import Topic
from backend.push import vapid
from backend.push.audience import Audience
from tests.push.service import Phone, base64url

HOST = "127.0.0.1:9"


@pytest.fixture
def may_ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Development, with keys of the test's own and a push service that nobody asks."""
    monkeypatch.setenv("DEVELOPMENT", "1")
    monkeypatch.setenv("PUSH_TEST_HOSTS", HOST)
    monkeypatch.setenv("KEYS", str(tmp_path / "keys" / "keys.json"))
    return monkeypatch


@pytest.fixture
async def phone(client: httpx.AsyncClient, may_ring: object) -> "Browser":
    return Browser(client)


class Browser:
    """What the page on a phone does, without the phone."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.pushed = Phone("one")
        self.secret = ""

    def turned(self, endpoint: str = "one", **choices: Any) -> dict[str, Any]:
        return {
            "endpoint": f"http://{HOST}/push/{endpoint}",
            "keys": {
                "p256dh": base64url(self.pushed.p256dh),
                "auth": base64url(self.pushed.auth),
            },
            "key": vapid.public_key(),
            "choices": pairs(**choices),
        }

    async def ask(self, path: str, body: Any, language: str = "en") -> httpx.Response:
        return await self.client.post(
            f"/alerts/subscription{path}",
            json=body,
            headers={"Sec-Fetch-Site": "same-origin", "Accept-Language": language},
        )

    async def turn_on(self, endpoint: str = "one", **choices: Any) -> httpx.Response:
        answer = await self.ask("", self.turned(endpoint, **choices))
        if answer.status_code == 200:
            self.secret = answer.json()["secret"]
        return answer

    async def with_secret(self, path: str, **more: Any) -> httpx.Response:
        return await self.ask(path, {"secret": self.secret, **more})


def pairs(**choices: Any) -> list[tuple[str, str]]:
    given = {"counties": frozenset({"modoc"}), "language": "en", **choices}
    return Choices(**given).pairs()


def form(**choices: Any) -> dict[str, list[str]]:
    """As httpx sends a form."""
    made: dict[str, list[str]] = {}
    for name, value in pairs(**choices):
        made.setdefault(name, []).append(value)
    return made


async def hears(news: AlertNews) -> int:
    """How many phones it concerns."""
    audience: Any = news.audience
    where, values = Audience.of(audience).condition()
    async with database.connection() as connection:
        return int(
            await connection.fetchval(f"SELECT count(*) FROM subscription WHERE {where}", *values)
        )


async def told() -> list[AlertNews]:
    """Everything that was told, the earliest first."""
    found: list[AlertNews] = await AlertNews.objects(AlertNews.ring).order_by(AlertNews.id)
    return found


ALL_TOPICS, ALL_KINDS = frozenset(Topic), frozenset(News)
