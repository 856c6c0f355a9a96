"""Publishing: telling one thing, once; the phones ring, and who hears by mail gets a letter."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from backend import database
from backend.alerts.kinds import News
from backend.alerts.tables import AlertNews
from backend.hearings.entry import Entry
from backend.hearings.tables import Hearing
from backend.push import broadcasts
from backend.push.audience import Audience
from backend.staff.tables import now
from backend.web import jobs
from backend.web.clock import CALIFORNIA

MAIL_JOB = "mail_alert"
# Whoever has set out, or is about to, has to hear of these at once.
PRESSING = (News.MOVED, News.CANCELLED)
# What comes later than this before an event helps nobody. A push service keeps a message for a
# minute at least, and none may come after the event.
LEAD = timedelta(minutes=5)
# How long that is news which has no day of its own.
NEWS_FOR = timedelta(days=2)
MORNING = time(9)


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
        ring = await broadcasts.ring(
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
        await jobs.enqueue(MAIL_JOB, {"news": id}, after=after, key=f"mail news {id}")
    found: AlertNews | None = await AlertNews.objects().where(AlertNews.id == id).first()
    return found


async def call_off(hearing: int) -> set[str]:
    """Whatever was told of this hearing holds no more: ring nobody else with it, and mail nobody
    else. Returns the kinds of what was still going out."""
    async with database.connection() as connection:
        rows = await connection.fetch(GOING_OUT, hearing)
    return {row["kind"] for row in rows if await broadcasts.cancel(row["ring"])}


def begins_at(what: Hearing | Entry) -> datetime:
    """When it begins, as early as it may where only the day is known."""
    if what.time_known:
        return what.starts_at
    return morning(what.starts_at.astimezone(CALIFORNIA).date())


def morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, CALIFORNIA)


GOING_OUT = """
SELECT news.kind, news.ring FROM alert_news news JOIN ring ON ring.id = news.ring
WHERE news.hearing = $1 AND ring.finished_at IS NULL
"""

MAKE = """
INSERT INTO alert_news (what, kind, hearing, words, navigate, audience, expires_at, mailed, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, clock_timestamp())
ON CONFLICT (what) DO NOTHING RETURNING id
"""
