"""The worker's part of signing, done at once."""

import json
import re

import httpx

from backend.campaigns import pledges, publishing, receipts, signing, tallies
from backend.campaigns.pledges import Opened
from backend.campaigns.tables import Campaign
from backend.worker import JOBS

OF_SIGNING = (
    "open_sign_up",
    "pledge_arrivals",
    "pledge_confirmed",
    "pledge_corrected",
    "pledge_again",
    "pledge_leaving",
)


async def work(*more: str) -> None:
    """Do what the signers so far made necessary, on a canvasser’s phone too: all but the letters,
    unless `more` names them."""
    names = [*OF_SIGNING, *more]
    while jobs := await Campaign.raw(
        "DELETE FROM pgqueuer WHERE entrypoint = ANY({}) RETURNING id, entrypoint, payload", names
    ):
        for job in sorted(jobs, key=lambda job: job["id"]):
            await JOBS[job["entrypoint"]](json.loads(job["payload"]))


async def letters() -> list[dict[str, str]]:
    """Which letters wait to be mailed: `{pledge, letter}`."""
    rows = await Campaign.raw(
        "SELECT payload FROM pgqueuer WHERE entrypoint = 'pledge_mail' ORDER BY id"
    )
    return [json.loads(row["payload"]) for row in rows]


async def publish() -> None:
    """Add up and tell the public, as happens by and by."""
    await tallies.count()
    await publishing.publish()
    await publishing.publish_counties()


async def by_receipt(receipt: str) -> Opened | None:
    """The pledge, once the worker has looked at it, with what is sealed in it."""
    await work()
    pledge = await signing.by_receipt(receipt)
    return await pledges.by_id(pledge.id) if pledge else None


async def confirm(receipt: str) -> str | None:
    """As its signer does with the letter's digits: the new receipt, or None."""
    await work()
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    new = await signing.confirm(pledge, receipts.six_digits(pledge.id, pledge.round))
    await work()
    return new


def receipt_in(page: httpx.Response) -> str:
    """The receipt code that a signer's own page shows."""
    assert page.status_code == 200, page.text
    shown = re.search(r'<p class="code"><bdi dir="ltr">([0-9A-Z-]+)</bdi>', page.text)
    assert shown is not None
    return shown[1].replace("-", "")
