"""What a canvasser's phone takes along: everything that signing needs where there is no signal. The
same for every phone, and public: nothing in it is anybody's."""

from typing import Any

from backend.campaigns.loading import consents_for
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign
from backend.canvass import receipt_qr, sealing
from backend.counties import gazetteer
from backend.web import language


async def make() -> dict[str, Any]:
    """`{key: {id, public}, qr, languages, counties: {slug: name}, zips: {zip: [slug, …]},
    campaigns}`, with `qr` as receipt_qr makes it.

    Each campaign is `{slug, title, ask, words, texts}`: the first three `{language: text}`, `texts`
    `{language: {purpose: {id, language, words}}}` with the words of consent, in English where a
    language has none.
    """
    key_id, public = sealing.public_key()
    campaigns: list[Campaign] = await (
        Campaign.objects().where(Campaign.state == CampaignState.LIVE).order_by(Campaign.id)
    )
    return {
        "key": {"id": key_id, "public": public},
        "qr": receipt_qr.make(),
        "languages": {code: reader.name for code, reader in language.LANGUAGES.items()},
        "counties": {county.slug: county.name for county in gazetteer.counties()},
        "zips": {
            found.zip: [county.slug for county in found.counties]
            for found in gazetteer.zips().values()
        },
        "campaigns": [await _campaign(campaign) for campaign in campaigns],
    }


async def _campaign(campaign: Campaign) -> dict[str, Any]:
    texts = {}
    for code in language.LANGUAGES:
        texts[code] = {
            purpose: {"id": text.id, "language": text.language, "words": text.words}
            for purpose, text in (await consents_for(campaign, code)).items()
        }
    return {
        "slug": campaign.slug,
        "title": campaign.title,
        "ask": campaign.ask,
        "words": campaign.pledge_words,
        "texts": texts,
    }
