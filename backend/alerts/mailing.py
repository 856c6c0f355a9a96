"""Alerts by mail, for phones that cannot be rung: asked for, confirmed, changed, and left.

An address is confirmed with the six digits that only its mailbox got. Whoever asks learns nothing:
the same page comes whether that mailbox gets alerts already or not.
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
from backend.push.audience import Audience
from backend.push.subscribing import Wishes
from backend.staff.retention import remove
from backend.staff.tables import digest, now
from backend.web import keyring, mail, work
from backend.web.composing import our_page
from backend.web.sealing import CannotOpen, DataKey, blind_index

log = structlog.get_logger()

CONFIRM_JOB = "confirm_alert_mail"
LETTER_JOB = "alert_letter"
TABLE = "alert_mail"
MOST_TRIES = 5
# So many letters to one mailbox that did not ask for them itself.
MOST_WAITING = 3
PAGE = 300
LONGEST_TOKEN = 100
COLUMNS = ("language", "everywhere", "counties", "topics", "kinds", "remind_day", "remind_hours")


class CodeIsUsedUp(Exception):
    """Nobody can try this code any more."""


@dataclass(frozen=True)
class Reader:
    """Who hears by mail, opened: `token` leads to their own page."""

    row: AlertMail
    address: str
    token: str

    @property
    def confirmed(self) -> bool:
        return self.row.confirmed_at is not None

    @property
    def wishes(self) -> Wishes:
        row: dict[str, Any] = {name: getattr(self.row, name) for name in COLUMNS}
        values: dict[str, Any] = {
            name: tuple(it) if isinstance(it, list) else it for name, it in row.items()
        }
        return Wishes(**values)


async def ask(contact: Contact, wishes: Wishes) -> str:
    """Begin; a letter with a code goes to that address. Returns the token of the page where the
    code is typed. Raises subscribing.CannotSubscribe."""
    wished = await wishes.checked()
    place, token = blind_index("alert mail", contact.same), secrets.token_urlsafe(24)
    async with database.connection() as connection:
        id = await connection.fetchval("SELECT nextval('alert_mail_id_seq')")
        key = DataKey.new(TABLE, id)
        waiting = await AlertMail.count().where(
            AlertMail.place == place, AlertMail.confirmed_at.is_null()
        )
        row = AlertMail(
            id=id,
            data_key=key.wrapped(),
            address=key.seal("address", contact.address),
            token=key.seal("token", token),
            token_hash=digest(token),
            place=place,
            **_columns(wished),
        )
        await AlertMail.insert(row)
        if waiting < MOST_WAITING:
            await work.enqueue(CONFIRM_JOB, {"mail": id})
    return token


async def by_token(token: str) -> Reader | None:
    if not token or len(token) > LONGEST_TOKEN:
        return None
    row = await AlertMail.objects().where(AlertMail.token_hash == digest(token)).first()
    return _opened(row) if row is not None else None


async def confirm(reader: Reader, typed: str) -> bool:
    """The mailbox's owner typed the six digits: from now on they hear. What the mailbox had chosen
    before no longer counts. False when the digits are wrong. Raises CodeIsUsedUp."""
    async with DB.transaction():
        row = await _alone(reader.row.id)
        if row is None or row.confirmed_at is not None:
            return row is not None
        if row.tries >= MOST_TRIES:
            raise CodeIsUsedUp
        if not hmac.compare_digest(_digits_in(typed).encode(), six_digits(row.id).encode()):
            await AlertMail.update({AlertMail.tries: AlertMail.tries + 1}).where(
                AlertMail.id == row.id
            )
            return False
        # Two of one mailbox at once: each deletes the other's before it may stand.
        await AlertMail.raw(
            "SELECT pg_advisory_xact_lock(hashtext('alert mail place'), {})",
            int.from_bytes(row.place[:4], "big", signed=True),
        )
        await AlertMail.delete().where(AlertMail.place == row.place, AlertMail.id != row.id)
        await AlertMail.update(
            {AlertMail.confirmed_at: now(), AlertMail.standing: row.place}
        ).where(AlertMail.id == row.id)
    return True


async def change(reader: Reader, wishes: Wishes) -> None:
    """Raises subscribing.CannotSubscribe."""
    columns: dict[Any, Any] = _columns(await wishes.checked())
    await AlertMail.update(columns).where(AlertMail.id == reader.row.id)


async def leave(token: str) -> None:
    """Forget them. Whether they were there or not, they are gone."""
    if token and len(token) <= LONGEST_TOKEN:
        await AlertMail.delete().where(AlertMail.token_hash == digest(token))


def six_digits(id: int) -> str:
    """The code in the letter. It is worked out when needed and kept nowhere."""
    key = keyring.newest("codes").secret
    found = hmac.digest(key, f"alert mail|{id}".encode(), hashlib.sha256)
    return f"{int.from_bytes(found[:8], 'big') % 1_000_000:06}"


async def remove_unconfirmed(before: datetime.datetime) -> int:
    """Retention: addresses that nobody confirmed."""
    return await remove(AlertMail, AlertMail.confirmed_at.is_null() & (AlertMail.made_at < before))


async def mail_confirmation(data: dict[str, Any]) -> None:
    """The job `{mail: id}`: ask whether it was them."""
    reader = await _by_id(data["mail"])
    if reader is not None and not reader.confirmed:
        digits = six_digits(reader.row.id)
        link = our_page(f"/alerts/mail/{reader.token}?code={digits}")
        await _send(letters.confirm(reader.address, digits, link, reader.row.language))


async def mail_news(data: dict[str, Any]) -> None:
    """The job `{news: id}`: ask for a letter to everybody whom it concerns."""
    async with DB.transaction():
        news = await (
            AlertNews.objects()
            .where(AlertNews.id == data["news"])
            .lock_rows("UPDATE")
            .first()
            .output(load_json=True)
        )
        # Done by an earlier try, which was committed; or nobody needs it any more.
        if news is None or news.mailed_at is not None or news.expires_at <= now():
            return
        audience: Any = news.audience
        ids = await _concerned(Audience.of(audience))
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            await work.enqueue_all(LETTER_JOB, [{"news": news.id, "mail": id} for id in page])
        await AlertNews.update({AlertNews.mailed: len(ids), AlertNews.mailed_at: now()}).where(
            AlertNews.id == news.id
        )


async def mail_letter(data: dict[str, Any]) -> None:
    """The job `{news: id, mail: id}`: one letter, unless they have left meanwhile, or it was called
    off."""
    reader = await _by_id(data["mail"])
    news = await (
        AlertNews.objects(AlertNews.ring)
        .where(AlertNews.id == data["news"])
        .first()
        .output(load_json=True)
    )
    if reader is None or not reader.confirmed or news is None or news.expires_at <= now():
        return
    if news.ring.id and news.ring.cancelled_at:
        return
    words: Any = news.words
    code = reader.row.language
    await _send(
        letters.news(
            reader.address,
            (words.get(code) or words["en"])["full"],
            our_page(f"{news.navigate}?lang={code}"),
            reader.token,
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


async def _by_id(id: int) -> Reader | None:
    row = await AlertMail.objects().where(AlertMail.id == id).first()
    return _opened(row) if row is not None else None


async def _alone(id: int) -> AlertMail | None:
    found: AlertMail | None = await (
        AlertMail.objects().where(AlertMail.id == id).lock_rows("UPDATE").first()
    )
    return found


def _opened(row: AlertMail) -> Reader | None:
    try:
        key = DataKey.unwrap(row.data_key, TABLE, row.id)
        return Reader(row, key.open("address", row.address), key.open("token", row.token))
    except (CannotOpen, keyring.NoKey):
        log.error("somebody who hears by mail cannot be opened", row=row.id)
        return None


def _columns(wishes: Wishes) -> dict[str, Any]:
    row = wishes.as_row()
    return {name: row[name] for name in COLUMNS}


def _digits_in(typed: str) -> str:
    return "".join(sign for sign in typed[:40] if sign.isascii() and sign.isdecimal())


CONCERNED = "SELECT id FROM alert_mail WHERE confirmed_at IS NOT NULL AND "
