"""Tests that somebody asks for on their own phone, and codes with which somebody of the staff sends
one to the phone in their hand."""

import datetime
import secrets
from typing import Any

from backend import database
from backend.alerts import wording
from backend.alerts.tables import CODE_GOOD_FOR, PhoneCode
from backend.push import broadcasts
from backend.staff.retention import remove
from backend.staff.tables import now

# No letter or digit that could be read as another.
SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 6
TEST_JOB = "ring_test"


async def ring_test(data: dict[str, Any]) -> None:
    """The job `{subscription: id}`: ring that phone."""
    # Not whose it is: a ring's name is kept for a year.
    what = f"test {secrets.token_hex(12)}"
    await broadcasts.ring_one(data["subscription"], what, wording.test(), "/alerts")


async def code_for(subscription: int) -> str:
    """A new code for this phone; an earlier one opens nothing any more."""
    code = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    async with database.connection() as connection:
        await connection.execute(KEEP, code, subscription, now() + CODE_GOOD_FOR)
    return code


async def phone_of(typed: str) -> int | None:
    """The id of the subscription whose phone shows that code."""
    code = typed[:20].upper().replace(" ", "").replace("-", "")
    if len(code) != LENGTH or set(code) - set(SIGNS):
        return None
    row = await (
        PhoneCode.select(PhoneCode.subscription)
        .where(PhoneCode.code == code, PhoneCode.ends_at > now())
        .first()
    )
    return row["subscription"] if row else None


async def remove_codes(before: datetime.datetime) -> int:
    """Retention: codes that ended."""
    return await remove(PhoneCode, PhoneCode.ends_at < before)


KEEP = """
INSERT INTO phone_code (code, subscription, ends_at) VALUES ($1, $2, $3)
ON CONFLICT (subscription) DO UPDATE SET code = excluded.code, ends_at = excluded.ends_at
"""
