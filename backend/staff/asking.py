"""What somebody who is nobody yet was asked to sign. It travels with them, signed by us: ten
thousand strangers at the door leave nothing behind."""

import hashlib
import hmac
import time

from backend.staff.tables import TRYING
from backend.web import cookies, keyring
from backend.web.rate_limits import Limit
from backend.web.responses import AnyRequest, Sent

COOKIE = "__Host-desk-asked"
LONGEST = 400
# A question that was answered rightly is answered.
ANSWERED = Limit("questions at the door", 1, TRYING.total_seconds(), closed=True)


class Question:
    """Keeps a challenge as a session does, but in what the browser carries: `carried`."""

    def __init__(self, carried: str = "") -> None:
        self.carried = carried[:LONGEST]

    async def keep_challenge(self, purpose: str, challenge: str) -> None:
        made = str(int(time.time()))
        self.carried = f"{made}.{challenge}.{_sign(purpose, made, challenge)}"

    async def take_challenge(self, purpose: str) -> str | None:
        """What was asked for this purpose, within the last ten minutes."""
        made, _, rest = self.carried.partition(".")
        challenge, _, signature = rest.partition(".")
        right = _sign(purpose, made, challenge)
        if not hmac.compare_digest(signature.encode(), right.encode()):
            return None
        return challenge if 0 <= time.time() - int(made) <= TRYING.total_seconds() else None

    async def is_first_answer(self) -> bool:
        """True once: whoever sends the same again comes too late."""
        return await ANSWERED.take(self.carried.encode())


def question_of(request: AnyRequest) -> Question:
    """The one this browser carries, if any."""
    return Question(request.cookies.get(COOKIE, ""))


def hand_over(response: Sent, question: Question) -> Sent:
    """Let the browser carry it until it is answered."""
    response.add("set-cookie", _cookie(question.carried, int(TRYING.total_seconds())))
    return response


def take_back(response: Sent) -> Sent:
    response.add("set-cookie", _cookie("", 0))
    return response


def _sign(purpose: str, made: str, challenge: str) -> str:
    words = "|".join((purpose, made, challenge)).encode()
    return hmac.digest(keyring.newest("door").secret, words, hashlib.sha256).hex()


def _cookie(value: str, seconds: int) -> str:
    return cookies.written(COOKIE, value, seconds)
