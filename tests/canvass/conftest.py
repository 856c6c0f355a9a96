"""A shift at a market, and a phone that seals as the app does."""

import base64
import datetime
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from backend.campaigns import receipts
from backend.campaigns.loading import consents_for
from backend.campaigns.signing import new_id
from backend.campaigns.tables import Campaign
from backend.canvass import devices, sealing
from backend.canvass.intake import Sent
from backend.canvass.sealing import Place
from backend.canvass.tables import CanvassDevice, Canvasser, Shift
from backend.staff.tables import now
from tests.campaigns.conftest import campaign

__all__ = ["campaign"]

SAID = {
    "name": "Ana López",
    "contact": "ana@example.org",
    "zip": "95404",
    "county": "",
    "language": "es",
    "purposes": ["pledge"],
    "how": "shown",
    "campaign": "end-holds-here",
}


@dataclass
class Phone:
    """A canvasser's phone. `sign` seals what somebody typed, as it would be sent."""

    device: CanvassDevice
    token: str
    shift: Shift
    shown: str
    key: tuple[str, str] = field(default_factory=sealing.public_key)

    def sign(self, id: UUID | None = None, **said: Any) -> Sent:
        id = id or new_id()
        whole = {**SAID, "receipt": receipts.new(), **said}
        return self.seal(json.dumps(whole).encode().ljust(512), id)

    def seal(self, text: bytes, id: UUID | None = None) -> Sent:
        id = id or new_id()
        place = Place(self.key[0], id, self.device.id, self.shown)
        point = base64.urlsafe_b64decode(self.key[1] + "=")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        sealed = sealing._SUITE.encrypt(text, public, place.info())
        return Sent(
            id, self.device.id, self.shift.id, self.key[0], self.shown,
            datetime.datetime(2027, 11, 24, tzinfo=datetime.UTC), sealed,
        )  # fmt: skip


@pytest.fixture
async def shift(campaign: Campaign) -> Shift:
    made = Shift(
        code=receipts.new_via(),
        event="Sunday market",
        campaigns=[campaign.id],
        languages=["en", "es"],
        starts_at=now() - datetime.timedelta(hours=1),
        ends_at=now() + datetime.timedelta(hours=3),
    )
    await made.save()
    return made


@pytest.fixture
async def canvasser(record: None) -> Canvasser:
    return await devices.begin_canvasser("Rosa of the market")


NewPhone = Callable[..., Awaitable[Phone]]


@pytest.fixture
async def new_phone(campaign: Campaign, shift: Shift, canvasser: Canvasser) -> NewPhone:
    """`await new_phone()`: one that was invited just now; `who=` another canvasser's."""

    async def make(who: Canvasser | None = None, known: UUID | None = None) -> Phone:
        code = await devices.invite(shift.id, (who or canvasser).id, None)
        device, token = await devices.enrol(code, "the red one", known)
        texts = await consents_for(campaign, "es")
        return Phone(device, token, shift, ".".join(str(text.id) for text in texts.values()))

    return make


@pytest.fixture
async def phone(new_phone: NewPhone) -> Phone:
    return await new_phone()
