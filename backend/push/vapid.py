"""How push services know that it is us (VAPID, RFC 8292): a token signed with the key that a phone
subscribed under, made out to one push service, good for half a day."""

from dataclasses import dataclass

from py_vapid import Vapid02

from backend import settings
from backend.push import timing
from backend.web import keyring, vapid

PURPOSE = "vapid"
GOOD_FOR = 12 * 3600
# Used no longer than this: the service's clock may be ahead of ours.
KEPT = 6 * 3600


@dataclass(frozen=True)
class _Token:
    header: str
    until: float


_tokens: dict[tuple[str, str, str], _Token] = {}


def authorization(key_id: str, origin: str, contact: str) -> str:
    """The Authorization header for a push service. Raises keyring.NoKey when that key is gone."""
    known = _tokens.get((key_id, origin, contact))
    if known is not None and timing.epoch() < known.until:
        return known.header
    key = keyring.named(PURPOSE, key_id)
    now = int(timing.epoch())
    # Claims of its own each time: py_vapid and pywebpush write into those they are given.
    claims = {"aud": origin, "sub": contact, "exp": now + GOOD_FOR}
    header: str = Vapid02(private_key=vapid.private_key(key.secret)).sign(claims)["Authorization"]
    if len(_tokens) > 1000:  # Windows alone has many hosts
        _tokens.clear()
    _tokens[key_id, origin, contact] = _Token(header, now + KEPT)
    return header


def public_key() -> str:
    """What browsers subscribe under now: `applicationServerKey`."""
    return vapid.for_browsers(keyring.newest_half(PURPOSE).public)


def key_id(public: str) -> str | None:
    """The id of the key whose public half this is, when we hold it."""
    halves = keyring.halves(PURPOSE)
    return next((it.id for it in halves if vapid.for_browsers(it.public) == public), None)


def is_ready() -> bool:
    """Whether anybody can be rung from here: push services want to know whom to write to."""
    return bool(settings.read().push_contact)
