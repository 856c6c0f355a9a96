"""Push subscription: a phone turns its alerts on, changes what it wants, shows that it is still
there, and leaves.

Whoever holds the token that the phone got when it subscribed may change the subscription, and
nobody else: not the staff, and not who reads the database.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, replace
from typing import Any, Literal

from backend import database
from backend.counties.tables import County
from backend.push import days, endpoints, payload, vapid
from backend.push.endpoints import Endpoint
from backend.push.tables import FIRST_BY_LOT, LARGEST_ID, Subscription
from backend.staff.tables import digest
from backend.web.language import ENGLISH, LANGUAGES, later
from backend.web.sealing import DataKey, blind_index

WORDINGS = ("neutral", "full")
DAY = 24 * 60
MOST = 60
LONGEST_NAME = 40
LONGEST_TOKEN = 100
COLUMNS = (
    *("language", "everywhere", "counties", "topics", "kinds", "wording"),
    *("quiet_from", "quiet_until", "remind_day", "remind_hours"),
)

Standing = Literal["fine", "subscribe", "unknown"]


class CannotSubscribe(Exception):
    """`words` is a `later()` sentence for the person, `code` a short name of the cause."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = words


@dataclass(frozen=True)
class Wishes:
    """What a phone wants to hear of, and when: see `Subscription`. `counties` are ids."""

    language: str = ENGLISH.code
    everywhere: bool = False
    counties: tuple[int, ...] = ()
    topics: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    wording: str = "neutral"
    quiet_from: int | None = None
    quiet_until: int | None = None
    remind_day: bool = False
    remind_hours: bool = False

    async def checked(self) -> "Wishes":
        """In order and without repeats. Raises CannotSubscribe for what cannot be wished."""
        quiet = (self.quiet_from, self.quiet_until)
        names = (*self.topics, *self.kinds)
        counties = sorted(set(self.counties))
        sound = (
            self.language in LANGUAGES
            and self.wording in WORDINGS
            and max(len(self.topics), len(self.kinds), len(counties)) <= MOST
            and all(name and len(name) <= LONGEST_NAME and name.isprintable() for name in names)
            and (quiet == (None, None) or all(it is not None and 0 <= it < DAY for it in quiet))
            and all(0 < id < 2**31 for id in counties)
        )
        if not sound or not await _all_there(counties):
            raise CannotSubscribe("wishes", later("We could not read what you chose. Try again."))
        return replace(
            self,
            counties=tuple(counties),
            topics=tuple(sorted(set(self.topics))),
            kinds=tuple(sorted(set(self.kinds))),
        )

    def as_row(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in COLUMNS}
        return {name: list(it) if isinstance(it, tuple) else it for name, it in row.items()}


@dataclass(frozen=True)
class Held:
    """A subscription that stands, and the token for the phone to keep: the one it showed, so that
    an answer that is lost costs nothing, or else a new one, and earlier ones open nothing any
    more."""

    subscription: int
    secret: str


async def subscribe(
    endpoint: str,
    p256dh: str,
    auth: str,
    public_key: str,
    wishes: Wishes,
    secret: str | None = None,
) -> Held:
    """Turn alerts on for the device that has this endpoint. The keys are in base64url as browsers
    give them, `public_key` is the one of ours it subscribed under. The same endpoint again is the
    same subscription; with `secret`, so is the phone that has a new endpoint. Raises
    CannotSubscribe: the phone shall then give its push subscription up."""
    if not vapid.is_ready():
        raise CannotSubscribe("off", later("Alerts cannot be turned on here yet."))
    try:
        to = endpoints.read(endpoint)
    except endpoints.NotAnEndpoint:
        raise CannotSubscribe(
            "endpoint", later("We cannot send alerts to this browser. Try another one.")
        ) from None
    point, code = _decoded(p256dh), _decoded(auth)
    try:
        payload.check_keys(point, code)
    except payload.NotAKey:
        raise CannotSubscribe(
            "keys", later("Your browser gave us keys that do not work. Turn alerts on again.")
        ) from None
    key = vapid.key_id(public_key)
    if key is None:
        raise CannotSubscribe("key", later("Our key has changed. Turn alerts on again."))
    wished = await wishes.checked()
    return await _keep(_Phone(to, endpoint, point, code, key), wished, secret)


async def held_by(secret: str) -> Subscription | None:
    """The subscription that this token opens."""
    if not secret or len(secret) > LONGEST_TOKEN:
        return None
    found: Subscription | None = await (
        Subscription.objects().where(Subscription.secret_hash == digest(secret)).first()
    )
    return found


def wishes_of(subscription: Subscription) -> Wishes:
    row = {name: getattr(subscription, name) for name in COLUMNS}
    values: dict[str, Any] = {
        name: tuple(it) if isinstance(it, list) else it for name, it in row.items()
    }
    return Wishes(**values)


async def change(secret: str, wishes: Wishes) -> bool:
    """False when the token opens nothing. Raises CannotSubscribe."""
    held = await held_by(secret)
    if held is None:
        return False
    row: dict[Any, Any] = (await wishes.checked()).as_row()
    seen: dict[Any, Any] = {"confirmed_at": days.today(), "warned_at": None}
    await Subscription.update({**row, **seen}).where(Subscription.id == held.id)
    return True


async def unsubscribe(secret: str) -> bool:
    """Forget the device. False when the token opens nothing."""
    if not secret or len(secret) > LONGEST_TOKEN:
        return False
    gone = await (
        Subscription.delete()
        .where(Subscription.secret_hash == digest(secret))
        .returning(Subscription.id)
    )
    return bool(gone)


async def reconcile(secret: str, endpoint: str | None, public_key: str | None) -> Standing:
    """The app was opened: does what the browser has fit what we have? `endpoint` and `public_key`
    are None where the browser has no push subscription. `fine`: it does, and is confirmed.
    `subscribe`: the phone shall subscribe anew, under our newest key, and show its token.
    `unknown`: we hold nothing for it; it shall give its push subscription up."""
    held = await held_by(secret)
    if held is None:
        return "unknown"
    await Subscription.update(
        {Subscription.confirmed_at: days.today(), Subscription.warned_at: None}
    ).where(Subscription.id == held.id)
    if not endpoint or len(endpoint) > endpoints.LONGEST or _place(endpoint) != held.place:
        return "subscribe"
    return "fine" if public_key == vapid.public_key() else "subscribe"


async def await_test(id: int) -> None:
    """Its owner wants to see a test arrive: the phone may say once that it was shown."""
    await Subscription.update({Subscription.awaits_test: True}).where(Subscription.id == id)


async def received(secret: str) -> bool:
    """The phone has just shown an alert. Unless its owner waits for a test, nothing is kept of it.
    False when the token opens nothing."""
    held = await held_by(secret)
    if held is None:
        return False
    row: dict[Any, Any] = {"received_at": days.today(), "awaits_test": False}
    await Subscription.update(row).where(
        (Subscription.id == held.id) & Subscription.awaits_test.eq(True)
    )
    return True


async def count_under(key: str) -> int:
    """How many devices subscribed under that VAPID key: it is needed as long as there are any."""
    return int(await Subscription.count().where(Subscription.vapid_key == key))


@dataclass(frozen=True)
class _Phone:
    to: Endpoint
    endpoint: str
    p256dh: bytes
    auth: bytes
    vapid_key: str


async def _keep(phone: _Phone, wishes: Wishes, secret: str | None) -> Held:
    place = _place(phone.endpoint)
    known = digest(secret) if secret and len(secret) <= LONGEST_TOKEN else b""
    async with database.connection() as connection:
        # Two requests of one phone at once, of which each would else make a row.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext('push place'), $1)",
            int.from_bytes(place[:4], "big", signed=True),
        )
        rows = await connection.fetch(STANDING, known, place)
        # Of two, the phone's own stays; the other was its too, since it has its endpoint.
        id = rows[0]["id"] if rows else new_id()
        shown = bool(rows) and rows[0]["shown"]
        token = secret if secret and shown else secrets.token_urlsafe(32)
        for row in rows[1:]:
            await connection.execute("DELETE FROM subscription WHERE id = $1", row["id"])
        key = DataKey.new("subscription", id)
        sealed = {
            "data_key": key.wrapped(),
            "endpoint": key.seal("endpoint", phone.endpoint),
            "auth": key.seal("auth", phone.auth.hex()),
            "p256dh": phone.p256dh,
            "place": place,
            "secret_hash": digest(token),
            "host": phone.to.service,
            "vapid_key": phone.vapid_key,
            "confirmed_at": days.today(),
            "warned_at": None,
            **wishes.as_row(),
        }
        if rows:
            columns: dict[Any, Any] = dict(sealed)
            if (rows[0]["place"], rows[0]["vapid_key"]) != (place, phone.vapid_key):
                # What another endpoint proved says nothing of this one.
                columns |= {"accepted_at": None, "refused": 0}
            await Subscription.update(columns).where(Subscription.id == id)
        else:
            await Subscription.insert(Subscription(id=id, made_at=days.today(), **sealed))
    return Held(id, token)


def new_id() -> int:
    """By lot: numbers in order would tell who came after whom, and thereby when."""
    return secrets.randbelow(LARGEST_ID - FIRST_BY_LOT) + FIRST_BY_LOT


def _place(endpoint: str) -> bytes:
    return blind_index("push endpoint", endpoint)


def _decoded(text: str) -> bytes:
    """Empty when it is not base64url."""
    try:
        return base64.b64decode(text[:200] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return b""


async def _all_there(counties: list[int]) -> bool:
    if not counties:
        return True
    return bool(await County.count().where(County.id.is_in(counties)) == len(counties))


STANDING = """
SELECT id, place, vapid_key, secret_hash = $1 AS shown FROM subscription
WHERE secret_hash = $1 OR place = $2
ORDER BY (secret_hash = $1) DESC, id FOR UPDATE
"""
