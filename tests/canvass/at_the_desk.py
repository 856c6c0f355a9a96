"""Somebody who leads the shift at the market, and what they read on a page."""

import html
import re

import httpx

from backend.canvass.tables import Shift, ShiftLead
from backend.staff.tables import Account, AuditEntry
from tests.conftest import Colleague


async def account_of(colleague: Colleague) -> Account:
    found = await Account.named(colleague.name)
    assert found is not None
    return found


async def lets_lead(colleague: Colleague, shift: Shift) -> Colleague:
    await ShiftLead(shift=shift.id, account=(await account_of(colleague)).id).save()
    return colleague


def told(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


async def trail() -> str:
    """All of it, as text."""
    rows = await AuditEntry.select().order_by(AuditEntry.id)
    return "\n".join(f"{r['actor']} {r['action']} {r['subject']} {r['details']}" for r in rows)
