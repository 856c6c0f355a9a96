"""Coalition partners: what may be shared with which, and the tokens their programs read it with."""

import datetime
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns.exclusions import agreed_to
from backend.campaigns.pledges import Opened
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import Campaign, PartnerGiven, PartnerToken, Pledge
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, digest, now

LASTS = datetime.timedelta(days=90)


@dataclass(frozen=True)
class Reader:
    """Who reads with a token: a partner, and the campaigns that name it on their pages."""

    token: PartnerToken
    campaigns: tuple[Campaign, ...]

    @property
    def name(self) -> str:
        return self.token.name


async def public_campaigns() -> list[Campaign]:
    found: list[Campaign] = await (
        Campaign.objects().where(Campaign.state != CampaignState.DRAFT).order_by(Campaign.id)
    )
    return found


def named_on(campaign: Campaign) -> dict[str, str]:
    """The partners on a campaign's page, each with the moment since when they are named there, or
    nothing when they always were."""
    given: Any = campaign.partners or []
    return {each["name"]: each.get("since", "") for each in given}


async def names() -> list[str]:
    """Every partner that some campaign names."""
    return sorted({name for each in await public_campaigns() for name in named_on(each)})


async def shared(campaigns: list[Campaign], partner: str) -> list[Any]:
    """Conditions for the pledges that may be shared with a partner: confirmed, their signers
    agreed, and the partner was named on the page when they signed."""
    where: Any = None
    for campaign in campaigns:
        since = named_on(campaign).get(partner)
        if since is None:
            continue
        here: Any = Pledge.campaign == campaign.id
        if since:
            here = here & (Pledge.signed_at >= datetime.datetime.fromisoformat(since))
        where = here if where is None else where | here
    return [
        Pledge.id.is_null() if where is None else where,
        Pledge.state == PledgeState.CONFIRMED,
        Pledge.data_key.is_not_null(),
        await agreed_to("partner"),
    ]


async def make(name: str, campaign: Campaign | None, by: Account) -> str:
    """A new token, to be shown once."""
    token = secrets.token_urlsafe(32)
    async with DB.transaction():
        made = PartnerToken(
            name=name,
            token_hash=digest(token),
            campaign=campaign.id if campaign else None,
            made_by=by.id,
            ends_at=now() + LASTS,
        )
        await made.save()
        scope = campaign.slug if campaign else "all"
        await audit.write(by.name, "token_made", f"partner {name}", token=made.id, campaign=scope)
    return token


async def revoke(id: int, by: Account) -> bool:
    """Let it open nothing any more. False when it is gone or did not before."""
    async with DB.transaction():
        mine = await PartnerToken.raw(
            "UPDATE partner_token SET revoked_at = {} WHERE id = {} AND revoked_at IS NULL"
            " RETURNING name",
            now(),
            id if 0 < id <= LARGEST_ID else 0,
        )
        if mine:
            await audit.write(by.name, "token_revoked", f"partner {mine[0]['name']}", token=id)
    return bool(mine)


async def carried_as(token: str) -> Reader | None:
    """Who shows this token; None when it opens nothing."""
    found = await PartnerToken.objects().where(
        PartnerToken.token_hash == digest(token),
        PartnerToken.revoked_at.is_null(),
        PartnerToken.ends_at > now(),
    ).first()  # fmt: skip
    if found is None:
        return None
    campaigns = [
        each
        for each in await public_campaigns()
        if found.campaign in (None, each.id) and found.name in named_on(each)
    ]
    return Reader(found, tuple(campaigns))


async def note_reading(
    reader: Reader, what: str, count: int, campaign: Campaign | None = None, **more: Any
) -> None:
    """Every fetch is in the trail: who, what and how many, and nobody's name."""
    if campaign is not None:
        more["campaign"] = campaign.slug
    async with DB.transaction():
        await PartnerToken.update({PartnerToken.used_at: now()}).where(
            PartnerToken.id == reader.token.id
        )
        await audit.write(f"partner {reader.name}", "partner_read", what, count=count,
                          token=reader.token.id, **more)  # fmt: skip


async def remember(reader: Reader, given: list[Opened]) -> None:
    """Whom the partner knows of now, by number: the day they leave, it must be told."""
    if given:
        await PartnerGiven.raw(
            "INSERT INTO partner_given (token, pledge, given_at)"
            " SELECT {}, pledge, now() FROM unnest({}::uuid[]) AS pledge ON CONFLICT DO NOTHING",
            reader.token.id,
            [pledge.id for pledge in given],
        )


async def no_longer_shared(reader: Reader, most: int, offset: int) -> tuple[list[UUID], int]:
    """Some of those this partner was given, with whichever token, and may keep no more; and how
    many there are."""
    everywhere = await shared(await public_campaigns(), reader.name)
    tokens = PartnerToken.select(PartnerToken.id).where(PartnerToken.name == reader.name)
    still = Pledge.select(Pledge.id).where(*everywhere)
    no_more: list[Any] = [PartnerGiven.token.is_in(tokens), PartnerGiven.pledge.not_in(still)]
    rows = await (
        PartnerGiven.select(PartnerGiven.pledge)
        .where(*no_more)
        .order_by(PartnerGiven.id)
        .limit(most)
        .offset(offset)
    )
    return [row["pledge"] for row in rows], int(await PartnerGiven.count().where(*no_more))
