"""Account recovery: codes on paper for the day the passkey is lost. A code opens nothing but the
making of a new passkey: there is no way in with something typed alone."""

import asyncio
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from backend.database import DB
from backend.staff.tables import Account, RecoveryCode, now

HOW_MANY = 10
# Small letters and digits, without those that are taken for each other: 0 o, 1 i l.
SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"
SELECTOR, SECRET = 6, 10
# argon2id as OWASP advises at least: 19 MiB, two passes. A secret has 49 random bits.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


async def make_codes(account: Account) -> list[str]:
    """Ten new codes, which are shown now and never again. The ones before open nothing more."""
    codes = [
        "".join(secrets.choice(SIGNS) for _ in range(SELECTOR + SECRET)) for _ in range(HOW_MANY)
    ]
    hashes = await asyncio.to_thread(lambda: [HASHER.hash(code[SELECTOR:]) for code in codes])
    async with DB.transaction():
        await RecoveryCode.delete().where(RecoveryCode.account == account.id)
        await RecoveryCode.insert(
            *(
                RecoveryCode(account=account.id, selector=code[:SELECTOR], hashed=hashed)
                for code, hashed in zip(codes, hashes, strict=True)
            )
        )
    return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes]


async def use(code: str) -> Account | None:
    """Whose unused code this is; from now on it is used. None for anything else. One code is one
    check of the hash, also where there is nothing to check, so that the time tells nothing."""
    plain = tidy(code)
    row = await (
        RecoveryCode.objects(RecoveryCode.account)
        .where(RecoveryCode.selector == selector_of(code), RecoveryCode.used_at.is_null())
        .first()
    )
    hashed = row.hashed if row else _nobodys()
    right = await asyncio.to_thread(_matches, hashed, plain[SELECTOR:])
    if row is None or not right or row.account.closed_at is not None:
        return None
    mine = await RecoveryCode.raw(
        "UPDATE recovery_code SET used_at = {} WHERE id = {} AND used_at IS NULL RETURNING id",
        now(),
        row.id,
    )
    return row.account if mine else None


async def left(account: Account) -> int:
    """How many codes a person has not used."""
    unused = (RecoveryCode.account == account.id) & RecoveryCode.used_at.is_null()
    return int(await RecoveryCode.count().where(unused))


def tidy(code: str) -> str:
    """A code as typed: spaces, dashes and capitals do not matter."""
    return "".join(sign for sign in code[:60].casefold() if sign in SIGNS)[: SELECTOR + SECRET]


def selector_of(code: str) -> str:
    """The part that finds a code's row."""
    return tidy(code)[:SELECTOR]


def _matches(hashed: str, secret: str) -> bool:
    try:
        return HASHER.verify(hashed, secret)
    except VerificationError:
        return False


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_hex(8))
