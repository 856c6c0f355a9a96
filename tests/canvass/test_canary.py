"""After a whole day of canvassing no table holds a name in the clear: not a signer's from a phone,
a file or paper, not one with a mistake, not a canvasser's."""

from collections.abc import Awaitable, Callable
from typing import Any

from backend.campaigns.tables import Campaign, Pledge
from backend.canvass import devices, intake, uploads
from backend.canvass.states import RowCheck
from backend.canvass.tables import CanvassFile, CanvassRecord, PaperRow, PaperSheet, Shift
from backend.piccolo_app import APP_CONFIG
from tests.campaigns.working import work
from tests.canvass.at_the_desk import account_of, lets_lead
from tests.canvass.conftest import (
    Phone,
    campaign,
    canvasser,
    new_phone,
    phone,
    shift,
)
from tests.canvass.test_files import written
from tests.conftest import Colleague

__all__ = ["campaign", "canvasser", "new_phone", "phone", "shift"]

AtTheDesk = Callable[..., Awaitable[Colleague]]
NAME = "Quetzalcanario Ñandúperez"
SECRETS = ("quetzal", "canario", "ñandú", "5552671", "555-2671", "rosa of the market")


def said(value: Any) -> str:
    if isinstance(value, bytes | memoryview | bytearray):
        return bytes(value).decode("utf-8", "replace").casefold()
    return str(value).casefold()


async def everything() -> str:
    """All that the database holds, and what waits in its queue."""
    found = []
    for table in APP_CONFIG.table_classes:
        for row in await table.select():
            found += [said(value) for value in row.values()]
    for row in await Pledge.raw("SELECT payload FROM pgqueuer"):
        found.append(said(row["payload"]))
    return "\n".join(found)


async def test_no_table_holds_a_name(
    at_the_desk: AtTheDesk, phone: Phone, shift: Shift, campaign: Campaign
) -> None:
    lola = await lets_lead(await at_the_desk("canvass_lead", name="Lola", fresh=True), shift)
    ada = await at_the_desk("admin", name="Ada", fresh=True)
    for contact, zip in (("quetzal@example.org", "95404"), ("canario@", "95404"),
                         ("(415) 555-2671", "1")):  # fmt: skip
        await intake.take(phone.device, phone.sign(name=NAME, contact=contact, zip=zip))
    await work()
    content = written(phone.sign(name=NAME, contact="canario2@example.org"))
    await uploads.hand_in(await account_of(ada), content)
    await lola.post(
        f"/desk/canvass/{shift.id}/sheets", campaign=campaign.slug, language="es", number="1"
    )
    [sheet] = await PaperSheet.select(PaperSheet.id)
    here = f"/desk/canvass/sheets/{sheet['id']}"
    await lola.post(f"{here}/count", filled="1")
    line = {"name": NAME, "contact": "canario3@example.org", "zip": "95404"}
    assert (await lola.post(f"{here}/lines", line="1", **line)).status_code == 303
    await lola.post(f"{here}/end")
    await ada.post(f"{here}/lines/1/again", **{**line, "contact": "quetzal3@example.org"})
    await ada.get(f"{here}/lines/1/settle")
    for row in await CanvassRecord.select(CanvassRecord.id).where(CanvassRecord.pledge.is_null()):
        assert (await ada.get(f"/desk/canvass/review/{row['id']}")).status_code == 200
    code = await devices.invite(shift.id, phone.device.canvasser, None)
    assert await PaperRow.exists().where(PaperRow.check == RowCheck.DIFFERENT)
    assert await CanvassFile.exists().where(CanvassFile.content.is_not_null())
    assert await Pledge.count() == 2
    kept = await everything()
    for secret in (*SECRETS, code.casefold(), phone.token.casefold()):
        assert secret not in kept, secret
