"""Broadcast: asking for a ring, calling it off, and how far it is."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backend import database
from backend.push import payload, push_services
from backend.push.audience import Audience
from backend.push.push_services import Paused
from backend.push.tables import LARGEST_ID, Ring
from backend.web import jobs
from backend.web.language import ENGLISH, later
from backend.web.sealing import blind_index

# What push services keep a message for at most.
LONGEST_LIFE = timedelta(days=28)
WORDINGS = ("neutral", "full")

# {language: {"neutral" | "full": {"title": …, "body": …}}}
Words = Mapping[str, Mapping[str, Mapping[str, str]]]


class CannotRing(Exception):
    """The ring was not made. `words` is a `later()` sentence that says why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class Progress:
    """`state` is waiting, resolving, ringing, finished or cancelled. `queued` devices were written
    down, `waiting` ones of them are still to be rung; see `Ring` for the other counts. `paused`
    are services that it waits for, `done_by` is when it will be done at the pace so far."""

    state: str
    queued: int
    accepted: int
    gone: int
    failed: int
    skipped: int
    waiting: int
    paused: list[Paused]
    done_by: datetime | None


async def ring(
    what: str,
    words: Words,
    navigate: str,
    subject: str,
    audience: Audience,
    expires_at: datetime,
    *,
    urgent: bool = False,
    pressing: bool = False,
    due_at: datetime | None = None,
) -> Ring:
    """Ring everybody of the audience, once: whoever asks again for the same `what` gets the ring
    that stands. It exists exactly if the open transaction commits. `navigate` is a path of ours;
    English words stand in where a language has none; `urgent` passes quiet hours,
    `pressing` is carried at once but does not wake anybody. Raises CannotRing."""
    _check(words, navigate, subject)
    due = due_at or datetime.now(UTC)
    if expires_at <= max(due, datetime.now(UTC)):
        raise CannotRing(later("This would be over before anybody hears of it."))
    if not what or len(what) > 120 or not subject or len(subject) > 120:
        raise ValueError("a ring needs a name and a subject of 1 to 120 characters")
    async with database.connection() as connection:
        id = await connection.fetchval(
            MAKE,
            what,
            json.dumps(words, ensure_ascii=False),
            navigate,
            subject,
            urgent,
            pressing,
            json.dumps(audience.as_json()),
            due,
            expires_at,
        )
        if id is not None:
            wait = due - datetime.now(UTC)
            await jobs.enqueue(
                "resolve_ring",
                {"ring": id},
                after=wait if wait > timedelta() else None,
                priority=1 if urgent else 0,
                key=f"ring {id}",
            )
    return await _named(what)


async def ring_one(
    subscription: int,
    what: str,
    words: Words,
    navigate: str,
    *,
    subject: str = "test",
    minutes: int = 10,
) -> Ring:
    """Ring one device now, whatever its hours: somebody holds it and waits."""
    return await ring(
        what,
        words,
        navigate,
        subject,
        Audience(only=(subscription,)),
        datetime.now(UTC) + timedelta(minutes=minutes),
        urgent=True,
    )


async def cancel(id: int) -> bool:
    """Ring nobody more. Those in flight cannot be called back. False when it was over."""
    if not 0 < id <= LARGEST_ID:
        return False
    async with database.connection() as connection:
        done = await connection.fetchval(CANCEL, id)
        if done is None:
            return False
        # Lanes that hold a batch see it themselves; the others are nobody's work any more.
        await connection.execute(DROP_FREE, id)
    return True


async def progress(id: int) -> Progress | None:
    """None when there is no such ring."""
    if not 0 < id <= LARGEST_ID:
        return None
    async with database.connection() as connection:
        row = await connection.fetchrow(PROGRESS, id)
        if row is None:
            return None
        waiting_for = await connection.fetch(
            "SELECT DISTINCT host FROM ring_batch WHERE ring = $1", id
        )
    its_hosts = {each["host"] for each in waiting_for}
    standing = [each for each in await push_services.paused() if each.host in its_hosts]
    counts = {name: row[name] for name in ("queued", "accepted", "gone", "failed", "skipped")}
    waiting = max(0, row["queued"] - sum(counts[name] for name in COUNTS))
    return Progress(
        state=_state(row),
        waiting=0 if row["cancelled_at"] else waiting,
        paused=standing,
        done_by=_done_by(row, waiting),
        **counts,
    )


def topic(subject: str) -> str:
    """What stands for the event in a push service's queue and on the phone: 32 characters that tell
    nobody which it is. A newer message of the same topic takes the older one's place."""
    return base64.urlsafe_b64encode(blind_index("push topic", subject)[:24]).decode()


def preview(words: Words, language: str, wording: str, navigate: str = "/") -> dict[str, Any]:
    """The notification as a phone with that language and wording gets it."""
    code = language if language in words else ENGLISH.code
    message = payload.notification(dict(words[code][wording]), code, navigate, "preview")
    shown: dict[str, Any] = message["notification"]
    return shown


def _check(words: Words, navigate: str, subject: str) -> None:
    if not navigate.startswith("/") or navigate.startswith("//") or len(navigate) > 300:
        raise CannotRing(later("An alert can only lead to a page of ours."))
    if ENGLISH.code not in words:
        raise CannotRing(later("The words in English are missing."))
    for code, wordings in words.items():
        for wording in WORDINGS:
            said = wordings.get(wording, {})
            if not said.get("title", "").strip() or not said.get("body", "").strip():
                raise CannotRing(later("A title or a text is missing."))
            try:
                payload.padded(payload.notification(dict(said), code, navigate, "x" * 32))
            except payload.TooLong:
                raise CannotRing(later("The words are too long for an alert.")) from None


async def _named(what: str) -> Ring:
    [found] = await Ring.objects().where(Ring.what == what)
    return found


def _state(row: Any) -> str:
    if row["cancelled_at"]:
        return "cancelled"
    if row["finished_at"]:
        return "finished"
    if row["started_at"] is None:
        return "waiting"
    return "ringing" if row["resolved_at"] else "resolving"


def _done_by(row: Any, waiting: int) -> datetime | None:
    """Worked out from its own pace: the services' pace, the lanes and other rings are all in it."""
    if row["finished_at"] or row["cancelled_at"] or not row["started_at"] or not row["resolved_at"]:
        return None
    done = row["queued"] - waiting
    if not waiting or done < 1:
        return None
    now = datetime.now(UTC)
    lasted: timedelta = now - row["started_at"]
    by: datetime = min(now + lasted * (waiting / done), row["expires_at"])
    return by


COUNTS = ("accepted", "gone", "failed", "skipped")

MAKE = """
INSERT INTO ring (what, words, navigate, subject, urgent, pressing, audience, due_at, expires_at,
                  made_at, resolved_up_to, queued, accepted, gone, failed, skipped)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), 0, 0, 0, 0, 0, 0)
ON CONFLICT (what) DO NOTHING RETURNING id
"""

CANCEL = """
UPDATE ring SET cancelled_at = clock_timestamp(), finished_at = clock_timestamp(),
       audience = audience - 'only'
WHERE id = $1 AND finished_at IS NULL RETURNING id
"""

DROP_FREE = """
WITH dropped AS (
    DELETE FROM ring_batch WHERE id IN (
        SELECT id FROM ring_batch WHERE ring = $1
        AND (held_until IS NULL OR held_until < clock_timestamp()) FOR UPDATE SKIP LOCKED)
    RETURNING cardinality(remaining) AS left, accepted, gone, failed, skipped
)
UPDATE ring SET accepted = ring.accepted + sums.accepted, gone = ring.gone + sums.gone,
       failed = ring.failed + sums.failed, skipped = ring.skipped + sums.skipped + sums.left
FROM (SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(gone), 0) AS gone,
             coalesce(sum(failed), 0) AS failed, coalesce(sum(skipped), 0) AS skipped,
             coalesce(sum("left"), 0) AS "left" FROM dropped) sums
WHERE ring.id = $1
"""

# What batches under way have done so far is not in the ring's own numbers yet.
PROGRESS = """
SELECT ring.started_at, ring.resolved_at, ring.finished_at, ring.cancelled_at, ring.expires_at,
       ring.queued, (ring.accepted + sums.accepted)::int AS accepted,
       (ring.gone + sums.gone)::int AS gone, (ring.failed + sums.failed)::int AS failed,
       (ring.skipped + sums.skipped)::int AS skipped
FROM ring, LATERAL (
    SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(gone), 0) AS gone,
           coalesce(sum(failed), 0) AS failed, coalesce(sum(skipped), 0) AS skipped
    FROM ring_batch WHERE ring_batch.ring = ring.id) sums
WHERE ring.id = $1
"""
