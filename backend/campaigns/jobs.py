"""The campaigns' background work: letters to signers, the count, and reminders."""

import datetime
from typing import Any
from uuid import UUID

import structlog

from backend.campaigns import contacts, letters, publishing, receipts, tallies
from backend.campaigns.pledges import PLACES, Opened, by_id, earlier_ones, opened, same_name
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import TYPED_UNCONFIRMED_KEPT, UNCONFIRMED_KEPT, Campaign, Pledge
from backend.database import DB
from backend.staff.tables import Alarm, now
from backend.web import jobs, letter_budget, mail
from backend.web.email_layout import our_page
from backend.web.language import later

log = structlog.get_logger()

# One reminder, when a letter was probably overlooked and the pledge is not yet removed.
REMIND_AFTER = datetime.timedelta(days=2)
AT_ONCE = 500


async def mail_signer(data: dict[str, Any]) -> None:
    """Send a signer's letter: `{pledge: id, letter: confirm | remind | leave | third}`. What is no
    longer wanted is not sent: the pledge may be withdrawn or confirmed by now."""
    pledge = await by_id(UUID(data["pledge"]))
    kind = data["letter"]
    if pledge is None or not pledge.contact or (pledge.confirmed and kind != "leave"):
        return
    campaign = await Campaign.objects().where(Campaign.id == pledge.campaign).first()
    if campaign is None:
        return
    try:
        await mail.send(await _letter(kind, pledge, campaign))
    except mail.MailRefused:
        # Trying again helps nobody; unconfirmed, it is removed after seven days.
        log.info("a letter was refused", letter=kind)


async def count(_data: dict[str, Any]) -> None:
    """Keep the numbers fresh: people who have just signed look."""
    await tallies.count()


async def publish(_data: dict[str, Any]) -> None:
    """Tell the public the numbers of all California, as they stand."""
    await publishing.publish()


async def recount(_data: dict[str, Any]) -> None:
    """Every night: count the pledges themselves, repair, and tell; and publish the counties."""
    wrong = await tallies.recount()
    await publishing.publish_counties()
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
        & (Pledge.round > 0)
        & (Pledge.signed_at < now() - REMIND_AFTER)
    )
    while True:
        async with DB.transaction():
            rows = await Pledge.select().where(due).limit(AT_ONCE).lock_rows("UPDATE")
            if not rows:
                return
            ids = [row["id"] for row in rows]
            await Pledge.update({Pledge.reminded_at: now()}).where(Pledge.id.is_in(ids))
            mailboxes = [contacts.read(opened(row).contact or "").same for row in rows]
            allowed = await letter_budget.may_write_all(mailboxes)
            letters = [
                {"pledge": str(id), "letter": "remind"}
                for id, may in zip(ids, allowed, strict=True)
                if may
            ]
            if letters:
                await jobs.enqueue_all("pledge_mail", letters)


async def _letter(kind: str, pledge: Opened, campaign: Campaign) -> mail.Letter:
    # What follows the # no server sees, and no history of ours keeps.
    page = our_page(f"/pledges#{pledge.receipt}")
    title: Any = campaign.title
    about: dict[str, Any] = {
        "to": pledge.contact,
        "campaign_title": title.get(pledge.language) or title["en"],
        "receipt": pledge.receipt,
        "language": pledge.language,
    }
    ending: dict[str, Any] = {"names_end_on": campaign.names_end_on()}
    if kind == "leave":
        return letters.leave_letter(**about, **ending, link=page)
    days = UNCONFIRMED_KEPT if pledge.source == "web" else TYPED_UNCONFIRMED_KEPT
    about["unconfirmed_kept"] = days
    if kind == "third":
        return letters.third_name_letter(**about, link=page)
    digits = receipts.six_digits(pledge.id, pledge.round)
    to_confirm = {**about, **ending, "code": digits, "link": f"{page}.{digits}"}
    if kind == "remind":
        return letters.reminder_letter(**to_confirm)
    if pledge.state not in (PledgeState.REPEAT, PledgeState.DOUBTFUL):
        return letters.confirm_letter(**to_confirm)
    earlier = await earlier_ones(pledge.campaign, contacts.read(pledge.contact or ""))
    if not earlier:
        return letters.confirm_letter(**to_confirm)
    same = [each for each in earlier if same_name(each, pledge)]
    if not same and len(earlier) == len(PLACES):
        return letters.third_name_letter(**about, link=page)
    counts = any(each.confirmed for each in same)
    return letters.again_letter(**to_confirm, earlier_counts=counts)
