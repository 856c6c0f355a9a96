"""Sign-ups that could not be taken as they came: somebody opens one, puts right what can honestly
be put right, and takes it as a pledge, or drops it. Then nothing sealed is left of it.

A consent is what the signer gave: none is added here, and a campaign that is known stays.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from backend.campaigns import forms, receipts, signing
from backend.campaigns.forms import SignForm
from backend.campaigns.signing import Signature
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import NAMES_KEPT, Campaign
from backend.canvass import intake, sealing
from backend.canvass.sealing import CannotOpen, Place
from backend.canvass.states import Problem, RecordState
from backend.canvass.tables import CanvassRecord, Shift
from backend.counties.tables import County
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web import language
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.language import later

AT_ONCE = 100
# What is wrong with the phone it came from, not with itself.
OF_PHONE = (Problem.REVOKED, Problem.MANY)
# Why one is dropped. Fixed words: what somebody writes freely might name the signer.
REASONS = {
    "unreadable": later("nobody can read it"),
    "no_consent": later("the signer did not agree"),
    "not_real": later("it was a try, or made up"),
    "unknown": later("nobody knows what was meant"),
    "asked": later("the signer asked for it"),
}
FIELDS = ("name", "contact", "zip", "county")


@dataclass(frozen=True)
class Opened:
    """What somebody typed on a phone. `said` are its fields by name; `texts` the ids of the texts
    on the screen by purpose, `agreed` the purposes ticked of these. `campaigns` are those it may
    be for: one alone when that is known."""

    record: CanvassRecord
    shift: Shift
    readable: bool
    said: dict[str, str] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    agreed: tuple[str, ...] = ()
    campaigns: tuple[Campaign, ...] = ()

    @property
    def agreed_to_sign(self) -> bool:
        return "pledge" in self.agreed


async def waiting() -> list[CanvassRecord]:
    """The oldest first. Nothing is opened."""
    found: list[CanvassRecord] = await (
        CanvassRecord.objects(CanvassRecord.shift, CanvassRecord.device)
        .where(CanvassRecord.state == RecordState.REVIEW)
        .order_by(CanvassRecord.received_at)
        .limit(AT_ONCE)
    )
    return found


async def how_many() -> int:
    return int(await CanvassRecord.count().where(CanvassRecord.state == RecordState.REVIEW))


async def open_record(id: UUID) -> Opened | None:
    """None when nobody has to look at it, or not any more. Whoever opens it writes that down."""
    record: CanvassRecord | None = await (
        CanvassRecord.objects()
        .where(CanvassRecord.id == id, CanvassRecord.state == RecordState.REVIEW)
        .first()
    )
    return await _open(record) if record is not None else None


async def take(opened: Opened, form: SignForm, campaign: Campaign, by: Account) -> None:
    """Make a pledge of it, by what `form` says and the texts the signer saw. Raises Refused."""
    assert form.contact is not None
    assert form.county is not None
    if not opened.agreed_to_sign or campaign.id not in {each.id for each in opened.campaigns}:
        raise Refused(_("The signer did not agree to this. It can only be dropped."))
    county = await County.select(County.id).where(County.slug == form.county.slug).first()
    assert county is not None
    kept = [purpose for purpose in opened.agreed if purpose in form.purposes]
    signature = Signature(
        form.name,
        form.contact,
        county["id"],
        _language(opened.said),
        tuple(opened.texts[purpose] for purpose in kept),
        source="canvass",
        via=opened.shift.code,
    )
    async with DB.transaction():
        await _alone(opened.record.id)
        pledge = await _sign(campaign, signature, receipts.read(opened.said.get("receipt", "")))
        columns: dict[Any, Any] = {
            CanvassRecord.state: RecordState.COUNTED,
            CanvassRecord.pledge: pledge,
            CanvassRecord.campaign: campaign.id,
            CanvassRecord.county: county["id"],
        }
        await _settle(opened.record.id, by, columns)
        await audit.write(by.name, "sign_up_taken", _subject(opened.record.id))


async def drop(id: UUID, reason: str, by: Account) -> None:
    """Raises Refused."""
    if reason not in REASONS:
        raise Refused(_("Say why it is dropped."))
    async with DB.transaction():
        await _alone(id)
        await _settle(id, by, {CanvassRecord.state: RecordState.DROPPED})
        await audit.write(by.name, "sign_up_dropped", _subject(id), reason=reason)


async def take_all_of(device: UUID, by: Account) -> int:
    """Take what waits only for the sake of its phone, which was taken off or sent very many,
    unseen: when it turns out that it was in good hands. What else is wrong stays. Returns how many
    were taken."""
    taken = 0
    where = (
        (CanvassRecord.device == device)
        & (CanvassRecord.state == RecordState.REVIEW)
        & CanvassRecord.problem.is_in(list(OF_PHONE))
    )
    for row in await CanvassRecord.select(CanvassRecord.id).where(where):
        opened = await open_record(row["id"])
        if opened is None or not opened.agreed_to_sign or len(opened.campaigns) != 1:
            continue
        form = read_form(opened, opened.said, opened.agreed)
        if not form.mistakes:
            await take(opened, form, opened.campaigns[0], by)
            taken += 1
    return taken


def read_form(opened: Opened, typed: dict[str, str], agreed: tuple[str, ...]) -> SignForm:
    """As on the site. Of the purposes only those that the signer agreed to are taken."""
    kept = [purpose for purpose in agreed if purpose in opened.agreed]
    fields = {name: typed.get(name, "") for name in FIELDS}
    return forms.read_signature({**fields, **{f"agree_{purpose}": "yes" for purpose in kept}})


async def _open(record: CanvassRecord) -> Opened:
    shift = await Shift.objects().where(Shift.id == record.shift).first()
    assert shift is not None  # the row points at it
    try:
        place = Place(record.key_id, record.id, _id(record.device), record.shown)
        said = json.loads(sealing.open_sealed(bytes(record.sealed or b""), place))
    except (CannotOpen, ValueError):
        return Opened(record, shift, False)
    if not isinstance(said, dict):
        return Opened(record, shift, False)
    texts = await _texts(record.shown)
    given = said.get("purposes")
    agreed = tuple(
        purpose
        for purpose in forms.PURPOSES
        if purpose in texts and isinstance(given, list) and purpose in given
    )
    words = {key: value[:1000] for key, value in said.items() if isinstance(value, str)}
    return Opened(record, shift, True, words, texts, agreed, await _campaigns(record, shift))


async def _campaigns(record: CanvassRecord, shift: Shift) -> tuple[Campaign, ...]:
    """The one it is for; those of its shift when nobody can tell."""
    ids = [_id(record.campaign)] if record.campaign is not None else shift.campaigns
    found: list[Campaign] = await Campaign.objects().where(
        Campaign.id.is_in(ids or [0]), Campaign.state != CampaignState.DRAFT
    )
    return tuple(
        each for each in found if each.closed_at is None or each.closed_at + NAMES_KEPT > now()
    )


async def _texts(shown: str) -> dict[str, int]:
    texts = await intake.texts_shown(shown)
    return {purpose: id for id, purpose in texts.items()}


async def _alone(id: UUID) -> None:
    """Nobody else settles it while this transaction lasts. Raises Refused when somebody has."""
    row = await (
        CanvassRecord.select(CanvassRecord.state)
        .where(CanvassRecord.id == id)
        .lock_rows("UPDATE")
        .first()
    )
    if row is None or row["state"] != RecordState.REVIEW:
        raise Refused(_("Somebody has settled this sign-up already."))


async def _sign(campaign: Campaign, signature: Signature, receipt: str | None) -> UUID:
    """With the code the signer was shown, unless that is somebody else's."""
    while True:
        id = signing.new_id()
        if await signing.take(campaign, signature, receipt or receipts.new(), id):
            return id
        receipt = None


async def _settle(id: UUID, by: Account, columns: dict[Any, Any]) -> None:
    columns |= {
        CanvassRecord.sealed: None,
        CanvassRecord.settled_by: by.id,
        CanvassRecord.settled_at: now(),
    }
    await CanvassRecord.update(columns).where(CanvassRecord.id == id)


def _language(said: dict[str, str]) -> str:
    return language.LANGUAGES.get(said.get("language", ""), language.ENGLISH).code


def _subject(id: UUID) -> str:
    return f"sign-up {id}"


def _id(row: Any) -> Any:
    return getattr(row, "id", row)
