"""Lifecycle: a campaign from its first draft to its archive, and what staff do with it, each with
its line in the audit trail. After each change every web process makes its pages anew."""

import contextlib
import datetime
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

from backend import settings
from backend.campaigns import loading
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import (
    NAMES_KEPT,
    Campaign,
    CampaignUpdate,
    CountLine,
    GoingLive,
    PledgeCount,
)
from backend.database import DB, announce_change
from backend.policies import queries
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web import jobs
from backend.web.clock import CALIFORNIA, today
from backend.web.errors import Refused
from backend.web.language import LANGUAGES
from backend.web.language import gettext as _

# What people read, and staff write.
TEXTS = ("title", "ask", "story", "pledge_words")
NEEDED = ("en", "es")
WRITTEN = (*TEXTS, "targets", "partners", "sources", "counties", "goals", "opens_on", "closes_on",
           "outcome")  # fmt: skip


async def with_id(id: int) -> Campaign | None:
    if not 0 < id <= LARGEST_ID:
        return None
    found: Campaign | None = await Campaign.objects().where(Campaign.id == id).first()
    return found


async def begin(by: Account, slug: str, title: dict[str, str]) -> Campaign:
    """A new draft that nobody but staff sees. Raises Refused when the name is taken."""
    nothing = dict.fromkeys(NEEDED, "")
    async with _changing():
        if await Campaign.exists().where(Campaign.slug == slug):
            raise Refused(_("There is a campaign with this address already. Choose another one."))
        made = Campaign(slug=slug, title=title, ask=nothing, story=nothing, pledge_words=nothing)
        await made.save()
        await audit.write(by.name, "campaign_begun", _subject(made))
    return made


async def change(campaign: Campaign, by: Account, seen: str, fields: dict[str, Any]) -> None:
    """Let it say these things. `seen` is the fingerprint of what the person had before them. Raises
    Refused when it is not that any more, or when people have signed other words."""
    async with _changing():
        standing = await _alone(campaign)
        if seen != fingerprint(standing):
            raise Refused(
                _("Somebody changed this campaign meanwhile. Open it in another tab, and put in "
                  "here what is new there.")
            )  # fmt: skip
        changed = [name for name, value in fields.items() if getattr(standing, name) != value]
        if not changed:
            return
        if "pledge_words" in changed and await _is_signed(standing):
            raise Refused(_("People have signed these pledge words. They cannot be changed."))
        if "partners" in changed:
            fields = {**fields, "partners": _partners_since(standing, fields["partners"])}
        kept = _reviews_that_hold(standing, fields)
        for name in changed:
            setattr(standing, name, fields[name])
        _must_be_whole(standing)
        columns: dict[Any, Any] = {name: fields[name] for name in changed}
        await Campaign.update({**columns, "reviewed": kept}).where(Campaign.id == campaign.id)
        await audit.write(by.name, "campaign_changed", _subject(campaign), fields=changed)


async def review(campaign: Campaign, by: Account, code: str, seen: str) -> None:
    """This person has read it in that language and says it is right, as it is now. Raises
    Refused."""
    async with _changing():
        standing = await _alone(campaign)
        titles: Any = standing.title
        if code not in LANGUAGES or code == "en" or not titles.get(code):
            raise Refused(_("There is nothing to review in that language."))
        if seen != fingerprint(standing):
            raise Refused(_("The words have changed meanwhile. Read them again."))
        reviews: Any = standing.reviewed or {}
        of = loading.fingerprint(standing)
        reviews = {**reviews, code: {"by": by.name, "on": today().isoformat(), "of": of}}
        await Campaign.update({Campaign.reviewed: reviews}).where(Campaign.id == campaign.id)
        await audit.write(by.name, "campaign_reviewed", _subject(campaign), language=code)


def missing(campaign: Campaign) -> list[str]:
    """What it needs before anyone may see it, as names of fields: `story_es`, `targets`."""
    lacking = [
        f"{name}_{code}"
        for name in TEXTS
        for code in NEEDED
        if not getattr(campaign, name).get(code, "").strip()
    ]
    return lacking + [name for name in ("targets", "goals") if not getattr(campaign, name)]


async def asked(campaign: Campaign) -> GoingLive | None:
    """The wish to publish it that still stands: as it is now, and not done."""
    found: GoingLive | None = await (
        GoingLive.objects(GoingLive.asked_by)
        .where(
            GoingLive.campaign == campaign.id,
            GoingLive.of == fingerprint(campaign),
            GoingLive.done_at.is_null(),
        )
        .order_by(GoingLive.id, ascending=False)
        .first()
    )
    return found


async def go_live(campaign: Campaign, by: Account, seen: str) -> bool:
    """Publish it. With SECOND_PERSON the first who says so only asks: False; another one does it.
    Raises Refused."""
    async with _changing():
        standing = await _alone(campaign)
        _must_be(standing, CampaignState.DRAFT)
        if seen != fingerprint(standing):
            raise Refused(_("The words have changed meanwhile. Read them again."))
        _must_be_whole(standing, going_live=True)
        wish = await asked(standing)
        asker: Any = wish.asked_by if wish else None
        if asker and asker.id != by.id and (why := await by.why_not_second(asker.id)):
            raise Refused(why)
        if settings.read().second_person and (asker is None or asker.id == by.id):
            if wish is None:
                await GoingLive(campaign=campaign.id, of=seen, asked_by=by.id).save()
                await audit.write(by.name, "campaign_offered", _subject(campaign))
            return False
        if wish is None:
            wish = GoingLive(campaign=campaign.id, of=seen, asked_by=by.id)
        wish.asked_by, wish.done_by, wish.done_at = asker.id if asker else by.id, by.id, now()
        await wish.save()
        await Campaign.update({Campaign.state: CampaignState.LIVE}).where(
            Campaign.id == campaign.id
        )
        await audit.write(by.name, "campaign_live", _subject(campaign),
                          asked_by=asker.name if asker else by.name)  # fmt: skip
    return True


async def close(campaign: Campaign, by: Account, outcome: dict[str, str]) -> None:
    """No more signatures. From now names are kept 90 days. Raises Refused."""
    async with _changing():
        _must_be(await _alone(campaign), CampaignState.LIVE)
        await Campaign.update(
            {
                Campaign.state: CampaignState.CLOSED,
                Campaign.closed_at: now(),
                Campaign.outcome: outcome,
            }
        ).where(Campaign.id == campaign.id)
        await audit.write(by.name, "campaign_closed", _subject(campaign))


async def close_due(_data: dict[str, Any]) -> None:
    """Every night: close those whose last day is over, so that their names are erased when their
    pages say so."""
    due = await Campaign.objects().where(
        Campaign.state == CampaignState.LIVE, Campaign.closes_on < today()
    )
    for campaign in due:
        async with _changing():
            standing = await _alone(campaign)
            if standing.state != CampaignState.LIVE or not standing.closes_on:
                continue
            # The page counts the 90 days from that day, so they begin as it does.
            began = datetime.datetime.combine(standing.closes_on, datetime.time(), CALIFORNIA)
            await Campaign.update(
                {Campaign.state: CampaignState.CLOSED, Campaign.closed_at: began}
            ).where(Campaign.id == campaign.id)
            await audit.write(audit.HOUSE, "campaign_closed", _subject(campaign))


def may_be_reopened(campaign: Campaign) -> bool:
    return (
        campaign.state == CampaignState.CLOSED
        and campaign.closed_at is not None
        and now() < campaign.closed_at + NAMES_KEPT
    )


async def reopen(campaign: Campaign, by: Account) -> None:
    """Let people sign again, while names are kept. A last day that is over is taken away, and so is
    the outcome. Raises Refused."""
    async with _changing():
        standing = await _alone(campaign)
        _must_be(standing, CampaignState.CLOSED)
        if not may_be_reopened(standing):
            raise Refused(_("The names are erased. Begin a new campaign instead."))
        over = standing.closes_on is not None and standing.closes_on < today()
        await Campaign.update(
            {
                Campaign.state: CampaignState.LIVE,
                Campaign.closed_at: None,
                Campaign.outcome: None,
                Campaign.closes_on: None if over else standing.closes_on,
            }
        ).where(Campaign.id == campaign.id)
        await audit.write(by.name, "campaign_reopened", _subject(campaign))


async def archive(campaign: Campaign, by: Account) -> None:
    """Off the list; its page stays. Raises Refused."""
    async with _changing():
        _must_be(await _alone(campaign), CampaignState.CLOSED)
        await Campaign.update({Campaign.state: CampaignState.ARCHIVED}).where(
            Campaign.id == campaign.id
        )
        await audit.write(by.name, "campaign_archived", _subject(campaign))


async def tell(
    campaign: Campaign, by: Account, title: dict[str, str], words: dict[str, str]
) -> CampaignUpdate:
    """News, on the campaign's page at once. Raises Refused for a draft."""
    async with _changing():
        if (await _alone(campaign)).state == CampaignState.DRAFT:
            raise Refused(_("Nobody can read a draft’s news. Publish the campaign first."))
        news = CampaignUpdate(campaign=campaign.id, title=title, words=words, made_by=by.id)
        await news.save()
        await audit.write(by.name, "news_told", _subject(campaign), news=news.id)
    return news


async def mail(campaign: Campaign, id: int, by: Account) -> None:
    """Send a piece of news to the signers who said yes to news. Raises Refused the second time."""
    async with DB.transaction():
        mine = await CampaignUpdate.raw(
            "UPDATE campaign_update SET mail_asked_at = {} WHERE id = {} AND campaign = {}"
            " AND mail_asked_at IS NULL RETURNING id",
            now(),
            id if 0 < id <= LARGEST_ID else 0,
            campaign.id,
        )
        if not mine:
            raise Refused(_("This was mailed already, or it is not there."))
        await jobs.enqueue("campaign_update_mail", {"news": id})
        await audit.write(by.name, "news_mailed", _subject(campaign), news=id)


def fingerprint(campaign: Campaign) -> str:
    """16 hex digits of all that staff wrote in it."""
    all_of_it = [getattr(campaign, name) for name in WRITTEN]
    text = json.dumps(all_of_it, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextlib.asynccontextmanager
async def _changing() -> AsyncIterator[None]:
    """A change to what the public reads. Other processes hear of it when it is committed."""
    async with DB.transaction():
        yield
        await announce_change()
    queries.forget()


async def _alone(campaign: Campaign) -> Campaign:
    """The campaign as it stands, and nobody else's to change until the transaction ends."""
    found: Campaign | None = await (
        Campaign.objects().where(Campaign.id == campaign.id).lock_rows("UPDATE").first()
    )
    assert found is not None, "campaigns are never removed"
    return found


def _must_be(campaign: Campaign, state: CampaignState) -> None:
    if campaign.state != state:
        raise Refused(_("Somebody was quicker: look at the campaign as it is now."))


def _must_be_whole(campaign: Campaign, going_live: bool = False) -> None:
    if (going_live or campaign.state != CampaignState.DRAFT) and missing(campaign):
        raise Refused(_("Some words are missing. People can only be shown a whole campaign."))


async def _is_signed(campaign: Campaign) -> bool:
    counted = await PledgeCount.exists().where(PledgeCount.campaign == campaign.id)
    return bool(counted or await CountLine.exists().where(CountLine.campaign == campaign.id))


def _partners_since(before: Campaign, named: list[dict[str, str]]) -> list[dict[str, str]]:
    """Whoever signed agreed to share with the partners named on the page then. One that is named
    later gets a moment from which on signers knew of it."""
    if before.state == CampaignState.DRAFT:
        return named
    standing: Any = before.partners or []
    since = {each["name"]: each.get("since", "") for each in standing}
    return [
        {**each, "since": moment}
        if (moment := since.get(each["name"], now().isoformat()))
        else each
        for each in named
    ]


def _reviews_that_hold(before: Campaign, fields: dict[str, Any]) -> dict[str, Any] | None:
    """A translation whose own words change has to be read again; a changed English shows itself by
    its fingerprint."""
    reviews: Any = before.reviewed or {}
    return {
        code: review
        for code, review in reviews.items()
        if _said_in(code, {name: getattr(before, name) for name in WRITTEN})
        == _said_in(code, {**{name: getattr(before, name) for name in WRITTEN}, **fields})
    } or None


def _said_in(code: str, fields: dict[str, Any]) -> list[str]:
    said = [(fields[name] or {}).get(code, "") for name in (*TEXTS, "outcome")]
    targets = fields["targets"] or []
    return said + [target[key].get(code, "") for target in targets for key in ("name", "why")]


def _subject(campaign: Campaign) -> str:
    return f"campaign {campaign.slug}"
