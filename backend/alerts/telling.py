"""Telling one thing, once: the phones ring, and who hears by mail gets a letter."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from backend import database
from backend.alerts.kinds import News
from backend.alerts.tables import AlertNews
from backend.push import rings
from backend.push.audience import Audience
from backend.staff.tables import now
from backend.web import work

MAIL_JOB = "mail_alert"
# Whoever has set out, or is about to, has to hear of these at once.
PRESSING = (News.MOVED, News.CANCELLED)


async def tell(
    what: str,
    kind: str,
    words: Mapping[str, Any],
    navigate: str,
    subject: str,
    audience: Audience,
    expires_at: datetime,
    *,
    urgent: bool = False,
    due_at: datetime | None = None,
    hearing: int | None = None,
) -> AlertNews | None:
    """Tell it to everybody of the audience; None when that was told before. It is told exactly if
    the open transaction commits. Raises rings.CannotRing."""
    async with database.connection() as connection:
        id = await connection.fetchval(
            MAKE,
            what,
            kind,
            hearing,
            json.dumps(words, ensure_ascii=False),
            navigate,
            json.dumps(replace(audience, only=()).as_json()),
            expires_at,
        )
        if id is None:
            return None
        ring = await rings.ring(
            what,
            words,
            navigate,
            subject,
            audience,
            expires_at,
            urgent=urgent,
            pressing=kind in PRESSING,
            due_at=due_at,
        )
        await connection.execute("UPDATE alert_news SET ring = $1 WHERE id = $2", ring.id, id)
        wait = due_at - now() if due_at else None
        after = wait if wait and wait.total_seconds() > 0 else None
        await work.enqueue(MAIL_JOB, {"news": id}, after=after, key=f"mail news {id}")
    found: AlertNews | None = await (
        AlertNews.objects().where(AlertNews.id == id).first().output(load_json=True)
    )
    return found


MAKE = """
INSERT INTO alert_news (what, kind, hearing, words, navigate, audience, expires_at, mailed, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, clock_timestamp())
ON CONFLICT (what) DO NOTHING RETURNING id
"""
