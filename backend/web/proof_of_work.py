"""Proof of work: what is asked for when too many try something. It is a sum for the phone to work
out, which costs a person a second or two and who tries thousands a lot (PyPI `altcha`, made and
checked here; nobody else is asked); or, where no script runs, to wait a while with a ticket. Each
is good once, in whichever process it comes to.

A ticket costs a program nothing but time, so a network may wait for few of them.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from altcha.v1 import ChallengeOptions, create_challenge, verify_solution

from backend.web import keyring
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import AnyRequest

# Up to so many tries for a sum of hardness 1: a second on an old phone, on average.
HARDEST = 60_000
MOST_HARD = 20.0
LIVES = datetime.timedelta(minutes=20)
# How old a ticket must be, in seconds.
WAIT = 20
LONGEST = 2000

SOLVED = Limit("solved sums", 1, LIVES.total_seconds(), closed=True)
SPENT = Limit("spent tickets", 1, LIVES.total_seconds(), closed=True)
WAITERS = NetworkLimit("tickets of a network", 10, 600, closed=True)


def new(hardness: float = 1.0) -> str:
    """A fresh sum as JSON: `{algorithm, challenge, maxnumber, salt, signature}`. One of hardness 3
    takes three times as long; 20 is the most."""
    hardest = round(HARDEST * min(max(hardness, 0.01), MOST_HARD))
    options = ChallengeOptions(
        hmac_key=_key().hex(),
        max_number=hardest,
        expires=datetime.datetime.now(datetime.UTC) + LIVES,
    )
    made = create_challenge(options)
    return json.dumps(
        {
            "algorithm": made.algorithm,
            "challenge": made.challenge,
            "maxnumber": hardest,
            "salt": made.salt,
            "signature": made.signature,
        }
    )


async def is_solved(payload: str) -> bool:
    """Whether it is the answer to one of ours, in time and for the first time."""
    if not payload or len(payload) > LONGEST:
        return False
    try:
        right, _why = verify_solution(payload, _key().hex(), check_expires=True)
        challenge = str(json.loads(base64.b64decode(payload))["challenge"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return right and await SOLVED.take(challenge.encode())


def ticket() -> str:
    """To be sent along again when it is 20 seconds old: 54 letters."""
    body = _moment().to_bytes(8, "big") + secrets.token_bytes(16)
    return base64.urlsafe_b64encode(body + _sign(body)).decode().rstrip("=")


async def has_waited(given: str, request: AnyRequest) -> bool:
    """Whether it is a ticket of ours, 20 seconds to 20 minutes old, for the first time, and this
    network has not spent too many."""
    try:
        raw = base64.urlsafe_b64decode(given[:LONGEST] + "==")
    except (binascii.Error, ValueError):
        return False
    body, signature = raw[:24], raw[24:]
    if len(body) != 24 or not hmac.compare_digest(signature, _sign(body)):
        return False
    age = (_moment() - int.from_bytes(body[:8], "big")) / 1000
    if not WAIT <= age <= LIVES.total_seconds():
        return False
    return await WAITERS.take(request) and await SPENT.take(body)


@dataclass(frozen=True)
class Asked:
    """What somebody has to do first: the sum (JSON), or wait with the ticket. `parts/sum.html`
    shows it."""

    sum: str
    ticket: str


def ask() -> Asked:
    return Asked(new(), ticket())


async def is_done(solved: str, ticket: str, request: AnyRequest) -> bool:
    """Whether either was done that `ask` wanted: what came in the fields `sum` and `ticket`."""
    return await is_solved(solved) or await has_waited(ticket, request)


def _moment() -> int:
    return time.time_ns() // 1_000_000


def _sign(body: bytes) -> bytes:
    return hmac.digest(_key(), b"ticket" + body, hashlib.sha256)[:16]


def _key() -> bytes:
    return keyring.newest("puzzle").secret
