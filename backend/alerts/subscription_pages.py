"""What the page and the worker on a phone ask of us, in JSON. Whoever holds the phone's secret may
change what it wants; nobody else can, and no address has it: it is only ever in a body.

An answer that says no is `{"said": a sentence, "code": …}` in the reader's language. With the code
"sum" comes a `sum` to be worked out; its answer goes along with the same question again.
"""

import json
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse

from backend.alerts import codes, preferences
from backend.push import subscriptions, vapid
from backend.push.subscriptions import CannotSubscribe
from backend.push.tables import Subscription
from backend.web import jobs, language, proof_of_work
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import Answer, AnyRequest, Sent, send

# A network may be a whole march on one carrier; a phone asks once each time the app is opened.
SUBSCRIBES = NetworkLimit("subscribing", 1000, 3600)
ASKS = NetworkLimit("subscriptions asked", 3000, 3600)
TESTS = Limit("tests rung", 10, 600)
# Past this, from all networks together, each costs a sum.
EVERYONE = Limit("subscribing in all", 30_000, 3600)
ALL = b"everyone"

UNKNOWN = later("Your alerts ended. Turn them on again.")
TOO_OFTEN = later("That was too often. Please wait a little.")
UNREADABLE = later("We could not read what you chose. Try again.")


Asked = TypeVar("Asked", bound=msgspec.Struct)


class Keys(msgspec.Struct):
    p256dh: str
    auth: str


class Turned(msgspec.Struct):
    """`key` is the applicationServerKey, `choices` the form's pairs, `sum` the answer to one that
    was asked for."""

    endpoint: str
    keys: Keys
    key: str
    choices: list[tuple[str, str]] | None = None
    secret: str | None = None
    sum: str | None = None


class Held(msgspec.Struct):
    secret: str


class Changed(Held):
    choices: list[tuple[str, str]]


class Opened(Held):
    endpoint: str | None = None
    key: str | None = None


@post("/alerts/subscription")
async def turn_on(request: AnyRequest) -> ASGIResponse:
    """`{secret}`: what the phone shall keep from now on. Without choices those that stand are
    kept, which is how a phone says that its endpoint changed."""
    asked = await _read(request, Turned)
    if isinstance(asked, Sent):
        return asked
    if not await SUBSCRIBES.take(request):
        return _no(request, 429, "often", TOO_OFTEN)
    if not await EVERYONE.take(ALL) and not await proof_of_work.is_solved(asked.sum or ""):
        return _no(request, 429, "sum", TOO_OFTEN, sum=json.loads(proof_of_work.new()))
    wishes = await _wishes(request, asked)
    if isinstance(wishes, Sent):
        return wishes
    try:
        held = await subscriptions.subscribe(
            asked.endpoint, asked.keys.p256dh, asked.keys.auth, asked.key, wishes, asked.secret
        )
    except CannotSubscribe as cannot:
        return _no(request, 422, cannot.code, cannot.words)
    return _yes(request, {"secret": held.secret})


@post("/alerts/subscription/choices")
async def change(request: AnyRequest) -> ASGIResponse:
    asked = await _read(request, Changed)
    if isinstance(asked, Sent):
        return asked
    choices = preferences.read(asked.choices, _reader(request).code)
    if choices.mistakes:
        return _wrong(request, choices)
    try:
        done = await subscriptions.change(asked.secret, await preferences.wishes(choices))
    except CannotSubscribe as cannot:
        return _no(request, 422, cannot.code, cannot.words)
    return _yes(request, {}) if done else _no(request, 404, "unknown", UNKNOWN)


@post("/alerts/subscription/opened")
async def open_app(request: AnyRequest) -> ASGIResponse:
    """The app was opened: `{standing, key}`, see `subscribing.reconcile`. The key is told to
    everybody: a page that was kept on the phone may know an older one only."""
    asked = await _read(request, Opened)
    if isinstance(asked, Sent):
        return asked
    standing = await subscriptions.reconcile(asked.secret, asked.endpoint, asked.key)
    return _yes(request, {"standing": standing, "key": vapid.public_key()})


@post("/alerts/subscription/status")
async def tell_status(request: AnyRequest) -> ASGIResponse:
    """What was chosen, on which day this phone was last heard of, and our key as it is now."""
    held = await _held(request)
    if isinstance(held, Sent):
        return held
    choices = await preferences.choices_of(subscriptions.wishes_of(held))
    return _yes(
        request,
        {
            "choices": choices.pairs(),
            "received": _day(held.received_at),
            "accepted": _day(held.accepted_at),
            "warned": _iso(held.warned_at),
            "key": vapid.public_key(),
        },
    )


@post("/alerts/subscription/tests")
async def send_test(request: AnyRequest) -> ASGIResponse:
    held = await _held(request)
    if isinstance(held, Sent):
        return held
    if not await TESTS.take(f"test {held.id}".encode()):
        return _no(request, 429, "often", TOO_OFTEN)
    await subscriptions.await_test(held.id)
    # The worker rings: no process of the public has words of its own for anybody's phone.
    await jobs.enqueue(codes.TEST_JOB, {"subscription": held.id}, priority=1)
    return _yes(request, {})


@post("/alerts/subscription/codes")
async def show_code(request: AnyRequest) -> ASGIResponse:
    """A code for the staff to send this phone a test."""
    held = await _held(request)
    if isinstance(held, Sent):
        return held
    await subscriptions.await_test(held.id)
    return _yes(request, {"code": await codes.code_for(held.id)})


@post("/alerts/subscription/received")
async def note_received(request: AnyRequest) -> ASGIResponse:
    asked = await _read(request, Held)
    if isinstance(asked, Sent):
        return asked
    done = await subscriptions.received(asked.secret)
    return _yes(request, {}) if done else _no(request, 404, "unknown", UNKNOWN)


@post("/alerts/subscription/end")
async def turn_off(request: AnyRequest) -> ASGIResponse:
    """Whether we held it or not, it is gone."""
    asked = await _read(request, Held)
    if isinstance(asked, Sent):
        return asked
    await subscriptions.unsubscribe(asked.secret)
    return _yes(request, {})


async def _wishes(request: AnyRequest, asked: Turned) -> subscriptions.Wishes | Sent:
    if asked.choices is None:
        standing = await subscriptions.held_by(asked.secret or "")
        if standing is None:
            return _no(request, 404, "unknown", UNKNOWN)
        return subscriptions.wishes_of(standing)
    choices = preferences.read(asked.choices, _reader(request).code)
    return _wrong(request, choices) if choices.mistakes else await preferences.wishes(choices)


async def _held(request: AnyRequest) -> Subscription | Sent:
    asked = await _read(request, Held)
    if isinstance(asked, Sent):
        return asked
    found = await subscriptions.held_by(asked.secret)
    return found if found is not None else _no(request, 404, "unknown", UNKNOWN)


async def _read(request: AnyRequest, shape: type[Asked]) -> Asked | Sent:
    if not await ASKS.take(request):
        return _no(request, 429, "often", TOO_OFTEN)
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _no(request, 400, "unreadable", UNREADABLE)


def _reader(request: AnyRequest) -> language.Language:
    reader = language.of(request)
    language.current.set(reader)
    return reader


def _wrong(request: AnyRequest, choices: preferences.Choices) -> Sent:
    said = " ".join(choices.mistakes.values())
    body = {"said": said, "code": "choices", "mistakes": choices.mistakes}
    return _answer(request, body, 422)


def _no(request: AnyRequest, status: int, code: str, words: str, **more: Any) -> Sent:
    _reader(request)
    return _answer(request, {"said": _(words), "code": code, **more}, status)


def _yes(request: AnyRequest, body: dict[str, Any]) -> Sent:
    return _answer(request, body, 200)


def _answer(request: AnyRequest, body: dict[str, Any], status: int) -> Sent:
    text = json.dumps(body, ensure_ascii=False).encode()
    headers = (("cache-control", "no-store"),)
    return send(request, Answer(text, "application/json", headers, status))


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
