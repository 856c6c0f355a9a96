"""A few hundred devices of one ring and one push service, in the hand of one lane."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.push import payload, timing
from backend.push.broadcasts import LONGEST_LIFE, topic
from backend.push.endpoints import Endpoint
from backend.web.language import ENGLISH

# What becomes of a device, each a column of numbers.
COUNTED = ("accepted", "gone", "failed", "skipped")
SHORTEST_LIFE = 60
MOST_LIFE = LONGEST_LIFE.total_seconds()
A_DAY = 24 * 3600


@dataclass
class Batch:
    """A batch in hand, with what is sent: `plain` are the padded messages by language and wording,
    made when they are first needed. `counts` are those of the devices struck off. On `trial` are
    devices that have not proved themselves. A `single` ring is for one phone alone."""

    id: int
    ring: int
    host: str
    holder: str
    remaining: set[int]
    tries: int
    trial: bool
    counts: Counter[str]
    words: dict[str, Any]
    navigate: str
    topic: str
    urgent: bool
    pressing: bool
    expires_at: datetime
    cancelled: bool
    single: bool = False
    plain: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, row: dict[str, Any], ring: dict[str, Any], holder: str) -> "Batch":
        return cls(
            id=row["id"],
            ring=row["ring"],
            host=row["host"],
            holder=holder,
            remaining=set(row["remaining"]),
            tries=row["tries"],
            trial=row["trial"],
            counts=Counter({name: row[name] for name in COUNTED}),
            words=ring["words"],
            navigate=ring["navigate"],
            topic=topic(ring["subject"]),
            urgent=ring["urgent"],
            pressing=ring["pressing"],
            expires_at=ring["expires_at"],
            cancelled=ring["cancelled_at"] is not None,
            single=ring["single"],
        )

    @property
    def tells_of_the_service(self) -> bool:
        """Whether a service that refuses these has something against us. Of devices that never were
        rung, or failed once already, anybody can make as many as they like."""
        return not self.trial and not self.tries

    def life(self) -> int:
        """For how many seconds the message is worth something: the TTL. Not above 0: none."""
        left = (self.expires_at - timing.now()).total_seconds()
        return int(min(max(left, SHORTEST_LIFE), MOST_LIFE)) if left > 0 else 0

    def urgency(self, life: int) -> str:
        """How soon a phone that saves its battery is woken for it (RFC 8030): at once when it is
        worth something for less than a day."""
        return "high" if self.urgent or self.pressing or life <= A_DAY else "normal"

    def headers(self, life: int) -> dict[str, str]:
        """What RFC 8030 lets us say of a message, beside how long it lives."""
        return {
            "Urgency": self.urgency(life),
            "Topic": self.topic,
            "Content-Type": "application/octet-stream",
        }

    def request(self, to: Endpoint, signed: str, life: int, body: bytes) -> bytes:
        """As it goes over the line (RFC 8030)."""
        head = (
            f"POST {to.path} HTTP/1.1\r\nHost: {to.authority}\r\nAuthorization: {signed}\r\n"
            f"TTL: {life}\r\nUrgency: {self.urgency(life)}\r\n"
            f"Topic: {self.topic}\r\nContent-Encoding: aes128gcm\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def message(self, language: str, wording: str) -> bytes:
        known = self.plain.get((language, wording))
        if known is None:
            code = language if language in self.words else ENGLISH.code
            said = self.words[code][wording if wording in self.words[code] else "neutral"]
            known = payload.padded(payload.notification(said, code, self.navigate, self.topic))
            self.plain[language, wording] = known
        return known
