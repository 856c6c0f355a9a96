"""How many letters a mailbox may get that somebody else can cause.

Whoever fills in a form can name any mailbox. So every letter to a mailbox whose reader has not
confirmed, and every letter that a form anyone can fill in causes, passes `may_write`, in the
transaction that asks for the letter: the mailbox's row is locked until that commits, so that twenty
asks at once are counted one after another.

A row holds numbers and days beside a blind index, no address.
"""

from collections import Counter
from datetime import datetime, timedelta

from piccolo.columns import Bytea, Date, Integer, Timestamptz
from piccolo.columns.defaults.date import DateNow
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from backend.web.sealing import blind_index

IN_A_DAY, IN_A_MONTH = 3, 10
MONTH = timedelta(days=30)
# A domain of its own with thousands of invented names would fill somebody's one mailbox, and get
# ours onto a block list. The providers most people use are no such domain.
TO_A_DOMAIN_IN_AN_HOUR = 30
PROVIDERS = frozenset(
    "aol.com att.net comcast.net cox.net duck.com fastmail.com gmail.com gmx.com hey.com "
    "hotmail.com icloud.com live.com mail.com msn.com outlook.com proton.me riseup.net "
    "sbcglobal.net tutanota.com verizon.net yahoo.com ymail.com zoho.com".split()
)


class LetterBudget(Table):
    """The letters to one mailbox (or, with its own `key`, to one domain): how many `in_day`, in the
    30 days since `month`, and in the hour since `hour`."""

    key = Bytea(primary_key=True, default=None)
    day = Date(default=DateNow())
    in_day = Integer(default=0)
    month = Date(default=DateNow())
    in_month = Integer(default=0)
    hour = Timestamptz(default=TimestamptzNow())
    in_hour = Integer(default=0)


_COUNT = """
    INSERT INTO letter_budget AS of (key, day, in_day, month, in_month, hour, in_hour)
    SELECT key, current_date, 1, current_date, 1, clock_timestamp(), 1
    FROM unnest({}::bytea[]) AS key ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        day = current_date,
        in_day = CASE WHEN of.day = current_date THEN of.in_day + 1 ELSE 1 END,
        month = CASE WHEN of.month > current_date - {}::int THEN of.month ELSE current_date END,
        in_month = CASE WHEN of.month > current_date - {}::int THEN of.in_month + 1 ELSE 1 END
    WHERE (of.day <> current_date OR of.in_day < {})
      AND (of.month <= current_date - {}::int OR of.in_month < {})
    RETURNING key
"""

_COUNT_DOMAIN = """
    INSERT INTO letter_budget AS of (key, day, in_day, month, in_month, hour, in_hour)
    VALUES ({}, current_date, 1, current_date, 1, clock_timestamp(), 1)
    ON CONFLICT (key) DO UPDATE SET
        day = current_date, month = current_date,
        hour = CASE WHEN of.hour > clock_timestamp() - interval '1 hour' THEN of.hour
                    ELSE clock_timestamp() END,
        in_hour = CASE WHEN of.hour > clock_timestamp() - interval '1 hour' THEN of.in_hour + 1
                       ELSE 1 END
    WHERE of.hour <= clock_timestamp() - interval '1 hour' OR of.in_hour < {}
    RETURNING key
"""


async def may_write(same: str) -> bool:
    """Count one more letter to this mailbox; False when it has had enough, and then nothing is
    counted. `same` is the address as `contacts.read(…).same` gives it. Call it in the transaction
    that asks for the letter."""
    [may] = await may_write_all([same])
    return may


async def may_write_all(addresses: list[str]) -> list[bool]:
    """The same for many at once, each in its turn."""
    mailboxes = [index(same) for same in addresses]
    once = {key for key, times in Counter(mailboxes).items() if times == 1}
    # In the order of their keys, here and in the statement: two who write to the same mailboxes
    # shall not wait for each other.
    counted = await _count(sorted(once)) if once else set()
    allowed = dict.fromkeys(range(len(addresses)), False)
    for at in sorted(allowed, key=lambda at: _domain(addresses[at])):
        key = mailboxes[at]
        if key in counted if key in once else await _count([key]):
            allowed[at] = await _may_write_to(_domain(addresses[at]))
    return list(allowed.values())


async def _count(keys: list[bytes]) -> set[bytes]:
    days = MONTH.days
    limits = (days, days, IN_A_DAY, days, IN_A_MONTH)
    return {bytes(row["key"]) for row in await LetterBudget.raw(_COUNT, keys, *limits)}


async def _may_write_to(domain: str) -> bool:
    if domain in PROVIDERS:
        return True
    key = blind_index("letters to domain", domain)
    return bool(await LetterBudget.raw(_COUNT_DOMAIN, key, TO_A_DOMAIN_IN_AN_HOUR))


def _domain(same: str) -> str:
    return same.casefold().rpartition("@")[2]


def index(same: str) -> bytes:
    """What the mailbox's row is found by."""
    return blind_index("letters", mailbox_of(same))


def mailbox_of(same: str) -> str:
    """Whatever follows a + is taken for the same mailbox at every domain: where it is another one,
    two people share three letters a day."""
    local, _, domain = same.casefold().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


async def remove_old(before: datetime) -> int:
    """Retention: rows whose month is over and that no letter of today counts on."""
    old = (LetterBudget.month < before.date()) & (LetterBudget.day < before.date())
    return len(await LetterBudget.delete().where(old).returning(LetterBudget.key))
