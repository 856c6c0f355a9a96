"""Opt-in: alerts by mail, for phones that cannot be rung; asked for, confirmed, changed, and left.

An address is confirmed with what only its mailbox got: six digits, or a link. Whoever asks learns
nothing, and keeps nothing: the same page comes whether that mailbox gets alerts already or not,
whether a letter left or not, and what they hold opens nothing once the owner has confirmed.
"""

import datetime
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from backend import database
from backend.alerts import letters
from backend.alerts.tables import AlertMail, AlertNews
from backend.campaigns.contacts import Contact
from backend.database import DB
from backend.push import timing
from backend.push.audience import Audience
from backend.push.subscriptions import Wishes
from backend.staff.retention import remove
from backend.staff.tables import digest, now
from backend.web import jobs, keyring, letter_budget, mail
from backend.web.email_layout import our_page
from backend.web.rate_limits import Limit
from backend.web.sealing import CannotOpen, DataKey, blind_index, is_apart, seal_apart

log = structlog.get_logger()

CONFIRM_JOB = "confirm_alert_mail"
LETTER_JOB = "alert_letter"
TIDY_JOB = "tidy_alert_mail"
TABLE = "alert_mail"
MOST_TRIES = 5
# Of a mailbox and day, however many ask for it. The link in the letter is always right.
DIGITS = Limit("digits of alert mail", MOST_TRIES, 24 * 3600, closed=True)
PAGE = 300
LONGEST_TOKEN = 100
COLUMNS = ("language", "everywhere", "counties", "topics", "kinds", "remind_day", "remind_hours")


class CodeIsUsedUp(Exception):
    """Nobody can try digits for this mailbox any more today."""


@dataclass(frozen=True)
class Mailbox:
    """The same, opened, for a letter."""

    row: AlertMail
    address: str
    token: str


@dataclass(frozen=True)
class Reader:
    """Who hears by mail, or was asked for. `shown` is what they showed us: the token that leads to
    their own page and is for their mailbox alone, or an asker's."""

    row: AlertMail
    shown: str

    @property
    def confirmed(self) -> bool:
        return self.row.confirmed_at is not None

    @property
    def is_the_mailbox(self) -> bool:
        """Whether who asks us has read a letter to it. In rows of an earlier release the asker's
        token is the mailbox's too."""
        own = hmac.compare_digest(digest(self.shown), bytes(self.row.token_hash))
        return own and (self.confirmed or self.row.asker_hash is not None)

    @property
    def wishes(self) -> Wishes:
        row: dict[str, Any] = {name: getattr(self.row, name) for name in COLUMNS}
        values: dict[str, Any] = {
            name: tuple(it) if isinstance(it, list) else it for name, it in row.items()
        }
        return Wishes(**values)


async def ask(contact: Contact, wishes: Wishes) -> str:
    """Begin; a letter with a code goes to that address, unless it got enough. Returns the token of
    the page where the code is typed. Raises subscribing.CannotSubscribe."""
    wished = await wishes.checked()
    asker = secrets.token_urlsafe(24)
    async with database.connection() as connection:
        id = await connection.fetchval("SELECT nextval('alert_mail_id_seq')")
        key = DataKey.new(TABLE, id)
        row = AlertMail(
            id=id,
            data_key=key.wrapped(),
            address=key.seal("address", contact.address),
            place=blind_index("alert mail", contact.same),
            asker_hash=digest(asker),
            **_kept(secrets.token_urlsafe(24), key),
            **_columns(wished),
        )
        await AlertMail.insert(row)
        if await letter_budget.may_write(contact.same):
            await jobs.enqueue(CONFIRM_JOB, {"mail": id})
    return asker


async def by_token(token: str) -> Reader | None:
    if not token or len(token) > LONGEST_TOKEN:
        return None
    hashed = digest(token)
    row = await (
        AlertMail.objects()
        .where((AlertMail.token_hash == hashed) | (AlertMail.asker_hash == hashed))
        .first()
    )
    return Reader(row, token) if row is not None else None


async def confirm(reader: Reader, typed: str) -> str | None:
    """The mailbox's owner came by its link or typed the six digits: from now on they hear. What the
    mailbox had chosen before no longer counts. Returns a new token, for them alone: whoever asked
    has none that opens anything. None when the digits are wrong. Raises CodeIsUsedUp."""
    place = reader.row.place
    if not reader.is_the_mailbox and not await DIGITS.take(place):
        raise CodeIsUsedUp
    token = secrets.token_urlsafe(24)
    async with DB.transaction():
        # Two of one mailbox at once: each deletes the other's before it may stand.
        await AlertMail.raw(
            "SELECT pg_advisory_xact_lock(hashtext('alert mail place'), {})",
            int.from_bytes(place[:4], "big", signed=True),
        )
        row = await _alone(reader.row.id)
        if row is None or row.confirmed_at is not None:
            return None
        if not reader.is_the_mailbox and not (row.mailed and _is_right(row.id, typed)):
            return None
        columns: dict[Any, Any] = {
            "confirmed_at": now(),
            "standing": row.place,
            "asker_hash": None,
            "token": seal_apart(TABLE, row.id, "token", token),
            "token_hash": digest(token),
        }
        await AlertMail.delete().where(AlertMail.place == row.place, AlertMail.id != row.id)
        await AlertMail.update(columns).where(AlertMail.id == row.id)
        await jobs.enqueue(TIDY_JOB, {"mail": row.id})
    return token


async def change(reader: Reader, wishes: Wishes) -> None:
    """Raises subscribing.CannotSubscribe."""
    columns: dict[Any, Any] = _columns(await wishes.checked())
    await AlertMail.update(columns).where(AlertMail.id == reader.row.id)


async def leave(token: str) -> None:
    """Forget them. Whether they were there or not, they are gone."""
    if token and len(token) <= LONGEST_TOKEN:
        hashed = digest(token)
        await AlertMail.delete().where(
            (AlertMail.token_hash == hashed) | (AlertMail.asker_hash == hashed)
        )


def six_digits(id: int) -> str:
    """The code in the letter. It is worked out when needed and kept nowhere."""
    key = keyring.newest("codes").secret
    found = hmac.digest(key, f"alert mail|{id}".encode(), hashlib.sha256)
    return f"{int.from_bytes(found[:8], 'big') % 1_000_000:06}"


async def remove_unconfirmed(before: datetime.datetime) -> int:
    """Retention: addresses that nobody confirmed."""
    return await remove(AlertMail, AlertMail.confirmed_at.is_null() & (AlertMail.made_at < before))


async def tidy(data: dict[str, Any]) -> None:
    """The job `{mail: id}`: put what was sealed apart under the row's own key."""
    async with DB.transaction():
        row = await _alone(data["mail"])
        if row is not None and is_apart(row.token):
            key = DataKey.unwrap(row.data_key, TABLE, row.id)
            columns: dict[Any, Any] = {
                AlertMail.token: key.seal("token", key.open("token", row.token))
            }
            await AlertMail.update(columns).where(AlertMail.id == row.id)


async def mail_confirmation(data: dict[str, Any]) -> None:
    """The job `{mail: id}`: ask whether it was them."""
    mailbox = await _by_id(data["mail"])
    if mailbox is not None and mailbox.row.confirmed_at is None:
        # First: they may be quick, and a letter may arrive of which we hear that it did not.
        await AlertMail.update({AlertMail.mailed: True}).where(AlertMail.id == mailbox.row.id)
        digits = six_digits(mailbox.row.id)
        link = our_page(f"/alerts/mail#{mailbox.token}")
        await _send(letters.confirm(mailbox.address, digits, link, mailbox.row.language))


async def mail_news(data: dict[str, Any]) -> None:
    """The job `{news: id}`: ask for a letter to everybody whom it concerns."""
    await timing.look()
    async with DB.transaction():
        news = await (
            AlertNews.objects().where(AlertNews.id == data["news"]).lock_rows("UPDATE").first()
        )
        # Done by an earlier try, which was committed; or nobody needs it any more.
        if news is None or news.mailed_at is not None or news.expires_at <= timing.now():
            return
        audience: Any = news.audience
        ids = await _concerned(Audience.of(audience))
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            await jobs.enqueue_all(LETTER_JOB, [{"news": news.id, "mail": id} for id in page])
        await AlertNews.update({AlertNews.mailed: len(ids), AlertNews.mailed_at: now()}).where(
            AlertNews.id == news.id
        )


async def mail_letter(data: dict[str, Any]) -> None:
    """The job `{news: id, mail: id}`: one letter, unless they have left meanwhile, or it was called
    off."""
    await timing.look()
    mailbox = await _by_id(data["mail"])
    news = await AlertNews.objects(AlertNews.ring).where(AlertNews.id == data["news"]).first()
    if mailbox is None or mailbox.row.confirmed_at is None:
        return
    if news is None or news.expires_at <= timing.now():
        return
    if news.ring.id and news.ring.cancelled_at:
        return
    words: Any = news.words
    code = mailbox.row.language
    await _send(
        letters.news(
            mailbox.address,
            (words.get(code) or words["en"])["full"],
            our_page(f"{news.navigate}?lang={code}"),
            mailbox.token,
            code,
        )
    )


async def _send(letter: mail.Letter) -> None:
    try:
        await mail.send(letter)
    except mail.MailRefused:
        # Trying again helps nobody.
        log.info("a letter was refused", letter="alert")


async def _concerned(audience: Audience) -> list[int]:
    where, values = audience.condition()
    async with database.connection() as connection:
        rows = await connection.fetch(CONCERNED + where + " ORDER BY id", *values)
    return [row["id"] for row in rows]


async def _by_id(id: int) -> Mailbox | None:
    row = await AlertMail.objects().where(AlertMail.id == id).first()
    return _opened(row) if row is not None else None


def _is_right(id: int, typed: str) -> bool:
    return hmac.compare_digest(_digits_in(typed).encode(), six_digits(id).encode())


def _kept(token: str, key: DataKey) -> dict[str, Any]:
    return {"token": key.seal("token", token), "token_hash": digest(token)}


async def _alone(id: int) -> AlertMail | None:
    found: AlertMail | None = await (
        AlertMail.objects().where(AlertMail.id == id).lock_rows("UPDATE").first()
    )
    return found


def _opened(row: AlertMail) -> Mailbox | None:
    try:
        key = DataKey.unwrap(row.data_key, TABLE, row.id)
        return Mailbox(row, key.open("address", row.address), key.open("token", row.token))
    except (CannotOpen, keyring.NoKey):
        log.error("somebody who hears by mail cannot be opened", row=row.id)
        return None


def _columns(wishes: Wishes) -> dict[str, Any]:
    row = wishes.as_row()
    return {name: row[name] for name in COLUMNS}


def _digits_in(typed: str) -> str:
    return "".join(sign for sign in typed[:40] if sign.isascii() and sign.isdecimal())


CONCERNED = "SELECT id FROM alert_mail WHERE confirmed_at IS NOT NULL AND "
