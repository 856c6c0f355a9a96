"""The campaigns' background work: letters to signers, the count, and reminders."""

import datetime
from typing import Any
from uuid import UUID

import structlog

from backend.campaigns import contacts, counting, letters, receipts, signing
from backend.campaigns.signing import Opened
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, Pledge
from backend.database import DB
from backend.staff.tables import Alarm, now
from backend.web import mail, work
from backend.web.composing import our_page
from backend.web.language import later

log = structlog.get_logger()

# One reminder, when a letter was probably overlooked and the pledge is not yet removed.
REMIND_AFTER = datetime.timedelta(days=2)
AT_ONCE = 500


async def mail_signer(data: dict[str, Any]) -> None:
    """Send a signer's letter: `{pledge: id, letter: confirm | remind | leave}`. What is no longer
    wanted is not sent: the pledge may be withdrawn or confirmed by now."""
    pledge = await signing.by_id(UUID(data["pledge"]))
    kind = data["letter"]
    if pledge is None or not pledge.contact or (pledge.confirmed and kind != "leave"):
        return
    campaign = await (
        Campaign.objects().where(Campaign.id == pledge.campaign).first().output(load_json=True)
    )
    if campaign is None:
        return
    try:
        await mail.send(await _letter(kind, pledge, campaign))
    except mail.MailRefused:
        # Trying again helps nobody; unconfirmed, it is removed after seven days.
        log.info("a letter was refused", letter=kind)


async def count(_data: dict[str, Any]) -> None:
    """Keep the numbers fresh: people who have just signed look."""
    await counting.count()


async def recount(_data: dict[str, Any]) -> None:
    """Every night: count the pledges themselves, repair, and tell."""
    wrong = await counting.recount()
    if wrong:
        await Alarm.raise_(
            "pledge_count",
            later("The count of pledges was off by %(wrong)s and has been put right."),
            later("Nothing is lost. Tell who keeps the software: this should never happen."),
            wrong=wrong,
        )


async def remind(_data: dict[str, Any]) -> None:
    """Ask for the reminders that are due, once for each pledge."""
    due = (
        (Pledge.state == PledgeState.AWAITING)
        & (Pledge.kind == "email")
        & (Pledge.source == "web")
        & Pledge.reminded_at.is_null()
        & (Pledge.signed_at < now() - REMIND_AFTER)
    )
    while True:
        async with DB.transaction():
            rows = await Pledge.select(Pledge.id).where(due).limit(AT_ONCE).lock_rows("UPDATE")
            if not rows:
                return
            ids = [row["id"] for row in rows]
            await Pledge.update({Pledge.reminded_at: now()}).where(Pledge.id.is_in(ids))
            for id in ids:
                await work.enqueue("pledge_mail", {"pledge": str(id), "letter": "remind"})


async def _letter(kind: str, pledge: Opened, campaign: Campaign) -> mail.Letter:
    page = our_page(f"/pledges/{pledge.receipt}")
    title: Any = campaign.title
    about: dict[str, Any] = {
        "to": pledge.contact,
        "campaign_title": title.get(pledge.language) or title["en"],
        "name": pledge.name,
        "receipt": pledge.receipt,
        "language": pledge.language,
    }
    kept = {**about, "names_end_on": campaign.names_end_on()}
    if kind == "leave":
        return letters.leave_letter(**kept, link=page)
    digits = receipts.six_digits(pledge.id, pledge.round)
    to_confirm = {**kept, "code": digits, "link": f"{page}?code={digits}"}
    if kind == "remind":
        return letters.reminder_letter(**to_confirm)
    if pledge.state != PledgeState.REPEAT:
        return letters.confirm_letter(**to_confirm)
    earlier = await signing.earlier_ones(pledge.campaign, contacts.read(pledge.contact or ""))
    if not earlier:
        return letters.confirm_letter(**to_confirm)
    same = [each for each in earlier if signing.same_name(each, pledge)]
    if not same and len(earlier) == len(signing.PLACES):
        return letters.third_name_letter(**about, link=page)
    counts = any(each.confirmed for each in same)
    return letters.again_letter(**to_confirm, earlier_counts=counts)
