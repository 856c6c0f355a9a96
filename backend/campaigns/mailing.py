"""Mailing a piece of news to the signers who said yes to news: first they are written down, a few
hundred to a job; then each job mails its own, and strikes off who has it."""

from typing import Any
from uuid import UUID

import structlog

from backend.campaigns import letters, pledges
from backend.campaigns.exclusions import agreed_to
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, CampaignUpdate, ConsentText, Pledge, UpdateMailing
from backend.database import DB
from backend.staff.tables import now
from backend.web import jobs, mail
from backend.web.email_layout import our_page

log = structlog.get_logger()

JOB = "campaign_update_mail"
PAGE = 300


async def mail_update(data: dict[str, Any]) -> None:
    """The job: `{news: id}` writes down whom to mail, `{page: id}` mails a page of them."""
    if "news" in data:
        await _write_down(data["news"])
    else:
        await _mail_page(data["page"])


async def left(news: list[int]) -> dict[int, int]:
    """How many signers still get the mail of these, by piece of news."""
    rows = await UpdateMailing.raw(
        'SELECT news, sum(cardinality("left")) AS people FROM update_mailing'
        " WHERE news = ANY({}) GROUP BY news",
        news,
    )
    return {row["news"]: row["people"] for row in rows}


async def _write_down(id: int) -> None:
    async with DB.transaction():
        news = await (
            CampaignUpdate.objects().where(CampaignUpdate.id == id).lock_rows("UPDATE").first()
        )
        # Done by an earlier try, which was committed.
        if news is None or news.mailed_at is not None:
            return
        news.mailed_at = now()
        await CampaignUpdate.update({CampaignUpdate.mailed_at: news.mailed_at}).where(
            CampaignUpdate.id == id
        )
        wanted = [*wants_news(news.campaign), await agreed_to("news")]
        after: UUID | None = None
        while True:
            where = wanted if after is None else [*wanted, Pledge.id > after]
            rows = await Pledge.select(Pledge.id).where(*where).order_by(Pledge.id).limit(PAGE)
            if not rows:
                return
            page = UpdateMailing(news=id, left=[row["id"] for row in rows])
            await page.save()
            await jobs.enqueue(JOB, {"page": page.id})
            after = rows[-1]["id"]


def wants_news(campaign: Any) -> list[Any]:
    return [
        Pledge.campaign == campaign,
        Pledge.state == PledgeState.CONFIRMED,
        Pledge.kind == "email",
        Pledge.data_key.is_not_null(),
    ]


async def _mail_page(id: int) -> None:
    """One by one, each struck off as soon as the mail server has it: a crash mails one twice at
    most."""
    page = await UpdateMailing.objects(UpdateMailing.news).where(UpdateMailing.id == id).first()
    if page is None:
        return
    news: Any = await CampaignUpdate.objects().where(CampaignUpdate.id == page.news.id).first()
    campaign: Any = await Campaign.objects().where(Campaign.id == news.campaign).first()
    rows = await ConsentText.select(ConsentText.id).where(ConsentText.purpose == "news")
    agreed = {row["id"] for row in rows}
    for pledge in page.left:
        await _mail(pledge, campaign, news, agreed)
        await UpdateMailing.raw(
            'UPDATE update_mailing SET "left" = array_remove("left", {}) WHERE id = {}', pledge, id
        )
    await UpdateMailing.delete().where(UpdateMailing.id == id)


async def _mail(id: UUID, campaign: Any, news: Any, agreed: set[int]) -> None:
    """Unless they have withdrawn, or changed their mind, since they were written down."""
    pledge = await pledges.by_id(id)
    if pledge is None or pledge.state != PledgeState.CONFIRMED or not pledge.contact:
        return
    if not agreed & set(pledge.consents):
        return
    code = pledge.language
    letter = letters.update_letter(
        to=pledge.contact,
        campaign_title=campaign.title.get(code) or campaign.title["en"],
        title=news.title.get(code) or news.title["en"],
        words=news.words.get(code) or news.words["en"],
        link=our_page(f"/campaigns/{campaign.slug}?lang={code}"),
        leave_link=our_page(f"/pledges/{pledge.receipt}"),
        language=code,
    )
    try:
        await mail.send(letter)
    except mail.MailRefused:
        # This mailbox takes nothing from us; the next one may.
        log.info("a letter was refused", letter="update")
