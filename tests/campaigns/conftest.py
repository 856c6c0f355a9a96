"""A campaign to sign, and people who sign it."""

import pytest

from backend.campaigns import contacts, loading
from backend.campaigns.signing import Signature
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign
from backend.counties.tables import County


@pytest.fixture
async def campaign(record: None) -> Campaign:
    """A live one of this test's own."""
    made = Campaign(
        slug="end-holds-here",
        state=CampaignState.LIVE,
        title={"en": "End holds here", "es": "Fin a las retenciones aquí"},
        ask={"en": "Ask the sheriff.", "es": "Pídale al alguacil."},
        story={"en": "A story.", "es": "Una historia."},
        pledge_words={"en": "I ask for an end.", "es": "Pido un fin."},
        goals=[10, 100],
    )
    await made.save()
    found = await Campaign.objects().where(Campaign.id == made.id).first()
    assert found is not None
    return found


async def boxes(*purposes: str, code: str = "en") -> dict[str, str]:
    """What a form sends of the boxes that were ticked beside today's words."""
    texts = await loading.current_consents(code)
    return {f"agree_{purpose}": str(texts[purpose].id) for purpose in purposes}


async def county_id(slug: str) -> int:
    row = await County.select(County.id).where(County.slug == slug).first()
    assert row is not None
    return int(row["id"])


async def signature(
    name: str = "Ana López", contact: str = "ana@example.org", county: str = "sonoma"
) -> Signature:
    return Signature(
        name=name,
        contact=contacts.read(contact),
        county=await county_id(county),
        language="en",
        consents=(),
    )
