"""A house of its own for alerts: what lanes do they commit, several at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend import database, settings
from backend.database import DB
from backend.push import broadcasts, delivery, fan_out, sender, subscriptions, timing, tuning, vapid
from backend.push.audience import Audience
from backend.push.broadcasts import Progress
from backend.push.subscriptions import Wishes
from backend.push.tables import Ring
from tests.push.service import PushService, base64url

CANARY = "canary-Rosario-Canario"
WORDS = {
    "en": {
        "neutral": {"title": "New update", "body": "Open the app to read it"},
        "full": {"title": "Hearing moved", "body": "Kern County, May 5"},
    },
    "es": {
        "neutral": {"title": "Hay novedades", "body": "Abra la aplicación para leerlas"},
        "full": {"title": "Cambió la audiencia", "body": "Condado de Kern, 5 de mayo"},
    },
}
TABLES = "subscription, ring, ring_batch, push_host, alarm, pgqueuer, pgqueuer_log"


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Development, keys of the test's own, and nobody else's settings."""
    monkeypatch.setenv("DEVELOPMENT", "1")
    monkeypatch.setenv("KEYS", str(tmp_path / "keys" / "keys.json"))
    for name in ("PUSH_CONTACT", "PUSH_TEST_HOSTS", "PUSH_PACE", "SITE_URL"):
        monkeypatch.delenv(name, raising=False)
    vapid._tokens.clear()
    return monkeypatch


@dataclass
class House:
    """Phones, a push service, and the lanes between them."""

    service: PushService
    url: str

    @property
    def host(self) -> str:
        return self.service.host

    async def phone(self, name: str, **wishes: Any) -> subscriptions.Held:
        phone = self.service.phone(name)
        return await subscriptions.subscribe(
            self.service.endpoint(name),
            base64url(phone.p256dh),
            base64url(phone.auth),
            vapid.public_key(),
            Wishes(**{"everywhere": True, "topics": ("holds",), "kinds": ("moved",), **wishes}),
        )

    async def phones(self, number: int, proven: bool = False, named: str = CANARY) -> list[str]:
        """`proven` ones were rung before."""
        names = [f"{named}-{each}" for each in range(number)]
        ids = [(await self.phone(name)).subscription for name in names]
        if proven:
            await self.prove(ids)
        return names

    async def prove(self, ids: list[int]) -> None:
        await self.ask(
            "UPDATE subscription SET accepted_at = date_trunc('day', now()) WHERE id = ANY($1)", ids
        )

    async def ring(self, what: str = "one", **more: Any) -> Ring:
        given: dict[str, Any] = {
            "words": WORDS,
            "navigate": "/hearings/1",
            "subject": "hearing 1",
            "audience": Audience(),
            "expires_at": datetime.now(UTC) + timedelta(hours=2),
            **more,
        }
        ring = await broadcasts.ring(what, **given)
        await fan_out.resolve({"ring": ring.id})
        return ring

    async def once(self) -> None:
        """One lane's work: nobody is waited for."""
        await delivery.lane({"host": self.host, "lane": 0})

    async def until_done(self, ring: Ring, seconds: float = 20) -> Progress:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.progress(ring)
            if found.state in ("finished", "cancelled"):
                return found
            assert asyncio.get_running_loop().time() < end, f"it did not come to an end: {found}"
            await self.once()
            await asyncio.sleep(0.02)

    async def progress(self, ring: Ring) -> Progress:
        found = await broadcasts.progress(ring.id)
        assert found is not None
        return found

    async def ask(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]

    async def value(self, query: str, *values: Any) -> Any:
        async with database.connection() as connection:
            return await connection.fetchval(query, *values)


@pytest.fixture
async def house(
    push_database: str, database_url: str, allowed: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    for counter in (delivery._lanes, sender._took, sender._told, sender._silent):
        counter.clear()
    hurried = tuning.Manner(
        first_wait=timedelta(seconds=0.1),
        seconds=1.0,
        silences=1000,
        shift=timedelta(seconds=3),
        walk=0.01,
    )
    allowed.setattr(tuning, "current", hurried)
    allowed.setattr(timing, "_ahead", 0.0)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(PushService())
        allowed.setenv("PUSH_TEST_HOSTS", service.host)
        settings.remember_database(push_database)
        database.use(push_database)
        await DB.start_connection_pool(min_size=1, max_size=8)
        try:
            house = House(service, push_database)
            await house.ask(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
            yield house
        finally:
            delivery.hang_up()
            await DB.close_connection_pool()
            settings.remember_database(database_url)
            database.use(database_url)
