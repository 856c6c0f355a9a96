"""An alert of the staff's from its first draft to the last phone: what they do with it, each with
its line in the audit trail. Nothing here says whom it reached: only how many."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from backend import database, settings
from backend.alerts import codes, publishing, wording
from backend.alerts.kinds import News, State
from backend.alerts.preferences import ids_of
from backend.alerts.tables import Alert, AlertMail
from backend.database import DB
from backend.hearings.tables import Hearing
from backend.push import audience, broadcasts
from backend.push.audience import Audience, Estimate
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.rate_limits import Limit

NEEDED = ("en", "es")
WRITTEN = ("words", "navigate", "hearing", "kind", "everyone", "counties", "topics", "languages",
           "urgent", "why_urgent", "due_at", "expires_at")  # fmt: skip
# How long an alert is worth something that nobody gave an end.
WORTH = timedelta(days=2)
# Of a phone's code, by one of the staff: 30 bits are few for who has all day.
WRONG_CODES = Limit("wrong codes of phones", 20, 3600, closed=True)


async def with_id(id: int) -> Alert | None:
    if not 0 < id <= LARGEST_ID:
        return None
    found: Alert | None = await (
        Alert.objects(Alert.hearing, Alert.news, Alert.made_by, Alert.asked_by, Alert.sent_by)
        .where(Alert.id == id)
        .first()
    )
    return found


async def begin(by: Account, fields: dict[str, Any]) -> Alert:
    """A new draft."""
    async with DB.transaction():
        alert = Alert(**fields, made_by=by.id)
        await alert.save()
        await audit.write(by.name, "alert_begun", subject(alert.id))
    return alert


async def change(id: int, by: Account, seen: str, fields: dict[str, Any]) -> None:
    """Let it say this. `seen` is the fingerprint of what the person had before them; whoever asked
    that it be sent asks anew. Raises Refused."""
    async with DB.transaction():
        alert = await _alone(id)
        _must_be(alert, State.DRAFT, State.ASKED)
        _must_be_seen(alert, seen)
        columns: dict[Any, Any] = {
            **fields,
            "state": State.DRAFT,
            "asked_by": None,
            "asked_at": None,
        }
        await Alert.update(columns).where(Alert.id == id)
        await audit.write(by.name, "alert_changed", subject(id))


async def send(id: int, by: Account, seen: str) -> bool:
    """Let it ring. With SECOND_PERSON the first who says so only asks: False; another one sends.
    Raises Refused."""
    async with DB.transaction():
        alert = await _alone(id)
        _must_be(alert, State.DRAFT, State.ASKED)
        _must_be_seen(alert, seen)
        if lacking := missing(alert):
            raise Refused(" ".join(lacking))
        asker: Any = alert.asked_by
        if asker not in (None, by.id) and (why := await by.why_not_second(asker)):
            raise Refused(why)
        if settings.read().second_person and asker in (None, by.id):
            if asker is None:
                await Alert.update(
                    {Alert.state: State.ASKED, Alert.asked_by: by.id, Alert.asked_at: now()}
                ).where(Alert.id == id)
                await audit.write(by.name, "alert_asked", subject(id))
            return False
        try:
            news = await publishing.tell(
                f"alert {id}",
                alert.kind,
                words_of(alert),
                alert.navigate,
                _about(alert),
                await audience_of(alert),
                ends_at(alert),
                urgent=alert.urgent,
                due_at=alert.due_at if alert.due_at and alert.due_at > now() else None,
                hearing=_id(alert.hearing),
            )
        except broadcasts.CannotRing as cannot:
            raise Refused(_(cannot.words)) from None
        if news is None:
            raise Refused(_("Somebody was quicker: look at the alert as it is now."))
        await Alert.update(
            {
                Alert.state: State.SENT,
                Alert.news: news.id,
                Alert.sent_by: by.id,
                Alert.sent_at: now(),
            }
        ).where(Alert.id == id)
        await audit.write(by.name, "alert_sent", subject(id), urgent=alert.urgent,
                          why=alert.why_urgent, counties=list(alert.counties))  # fmt: skip
    return True


async def cancel(id: int, by: Account) -> None:
    """A draft is dropped; one that rings rings nobody more. Raises Refused when it is over."""
    async with DB.transaction():
        alert = await _alone(id)
        _must_be(alert, State.DRAFT, State.ASKED, State.SENT)
        if alert.state == State.SENT:
            found = await with_id(id)
            ring = _id(found.news.ring) if found else None
            if ring is None or not await broadcasts.cancel(ring):
                raise Refused(_("It has rung everybody already. Send a correction instead."))
        await Alert.update({Alert.state: State.CANCELLED}).where(Alert.id == id)
        await audit.write(by.name, "alert_cancelled", subject(id))


async def correct(id: int, by: Account) -> Alert:
    """A draft that says the same to the same, to be put right: phones show it as "Updated:"."""
    async with DB.transaction():
        alert = await _alone(id)
        _must_be(alert, State.SENT, State.CANCELLED)
        if alert.sent_at is None:
            raise Refused(_("Nobody has heard of it, so there is nothing to put right."))
        fields = {name: getattr(alert, name) for name in WRITTEN}
        # Of several corrections, each takes the place of all before it.
        first = _id(alert.corrects) or id
        ahead = alert.expires_at if alert.expires_at and alert.expires_at > now() else None
        fields |= {"due_at": None, "expires_at": ahead, "corrects": first}
    return await begin(by, fields)


async def test(id: int, by: Account, typed: str) -> None:
    """Ring the phone that shows this code with it, in its own language and words. Raises
    Refused."""
    alert = await with_id(id)
    words: Any = alert.words if alert else {}
    if alert is None or not words.get("en"):
        raise Refused(_("There is nothing to send yet."))
    mine = str(by.id).encode()
    if not await WRONG_CODES.is_free(mine):
        raise Refused(_("You typed many codes that no phone shows. Wait an hour."))
    async with DB.transaction():
        phone = await codes.phone_of(typed)
        if phone is None:
            await WRONG_CODES.take(mine)
            raise Refused(_("No phone shows this code now. Make a new one there."))
        what = f"alert {id} test {now():%Y-%m-%d %H:%M:%S.%f}"
        try:
            await broadcasts.ring_one(phone, what, words_of(alert), alert.navigate)
        except broadcasts.CannotRing as cannot:
            raise Refused(_(cannot.words)) from None
        await audit.write(by.name, "alert_tested", subject(id))


def words_of(alert: Alert) -> wording.Words:
    """As phones get them."""
    words: Any = alert.words
    made: wording.Words = {}
    for code, said in words.items():
        if said.get("title") and said.get("body"):
            made |= wording.everywhere(
                lambda said=said: (said["title"], said["body"]),  # type: ignore[misc]
                again=_id(alert.corrects) is not None,
                only=code,
            )
    return made


async def audience_of(alert: Alert) -> Audience:
    ids = await ids_of(alert.counties)
    return Audience(
        None if alert.everyone else tuple(sorted(ids.values())),
        topics=tuple(alert.topics),
        kinds=(alert.kind,),
        languages=tuple(alert.languages),
    )


async def estimate(alert: Alert) -> tuple[Estimate, int]:
    """How many phones, and how many who hear by mail."""
    wanted = await audience_of(alert)
    where, values = wanted.condition()
    async with database.connection() as connection:
        letters = await connection.fetchval(
            f"SELECT count(*) FROM {AlertMail._meta.tablename}"  # noqa: S608
            f" WHERE confirmed_at IS NOT NULL AND {where}",
            *values,
        )
    return await audience.estimate(wanted), int(letters)


def missing(alert: Alert) -> list[str]:
    """What it needs before it can ring, in sentences."""
    words: Any = alert.words or {}
    found = []
    for code in NEEDED:
        said = words.get(code) or {}
        if not said.get("title") or not said.get("body"):
            found.append(
                _("The words in English are missing.")
                if code == "en"
                else _("The words in Spanish are missing.")
            )
    if not alert.everyone and not alert.counties:
        found.append(_("Choose counties, or the whole state."))
    if alert.kind not in set(News):
        found.append(_("Choose what kind of news it is."))
    if alert.urgent and not alert.why_urgent:
        found.append(_("Say why it is urgent enough to wake people."))
    if ends_at(alert) <= now():
        found.append(_("It would be over before anybody hears of it."))
    return found


def ends_at(alert: Alert) -> datetime:
    """When it is worth nothing any more."""
    if alert.expires_at:
        return alert.expires_at
    return max(alert.due_at or now(), now()) + WORTH


def fingerprint(alert: Alert) -> str:
    """16 hex digits of all that staff wrote in it."""
    all_of_it = [_plain(getattr(alert, name)) for name in WRITTEN]
    text = json.dumps(all_of_it, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def subject(id: int) -> str:
    """What the audit trail calls it."""
    return f"alert {id}"


async def all_of(*states: State, most: int = 50) -> list[Alert]:
    """The newest first."""
    found: list[Alert] = await (
        Alert.objects(Alert.made_by, Alert.news)
        .where(Alert.state.is_in(list(states)))
        .order_by(Alert.id, ascending=False)
        .limit(most)
    )
    return found


async def from_hearing(id: int) -> dict[str, Any] | None:
    """The fields of an alert about that hearing, to be written on."""
    hearing = None
    if 0 < id <= LARGEST_ID:
        hearing = await (
            Hearing.objects(Hearing.county)
            .where(Hearing.id == id, Hearing.taken_out_at.is_null())
            .first()
        )
    if hearing is None:
        return None
    made = wording.everywhere(lambda: wording.reminder(hearing))
    slug = getattr(hearing.county, "slug", None)
    return {
        "words": {code: made[code]["full"] for code in NEEDED},
        "navigate": f"/hearings/{id}",
        "hearing": id,
        "kind": News.CALL,
        "everyone": slug is None,
        "counties": [slug] if slug else [],
        "topics": list(hearing.topics),
        "languages": [],
        "expires_at": publishing.begins_at(hearing) - publishing.LEAD,
    }


async def _alone(id: int) -> Alert:
    found: Alert | None = None
    if 0 < id <= LARGEST_ID:
        found = await Alert.objects().where(Alert.id == id).lock_rows("UPDATE").first()
    if found is None:
        raise Refused(_("There is no such alert."))
    return found


def _must_be(alert: Alert, *states: State) -> None:
    if alert.state not in states:
        raise Refused(_("Somebody was quicker: look at the alert as it is now."))


def _must_be_seen(alert: Alert, seen: str) -> None:
    if seen != fingerprint(alert):
        raise Refused(_("The words have changed meanwhile. Read them again."))


def _about(alert: Alert) -> str:
    """What it is about: a correction takes the place of what it puts right."""
    first = _id(alert.corrects) or alert.id
    hearing = _id(alert.hearing)
    return f"hearing {hearing}" if hearing else f"alert {first}"


def _id(row: Any) -> int | None:
    """Of a foreign key, whether its row was read along or not."""
    found: int | None = getattr(row, "id", row)
    return found


def _plain(value: Any) -> Any:
    return value.id if hasattr(value, "id") and not isinstance(value, str) else value
