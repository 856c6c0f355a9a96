"""Idempotent: taking sealed sign-ups in, each exactly once, whatever a phone sends how often.

What a phone sends is kept as it came: no process that answers phones can open it. The worker does,
by the same rules as on the site: one person, one signature; the same numbers; the same letters.
What cannot be a pledge as it stands, or does not open, waits for somebody to look at.
"""

import datetime
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns import forms, receipts, signing
from backend.campaigns.forms import SignForm
from backend.campaigns.signing import Signature
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import NAMES_KEPT, Campaign, ConsentText
from backend.canvass import sealing
from backend.canvass.sealing import CannotOpen, Place
from backend.canvass.states import Problem, RecordState
from backend.canvass.tables import CanvassDevice, CanvassRecord
from backend.database import DB
from backend.staff.tables import LARGEST_ID, Alarm, now
from backend.web import jobs, language
from backend.web.language import later

OPEN_JOB = "open_sign_up"
MOST_TEXTS = 12
# One person signs up twenty in a good hour. What a phone sends beyond so many is not counted until
# a lead has looked; half as many are worth a word.
MOST_IN_AN_HOUR, REMARKABLE = 200, 60


class NotTaken(Exception):
    """It cannot be taken; `code` says why: `unreadable`, `sealed` (to no key of ours), `shift`,
    `device`, `different`.
    The phone keeps it and goes on with the next one."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Sent:
    """A sign-up as the phone sends it. `device` is the phone that sealed it, `saved_at` what its
    clock said, `shown` the ids of the texts on the screen, joined by dots."""

    id: UUID
    device: UUID
    shift: int
    key_id: str
    shown: str
    saved_at: datetime.datetime | None
    sealed: bytes


@dataclass(frozen=True)
class Read:
    """What was in it. `signature` is there when nothing is wrong, `problem` otherwise."""

    campaign: Campaign | None
    county: int | None
    how: str
    receipt: str
    signature: Signature | None = None
    problem: Problem | None = None


async def take(device: CanvassDevice, sent: Sent) -> bytes:
    """SHA-256 of what was sent, once it is safely here: whether just now or long ago. Raises
    NotTaken."""
    if sent.device != device.id:
        await _check_same_canvasser(device, sent)
    return await _take(sent, by_phone=True)


async def take_from_file(sent: Sent) -> bytes:
    """The same for a file that somebody of the staff hands in. Of a phone that was revoked all is
    looked at first. Raises NotTaken."""
    if not 0 < sent.shift <= LARGEST_ID:
        raise NotTaken("shift")
    from_phone: CanvassDevice | None = await (
        CanvassDevice.objects().where(CanvassDevice.id == sent.device).first()
    )
    if from_phone is None:
        raise NotTaken("device")
    digest = await _take(sent, revoked=from_phone.revoked_at is not None)
    await open_one({"record": str(sent.id)})
    return digest


async def open_one(data: dict[str, Any]) -> None:
    """The job `{record: id}`: open it, and make a pledge of it or let it wait for somebody."""
    id = UUID(data["record"])
    async with DB.transaction():
        rows = await CanvassRecord.raw(UNOPENED, id, RecordState.RECEIVED.value)
        if not rows:
            return  # an earlier try did it
        [row] = rows
        place = Place(row["key_id"], id, row["device"], row["shown"])
        found = await _opened(bytes(row["sealed"]), place, row["code"])
        problem = found.problem or (Problem(row["problem"]) if row["problem"] else None)
        pledge = None if problem else await _sign(found)
        if problem is None and pledge is None:
            # The phone showed a code that is somebody else's: a person has to decide.
            problem = Problem.RECEIPT
        columns: dict[Any, Any] = {
            CanvassRecord.campaign: found.campaign.id if found.campaign else None,
            CanvassRecord.county: found.county,
            CanvassRecord.how: found.how,
            CanvassRecord.state: RecordState.REVIEW if problem else RecordState.COUNTED,
            CanvassRecord.problem: problem,
            CanvassRecord.pledge: pledge,
        }
        if problem is None:
            columns[CanvassRecord.sealed] = None
        await CanvassRecord.update(columns).where(CanvassRecord.id == id)


async def _opened(sealed: bytes, place: Place, via: str) -> Read:
    """What was in it, and whether that can be a pledge."""
    try:
        said = json.loads(sealing.open_sealed(sealed, place))
    except (CannotOpen, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Read(None, None, "", "", problem=Problem.UNREADABLE)
    return await _read(said, place.shown, via)


async def _take(sent: Sent, by_phone: bool = False, revoked: bool = False) -> bytes:
    digest = sealing.digest(sent.sealed)
    async with DB.transaction():
        shift = sent.shift if 0 < sent.shift <= LARGEST_ID else 0
        [before] = await CanvassRecord.raw(BEFORE, sent.id, shift, sent.device, shift, sent.device)
        if before["digest"] is not None:
            return _the_same(bytes(before["digest"]), digest)
        if before["code"] is None or (by_phone and not before["invited"]):
            raise NotTaken("shift")
        if not sealing.is_key(sent.key_id):
            raise NotTaken("sealed")
        problem = _problem_of_phone(before["lately"], revoked)
        added = await CanvassRecord.raw(ADD, *_row(sent, digest, problem))
        if not added:
            # Another one of the phone's tabs was quicker.
            [other] = await CanvassRecord.select(CanvassRecord.digest).where(
                CanvassRecord.id == sent.id
            )
            return _the_same(bytes(other["digest"]), digest)
        if by_phone:
            await jobs.enqueue(OPEN_JOB, {"record": str(sent.id)})
        if before["lately"] + 1 == REMARKABLE:
            await _tell_that_many_came(sent)
    return digest


def _problem_of_phone(lately: int, revoked: bool) -> Problem | None:
    if revoked:
        return Problem.REVOKED
    return Problem.MANY if lately >= MOST_IN_AN_HOUR else None


async def _tell_that_many_came(sent: Sent) -> None:
    row = await CanvassRecord.raw(EVENT, sent.shift)
    await Alarm.raise_(
        f"canvass {sent.device}",
        later("One canvasser’s phone sent %(number)s sign-ups within an hour (%(event)s)."),
        later("After a day without a signal that is usual. Else look at the shift’s numbers: "
              "how many from that phone are unconfirmed, and ask its canvasser."),
        number=REMARKABLE, event=row[0]["event"],
    )  # fmt: skip


async def _sign(found: Read) -> UUID | None:
    """The pledge's id; None when its receipt is somebody else's."""
    assert found.campaign is not None
    assert found.signature is not None
    pledge = signing.new_id()
    taken = await signing.take(found.campaign, found.signature, found.receipt, pledge)
    return pledge if taken else None


def _row(sent: Sent, digest: bytes, problem: Problem | None) -> tuple[Any, ...]:
    return (
        sent.id, sent.device, sent.shift, RecordState.RECEIVED, digest, sent.key_id, sent.shown,
        sent.saved_at, problem, sent.sealed,
    )  # fmt: skip


def _the_same(before: bytes, digest: bytes) -> bytes:
    if before != digest:
        raise NotTaken("different")
    return digest


async def _check_same_canvasser(device: CanvassDevice, sent: Sent) -> None:
    """A new phone of the same person may bring what waited on their old one."""
    other = await CanvassDevice.exists().where(
        CanvassDevice.id == sent.device,
        CanvassDevice.canvasser == device.canvasser,
        CanvassDevice.revoked_at.is_null(),
    )
    if not other:
        raise NotTaken("device")


async def _read(said: dict[str, Any], shown: str, via: str) -> Read:
    code = _text(said, "language", 8)
    reader = language.LANGUAGES.get(code, language.ENGLISH)
    language.current.set(reader)
    agreed = {purpose for purpose in forms.PURPOSES if purpose in _texts_in(said.get("purposes"))}
    form = forms.read_signature(
        {
            **{field: _text(said, field, 1000) for field in ("name", "contact", "zip", "county")},
            **{f"agree_{purpose}": "yes" for purpose in agreed},
        }
    )
    slug = form.county.slug if form.county else ""
    asked = _text(said, "campaign", 60), slug, _ids(shown), CampaignState.DRAFT.value
    [known] = await CanvassRecord.raw(KNOWN, *asked)
    campaign = _campaign(known)
    texts: dict[int, str] = dict(zip(known["texts"], known["purposes"], strict=True))
    receipt = receipts.read(_text(said, "receipt", 20)) or ""
    consents = tuple(id for id, purpose in texts.items() if purpose in agreed)
    county = known["county"]
    how = _text(said, "how", 6)
    problem = _problem(form, campaign, receipt, "pledge" in texts.values())
    if problem is not None:
        return Read(campaign, county, how, receipt, problem=problem)
    assert form.contact is not None
    assert county is not None
    signature = Signature(
        form.name, form.contact, county, reader.code, consents, source="canvass", via=via
    )
    return Read(campaign, county, how, receipt, signature)


def _problem(
    form: SignForm, campaign: Campaign | None, receipt: str, was_shown: bool
) -> Problem | None:
    if campaign is None:
        return Problem.CAMPAIGN
    if not was_shown or "agree_pledge" in form.mistakes:
        return Problem.CONSENT
    for field, problem in (
        ("name", Problem.NAME),
        ("contact", Problem.CONTACT),
        ("zip", Problem.PLACE),
        ("county", Problem.PLACE),
    ):
        if field in form.mistakes:
            return problem
    return None if receipt else Problem.RECEIPT


def _campaign(known: dict[str, Any]) -> Campaign | None:
    """One that people could sign, even if it closed before the phone had a signal; not one whose
    names are erased already."""
    if known["id"] is None or (known["closed_at"] and known["closed_at"] + NAMES_KEPT < now()):
        return None
    return Campaign(id=known["id"], slug=known["slug"], state=known["state"])


async def texts_shown(shown: str) -> dict[int, str]:
    """Which of the texts there are, and what each is for."""
    rows = await ConsentText.select(ConsentText.id, ConsentText.purpose).where(
        ConsentText.id.is_in(_ids(shown) or [0])
    )
    return {row["id"]: row["purpose"] for row in rows}


def _ids(shown: str) -> list[int]:
    """Of the texts on the screen."""
    ids = [int(each) for each in shown.split(".")[:MOST_TEXTS] if each.isascii() and each.isdigit()]
    return [id for id in ids if 0 < id <= LARGEST_ID]


def _text(said: dict[str, Any], field: str, most: int) -> str:
    """Without what no database keeps: zero bytes and halves of a sign."""
    value = said.get(field)
    if not isinstance(value, str):
        return ""
    return value[:most].encode("utf-8", "ignore").decode().replace("\0", "")


def _texts_in(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


# One question each instead of seven: a phone that comes back from a day without a signal sends a
# thousand at once.
BEFORE = """
SELECT (SELECT digest FROM canvass_record WHERE id = {}) AS digest,
       (SELECT code FROM shift WHERE id = {}) AS code,
       EXISTS (SELECT FROM device_shift WHERE device = {} AND shift = {}) AS invited,
       (SELECT count(*)::int FROM canvass_record
        WHERE device = {} AND received_at > clock_timestamp() - interval '1 hour') AS lately
"""

# Nobody else opens it meanwhile.
UNOPENED = """
SELECT record.device, record.key_id, record.shown, record.sealed, record.problem, shift.code
FROM canvass_record AS record JOIN shift ON shift.id = record.shift
WHERE record.id = {} AND record.state = {} FOR UPDATE OF record
"""

EVENT = "SELECT event FROM shift WHERE id = {}"

KNOWN = """
SELECT campaign.id, campaign.slug, campaign.state, campaign.closed_at, county.id AS county,
       ARRAY(SELECT text.id FROM consent_text AS text WHERE text.id = ANY(asked.texts)
             ORDER BY text.id) AS texts,
       ARRAY(SELECT text.purpose FROM consent_text AS text WHERE text.id = ANY(asked.texts)
             ORDER BY text.id) AS purposes
FROM (SELECT {}::text AS campaign, {}::text AS county, {}::int[] AS texts) AS asked
LEFT JOIN campaign ON campaign.slug = asked.campaign
                  AND campaign.state <> {}
LEFT JOIN county ON county.slug = asked.county
"""

ADD = """
INSERT INTO canvass_record (id, device, shift, state, digest, key_id, shown, how, saved_at,
                            received_at, problem, sealed)
VALUES ({}, {}, {}, {}, {}, {}, {}, '', {}, clock_timestamp(), {}, {})
ON CONFLICT (id) DO NOTHING RETURNING id
"""
