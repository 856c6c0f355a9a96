"""The limits of one process, for signing only, until that counts with `rate_limits` too."""

import time
from collections import OrderedDict

from backend.web.rate_limits import client_key

__all__ = ["Limit", "client_key"]

MOST_CLIENTS = 50_000


class Limit:
    """At most `most` times within `seconds` for each key, evenly refilled (the generic cell rate
    algorithm, ITU-T I.371). Lives in memory only; past 50,000 keys the longest unseen leaves."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.spacing = seconds / most
        self.due: OrderedDict[bytes, float] = OrderedDict()

    def take(self, key: bytes, now: float | None = None) -> bool:
        """Count one more for this key; False when that is too many, which then does not count."""
        now = time.monotonic() if now is None else now
        due = max(self.due.get(key, now), now)
        if due - now > (self.most - 1) * self.spacing + 1e-9:
            return False
        self.due[key] = due + self.spacing
        self.due.move_to_end(key)
        while len(self.due) > MOST_CLIENTS:
            self.due.popitem(last=False)
        return True

    def wait(self, key: bytes, now: float | None = None) -> int:
        """Seconds until the key may try again."""
        now = time.monotonic() if now is None else now
        over = self.due.get(key, now) - now - (self.most - 1) * self.spacing
        return max(0, int(over) + 1) if over > 0 else 0

    def forget(self) -> None:
        self.due.clear()
