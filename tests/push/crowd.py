"""Thousands of phones at once, written straight into the table."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.web import keyring
from backend.web.sealing import DataKey

COLUMNS = (
    *("id", "data_key", "endpoint", "auth", "p256dh", "place", "secret_hash", "host"),
    *("vapid_key", "language", "everywhere", "counties", "topics", "kinds", "wording"),
    *("remind_day", "remind_hours", "made_at", "confirmed_at", "accepted_at"),
)
TOPICS = "holds transfers hearings votes campaigns enrollment help laws".split()
KINDS = "announced reminder moved cancelled outcome changed enrollment".split()


def point() -> bytes:
    pair = ec.generate_private_key(ec.SECP256R1())
    return pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def rows(
    ids: Iterable[int], host: str, endpoint: Callable[[int], str], counties: list[int] | None = None
) -> Iterable[tuple[Any, ...]]:
    """`endpoint` gives each its address. One key of the browser does for all: what it costs to seal
    for it is the same. All were rung two days ago. Wishes go round, so that every county and topic
    has its share."""
    vapid = keyring.newest("vapid").id
    theirs, now = point(), datetime.now(UTC)
    for id in ids:
        key = DataKey.new("subscription", id)
        chosen = (
            [counties[id % len(counties)], counties[id * 7 % len(counties)]] if counties else []
        )
        yield (
            id,
            key.wrapped(),
            key.seal("endpoint", endpoint(id)),
            key.seal("auth", os.urandom(16).hex()),
            theirs,
            id.to_bytes(32, "big"),
            id.to_bytes(32, "little"),
            host,
            vapid,
            "es" if id % 3 == 0 else "en",
            id % 10 == 0,
            sorted(set(chosen)),
            sorted({TOPICS[id % 8], TOPICS[id * 5 % 8], TOPICS[id // 8 % 8]}),
            KINDS,
            "full" if id % 5 == 0 else "neutral",
            id % 2 == 0,
            id % 4 == 0,
            now,
            now,
            now - timedelta(days=2),
        )


async def fill(connection: Any, records: Iterable[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table("subscription", records=records, columns=COLUMNS)
    await connection.execute(
        "SELECT setval(pg_get_serial_sequence('subscription', 'id'), max(id)) FROM subscription"
    )
