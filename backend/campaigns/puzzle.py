"""A sum for the phone to work out, above a threshold only: it costs a person two seconds and who
sends thousands a lot. PyPI `altcha`, made and checked here; nobody else is asked."""

import base64
import datetime
import json
import time
from collections import OrderedDict

from altcha.v1 import ChallengeOptions, create_challenge, verify_solution

from backend.web import keyring

HARDEST = 60_000
LIVES = datetime.timedelta(minutes=20)
MOST_KEPT = 50_000

_used: OrderedDict[str, float] = OrderedDict()


def new() -> str:
    """A fresh one as JSON: `{algorithm, challenge, maxnumber, salt, signature}`."""
    options = ChallengeOptions(
        hmac_key=_key(),
        max_number=HARDEST,
        expires=datetime.datetime.now(datetime.UTC) + LIVES,
    )
    made = create_challenge(options)
    return json.dumps(
        {
            "algorithm": made.algorithm,
            "challenge": made.challenge,
            "maxnumber": HARDEST,
            "salt": made.salt,
            "signature": made.signature,
        }
    )


def is_solved(payload: str) -> bool:
    """Whether it is the answer to one of ours, in time and for the first time."""
    if not payload or len(payload) > 2000:
        return False
    try:
        right, _why = verify_solution(payload, _key(), check_expires=True)
        challenge = str(json.loads(base64.b64decode(payload))["challenge"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    if not right or challenge in _used:
        return False
    _used[challenge] = time.monotonic()
    while len(_used) > MOST_KEPT:
        _used.popitem(last=False)
    return True


def _key() -> str:
    return keyring.newest("puzzle").secret.hex()
