"""What the canvassers' app asks of us, in JSON. Who asks is known by a cookie that scripts cannot
read; that the app itself asks, by the gate's look at where a request comes from.

An answer that says no is `{"said": a sentence, "code": …}` in the reader's language. With the code
"sum" comes a `sum` to be worked out; its answer goes along with the same question again. After 401
the app keeps everything and wants a new invitation; after 403 it shows nothing any more.
"""

import datetime
import json
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse

from backend.campaigns.tables import Campaign
from backend.canvass import devices, intake, kit, records, sealing
from backend.canvass.devices import CannotEnrol, Revoked
from backend.canvass.tables import DEVICE, CanvassDevice, Shift
from backend.staff.tables import now
from backend.web import cookies, proof_of_work
from backend.web.clock import today
from backend.web.json import json_answer
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.page_cache import kept
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import Answer, AnyRequest, Sent, send

COOKIE = "__Host-canvass"
# Only wrong codes count: a whole market may share one network, and strangers all over must not keep
# a lead's own people out. Past the second of these each code costs a sum.
WRONG_CODES = NetworkLimit("wrong canvass codes", 30, 600, closed=True)
WRONG_CODES_IN_ALL = Limit("wrong canvass codes in all", 600, 600, closed=True)
ALL = b"everyone"
# For one phone: what waited for days goes out as fast as the line is.
RECORDS = Limit("records of a phone", 20_000, 600)
WAIT = 60
# The longest honest one has 1.8 kB: what was signed is padded to 1,024 bytes at most.
LARGEST_RECORD = 2048

NO_CODE = later("This code does not work any more. Ask your lead for a new one.")
SIGNED_OUT = later("Ask your lead for a new invitation. What you have saved stays here.")
REVOKED = later("This phone was taken off. Talk to your lead.")
TOO_OFTEN = later("That was too often. Please wait a little.")
UNREADABLE = later("We could not read that.")
REFUSED = {
    "unreadable": UNREADABLE,
    "sealed": later("This sign-up does not open here. Save it to a file for your lead."),
    "shift": later("This phone was not invited to that shift. Talk to your lead."),
    "device": later("Another phone saved this sign-up. Save it to a file for your lead."),
    "different": later("Another sign-up has the same number. Save it to a file for your lead."),
}

Asked = TypeVar("Asked", bound=msgspec.Struct)


class Joining(msgspec.Struct):
    """`device` is which phone it says it is, when it was invited before; `sum` the answer to one
    that was asked for."""

    code: str
    label: str = ""
    device: UUID | None = None
    sum: str | None = None


class Seen(msgspec.Struct):
    """How many sign-ups wait on the phone, since when the oldest, and what its clock says."""

    unsent: int
    oldest: datetime.datetime | None = None
    now: datetime.datetime | None = None
    version: str = ""


@get("/canvass/kit.json")
async def show_kit(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return json_answer(await kit.make())

    return send(request, await kept(("canvass kit", today(), sealing.public_key()[0]), make))


@post("/canvass/devices")
async def enrol(request: AnyRequest) -> ASGIResponse:
    """`{device, shifts}` and the cookie, for a code that a lead shows."""
    asked = await _read(request, Joining)
    if isinstance(asked, Sent):
        return asked
    if not await WRONG_CODES.is_free(request):
        return _later(request)
    if not await WRONG_CODES_IN_ALL.is_free(ALL) and not await proof_of_work.is_solved(
        asked.sum or ""
    ):
        return _no(request, 429, "sum", TOO_OFTEN, sum=json.loads(proof_of_work.new()))
    try:
        device, token = await devices.enrol(asked.code, asked.label, asked.device)
    except CannotEnrol:
        await WRONG_CODES.take(request)
        await WRONG_CODES_IN_ALL.take(ALL)
        return _no(request, 422, "code", NO_CODE)
    sent = _yes(request, {"device": str(device.id), "shifts": await _shifts(device)})
    return _carrying(sent, token)


@post("/canvass/records", body=LARGEST_RECORD)
async def take(request: AnyRequest) -> ASGIResponse:
    """`{id, sha256}` once it is safely here, now or before: then the phone deletes it."""
    device = await _device(request)
    if isinstance(device, Sent):
        return device
    asked = await _read(request, records.Record)
    if isinstance(asked, Sent):
        return asked
    if not await RECORDS.take(device.id.bytes):
        return _later(request)
    try:
        digest = await intake.take(device, records.read(asked))
    except intake.NotTaken as refused:
        return _no(request, 422, refused.code, REFUSED[refused.code])
    return _yes(request, {"id": str(asked.id), "sha256": digest.hex()})


@post("/canvass/seen")
async def note_seen(request: AnyRequest) -> ASGIResponse:
    """`{now, shifts}` for what a phone says of itself; its cookie is good for longer again."""
    device = await _device(request)
    if isinstance(device, Sent):
        return device
    asked = await _read(request, Seen)
    if isinstance(asked, Sent):
        return asked
    await devices.note_seen(
        device,
        asked.unsent,
        records.moment(asked.oldest),
        records.moment(asked.now),
        asked.version,
    )
    sent = _yes(request, {"now": now().isoformat(), "shifts": await _shifts(device)})
    return _carrying(sent, request.cookies[COOKIE])


async def take_off(request: AnyRequest) -> None:
    """End what this phone may do at a shift, as when a lead takes it off: it forgot its key."""
    await devices.forget(request.cookies.get(COOKIE, ""))


async def _device(request: AnyRequest) -> CanvassDevice | Sent:
    token = request.cookies.get(COOKIE, "")
    try:
        device = await devices.carried_as(token) if token else None
    except Revoked:
        return _no(request, 403, "revoked", REVOKED)
    return device if device is not None else _no(request, 401, "signed_out", SIGNED_OUT)


async def _read(request: AnyRequest, shape: type[Asked]) -> Asked | Sent:
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _no(request, 422, "unreadable", UNREADABLE)


async def _shifts(device: CanvassDevice) -> list[dict[str, Any]]:
    shifts = await devices.shifts_of(device.id)
    ids = {id for shift in shifts for id in shift.campaigns} or {0}
    rows = await Campaign.select(Campaign.id, Campaign.slug).where(Campaign.id.is_in(list(ids)))
    slugs = {row["id"]: row["slug"] for row in rows}
    return [_shift(shift, slugs) for shift in shifts]


def _shift(shift: Shift, slugs: dict[int, str]) -> dict[str, Any]:
    return {
        "id": shift.id,
        "code": shift.code,
        "event": shift.event,
        "place": shift.place,
        "campaigns": [slugs[id] for id in shift.campaigns if id in slugs],
        "languages": shift.languages,
        "starts_at": shift.starts_at.isoformat(),
        "ends_at": shift.ends_at.isoformat(),
        "ended": shift.ended_at is not None,
    }


def _carrying(sent: Sent, token: str) -> Sent:
    sent.add("set-cookie", cookies.written(COOKIE, token, int(DEVICE.total_seconds())))
    return sent


def _later(request: AnyRequest) -> Sent:
    sent = _no(request, 429, "often", TOO_OFTEN)
    sent.add("retry-after", str(WAIT))
    return sent


def _no(request: AnyRequest, status: int, code: str, words: str, **more: Any) -> Sent:
    return _answer(request, {"said": _(words), "code": code, **more}, status)


def _yes(request: AnyRequest, body: dict[str, Any]) -> Sent:
    return _answer(request, body, 200)


def _answer(request: AnyRequest, body: dict[str, Any], status: int) -> Sent:
    headers = (("cache-control", "no-store"),)
    return send(request, Answer(msgspec.json.encode(body), "application/json", headers, status))
