"""What a push service's answer means for us."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

from backend.push.http_client import Answer

# Whoever asks for more patience than that gets this much.
LONGEST = timedelta(days=1)
REASON = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,39}")


class Verdict(Enum):
    """`ACCEPTED` is not delivered: the service will try. `GONE` alone deletes the subscription.
    `REFUSED` and `TOO_LARGE` are our own fault. `BUSY` holds for the whole service, `LATER` is its
    own trouble."""

    ACCEPTED = "accepted"
    GONE = "gone"
    REFUSED = "refused"
    TOO_LARGE = "too large"
    BUSY = "busy"
    LATER = "later"


def judge(answer: Answer) -> Verdict:
    status = answer.status
    if status in (200, 201, 202):
        return Verdict.ACCEPTED
    if status in (404, 410):
        return Verdict.GONE
    if status == 413:
        return Verdict.TOO_LARGE
    if status == 429 or (status == 503 and answer.retry_after):
        return Verdict.BUSY
    # A redirect is never followed: it would carry the message to whoever it names.
    return Verdict.LATER if status >= 500 else Verdict.REFUSED


def how_long(retry_after: str) -> timedelta | None:
    """What a Retry-After asks for, in seconds or as a date; None when it asks for nothing we can
    read."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return _bounded(timedelta(seconds=int(text[:9])))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return _bounded(until - datetime.now(UTC))


def _bounded(asked: timedelta) -> timedelta | None:
    return min(asked, LONGEST) if asked >= timedelta(seconds=1) else None


def reason(answer: Answer) -> str:
    """The status, and the service's own word for it where it is one word ("BadJwtToken"). Never any
    other text of the body: it may hold what identifies a phone."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    word = said.get("reason") or said.get("error") if isinstance(said, dict) else None
    if isinstance(word, str) and REASON.fullmatch(word):
        return f"{answer.status} {word}"
    return str(answer.status)
