"""Staff accounts and what opens them. No table here holds an e-mail address or a phone number."""

import datetime
import hashlib
import hmac
import json
import secrets
from typing import Any

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    Boolean,
    Bytea,
    Date,
    ForeignKey,
    Integer,
    Serial,
    Timestamptz,
    Varchar,
)
from piccolo.columns.combination import WhereRaw
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.constraints import Unique
from piccolo.table import Table

from backend import settings
from backend.database import DB
from backend.staff.roles import Right, Role, may
from backend.web.language import gettext as _

SESSION = datetime.timedelta(hours=12)
IDLE = datetime.timedelta(minutes=30)
# How exactly we know when a session was last used: not each request writes a row.
SEEN_EVERY = datetime.timedelta(minutes=1)
TRYING = datetime.timedelta(minutes=10)
FRESH = datetime.timedelta(minutes=10)
INVITATION = datetime.timedelta(hours=24)
# What an admin does alone at the desk waits so long for another admin's word.
WAITING = datetime.timedelta(hours=72)
# So long after an account came to somebody's hands they are nobody's second person.
NEW = datetime.timedelta(days=7)
LARGEST_ID = 2**31 - 1


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def digest(token: str) -> bytes:
    """What is kept of a secret that someone carries: whoever reads the table cannot use it."""
    return hashlib.sha256(token.encode()).digest()


class Account(Table):
    """One person of the staff. `name` is what colleagues and the audit trail call them, and never
    changes; `handle` is what a passkey knows them by. Without a passkey nobody can come in.
    `counts_from` is when they begin to count as a second person, null before their first passkey;
    `let_in_by` is who made the link they came in with, null for the command line."""

    id: Serial
    name = Varchar(length=60, unique=True)
    handle = Bytea(unique=True)
    roles = Array(base_column=Varchar(length=20))
    made_at = Timestamptz(default=TimestamptzNow())
    closed_at = Timestamptz(null=True, default=None)
    counts_from = Timestamptz(null=True, default=None)
    let_in_by: Any = ForeignKey("self", null=True, default=None)

    @classmethod
    async def open_for(cls, name: str, roles: list[str]) -> "Account":
        """A new account. The caller writes it into the audit trail."""
        account = cls(name=name, roles=sorted(roles), handle=secrets.token_bytes(32))
        await account.save()
        return account

    @classmethod
    async def named(cls, name: str) -> "Account | None":
        """The account of that name, in whatever case it is written."""
        wanted = WhereRaw("lower(name) = lower({})", name)
        found: Account | None = await cls.objects().where(wanted).first()
        return found

    @classmethod
    async def with_id(cls, id: int) -> "Account | None":
        if not 0 < id <= LARGEST_ID:
            return None
        found: Account | None = await cls.objects().where(cls.id == id).first()
        return found

    async def is_last_admin(self) -> bool:
        """Whether nobody else could still come in and manage the staff."""
        others = await Account.raw(
            "SELECT 1 FROM account WHERE id <> {} AND closed_at IS NULL AND {} = ANY(roles)"
            " AND EXISTS (SELECT 1 FROM passkey WHERE passkey.account = account.id) LIMIT 1",
            self.id,
            Role.ADMIN.value,
        )
        return Role.ADMIN in self.roles and self.closed_at is None and not others

    def may(self, right: Right) -> bool:
        return self.closed_at is None and may(self.roles, right)

    def is_new(self) -> bool:
        return self.counts_from is None or self.counts_from > now()

    async def came_in(self, let_in_by: int | None) -> None:
        """This account is in somebody's hands from now on: who that is nobody has seen yet."""
        self.counts_from, self.let_in_by = now() + NEW, let_in_by
        await Account.update(
            {Account.counts_from: self.counts_from, Account.let_in_by: let_in_by}
        ).where(Account.id == self.id)

    async def why_not_second(self, first: int | None) -> str:
        """The one rule of the second person: why this one may not approve what the account `first`
        began, as a sentence, or nothing. Whoever opens an account at the desk could be both its
        person and their own, so it counts for neither half of such a pair at first."""
        if not settings.read().second_person:
            return ""
        if first == self.id:
            return _("A second person has to approve what you began.")
        if self.is_new():
            return _("Your account is new, or was opened anew: for seven days somebody else has to"
                     " be the second person.")  # fmt: skip
        other = await Account.with_id(first) if first else None
        if other is not None and other.is_new() and _id(other.let_in_by) == self.id:
            return _("You let in who began this within the last seven days: somebody else has to"
                     " be the second person.")  # fmt: skip
        return ""


def _id(row: Any) -> int | None:
    """The id that a foreign key holds, whether its row was read along or not."""
    id: int | None = getattr(row, "id", row)
    return id


class Passkey(Table):
    """A public key whose private half a phone, laptop or security key keeps."""

    id: Serial
    account = ForeignKey(Account, null=False)
    credential_id = Bytea(unique=True)
    public_key = Bytea()
    sign_count = BigInt(default=0)
    transports = Array(base_column=Varchar(length=20))
    name = Varchar(length=60)
    backed_up = Boolean(default=False)
    made_at = Timestamptz(default=TimestamptzNow())
    used_at = Timestamptz(null=True, default=None)

    @classmethod
    async def of(cls, account: Account) -> "list[Passkey]":
        """All of a person's passkeys, oldest first."""
        found: list[Passkey] = await cls.objects().where(cls.account == account.id).order_by(cls.id)
        return found

    async def count_use(self, sign_count: int, backed_up: bool) -> bool:
        """Note one use. False when the count that the passkey keeps of its uses did not grow: then
        someone else has a copy of it. Passkeys that live in several places keep it at zero."""
        counted = await Passkey.raw(
            "UPDATE passkey SET sign_count = {}, backed_up = {}, used_at = {} WHERE id = {}"
            " AND (sign_count < {} OR (sign_count = 0 AND {} = 0)) RETURNING id",
            sign_count,
            backed_up,
            now(),
            self.id,
            sign_count,
            sign_count,
        )
        return bool(counted)

    async def take_away(self) -> bool:
        """Remove this passkey away; False when it is the person's last."""
        async with DB.transaction():
            # Two removals at the same time must not each leave the other's.
            await Account.raw("SELECT id FROM account WHERE id = {} FOR UPDATE", self.account)
            if await Passkey.count().where(Passkey.account == self.account) < 2:
                return False
            await Passkey.delete().where(Passkey.id == self.id)
        return True


class RecoveryCode(Table):
    """One of the codes shown once, for the day the passkey is lost. `selector` finds the row,
    `hashed` is argon2id of the rest."""

    id: Serial
    account = ForeignKey(Account, null=False)
    selector = Varchar(length=8, unique=True)
    hashed = Varchar(length=200)
    made_at = Timestamptz(default=TimestamptzNow())
    used_at = Timestamptz(null=True, default=None)


class Invitation(Table):
    """A link that lets one person make a passkey for one account, once, within 24 hours from
    `opens_at` on: then another admin approved it (`approved_by`), or nobody did for 72 hours."""

    id: Serial
    account = ForeignKey(Account, null=False)
    token_hash = Bytea(unique=True)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    opens_at = Timestamptz(default=TimestamptzNow())
    approved_by = ForeignKey(Account, null=True, default=None)
    ends_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)

    @classmethod
    async def make_for(cls, account: Account, made_by: Account | None = None) -> str:
        """A new link's token; what somebody of the staff makes has to wait. Links made before for
        the same person lead nowhere from now on."""
        token = secrets.token_urlsafe(24)
        await cls.end_all_of(account)
        opens_at = now() + WAITING if made_by else now()
        await cls(
            account=account.id,
            token_hash=digest(token),
            made_by=made_by.id if made_by else None,
            opens_at=opens_at,
            ends_at=opens_at + INVITATION,
        ).save()
        return token

    @classmethod
    async def waiting(cls) -> "list[Invitation]":
        """Those that lead nowhere yet, with their accounts and who made them; oldest first."""
        found: list[Invitation] = await (
            cls.objects(cls.account, cls.made_by)
            .where(cls.used_at.is_null(), cls.opens_at > now())
            .order_by(cls.id)
        )
        return [each for each in found if each.account.closed_at is None]

    @classmethod
    async def waiting_for(cls, account: Account) -> "Invitation | None":
        return next((each for each in await cls.waiting() if each.account.id == account.id), None)

    @classmethod
    async def with_id(cls, id: int) -> "Invitation | None":
        return next((each for each in await cls.waiting() if each.id == id), None)

    def why_not_approve(self, by: Account) -> str:
        """Why this admin may not let it open before its time, as a sentence, or nothing. Whatever
        SECOND_PERSON says: whoever has the link acts under that name."""
        if _id(self.made_by) == by.id:
            return _("You made this link yourself: another admin has to approve it.")
        if self.account.id == by.id:
            return _("This link is for you: another admin has to approve it.")
        if by.is_new():
            return _("Your account is new, or was opened anew: another admin has to approve this.")
        return ""

    async def approve(self, by: Account) -> None:
        """Let it open now. The caller has asked `why_not_approve`."""
        await Invitation.update(
            {
                Invitation.approved_by: by.id,
                Invitation.opens_at: now(),
                Invitation.ends_at: now() + INVITATION,
            }
        ).where(Invitation.id == self.id)

    @classmethod
    async def end_all_of(cls, account: Account) -> None:
        open_ones = (cls.account == account.id) & cls.used_at.is_null() & (cls.ends_at > now())
        await cls.update({cls.ends_at: now(), cls.opens_at: now()}).where(open_ones)

    @classmethod
    async def carried_as(cls, token: str) -> "Invitation | None":
        """The invitation of a link, with its account, used and ended ones too."""
        found: Invitation | None = await (
            cls.objects(cls.account).where(cls.token_hash == digest(token)).first()
        )
        return found

    def is_open(self) -> bool:
        begun = self.opens_at <= now() < self.ends_at
        return self.used_at is None and begun and self.account.closed_at is None

    async def use(self) -> bool:
        """Mark it used; False when somebody was first, or it ended meanwhile."""
        mine = await Invitation.raw(
            "UPDATE invitation SET used_at = {} WHERE id = {} AND used_at IS NULL"
            " AND opens_at <= {} AND ends_at > {} RETURNING id",
            now(),
            self.id,
            now(),
            now(),
        )
        return bool(mine)


class Session(Table):
    """A browser that someone signed in with, or is about to: then `account` is null and `data`
    holds the challenge. Only ids that we made are ever looked up, so nobody can plant one; a new
    one takes the old one's place at sign-in and step-up. One that nobody used for half an hour
    (`seen_at`) is over.
    """

    id: Serial
    token_hash = Bytea(unique=True)
    account = ForeignKey(Account, null=True, default=None)
    data = JSONB(default="{}")
    made_at = Timestamptz(default=TimestamptzNow())
    ends_at = Timestamptz(index=True)
    fresh_until = Timestamptz(null=True, default=None)
    seen_at = Timestamptz(default=TimestamptzNow())

    @classmethod
    async def carried_as(cls, token: str) -> "Session | None":
        """The session of a cookie, with its account; None for an unknown or ended one."""
        found: Session | None = await (
            cls.objects(cls.account).where(cls.token_hash == digest(token), *cls._open()).first()
        )
        if found is not None and (found.account is None or found.account.id is None):
            found.account = None
        if found is not None and found.account is not None and found.account.closed_at:
            return None
        return found

    @classmethod
    async def begin(
        cls, account: Account | None = None, data: dict[str, Any] | None = None, fresh: bool = False
    ) -> "tuple[Session, str]":
        """A new session and the token its cookie carries. Ended ones go as new ones come."""
        await cls.raw(
            "DELETE FROM session WHERE id IN"
            " (SELECT id FROM session WHERE ends_at < {} FOR UPDATE SKIP LOCKED)",
            now(),
        )
        token = secrets.token_urlsafe(32)
        session = cls(
            token_hash=digest(token),
            account=account.id if account else None,
            data=data or {},
            ends_at=now() + (SESSION if account else TRYING),
            fresh_until=now() + FRESH if fresh else None,
        )
        await session.save()
        session.account = account
        return session, token

    async def replace(
        self,
        account: Account | None = None,
        data: dict[str, Any] | None = None,
        fresh: bool = False,
    ) -> "tuple[Session, str]":
        """A new session in this one's place: what carried the old id opens nothing any more."""
        await self.end()
        return await Session.begin(account, data, fresh)

    def note(self, name: str) -> Any:
        """What `data` holds under that name, or None."""
        return self.data.get(name) if isinstance(self.data, dict) else None

    async def keep_challenge(self, purpose: str, challenge: str) -> None:
        """Remember what a passkey is to sign, and what for. The newest counts."""
        asked = {"purpose": purpose, "challenge": challenge}
        await Session.raw(
            "UPDATE session SET data = jsonb_set(data, {}, {}) WHERE id = {}",
            ["asked"],
            json.dumps(asked),
            self.id,
        )

    async def take_challenge(self, purpose: str) -> str | None:
        """What was asked for this purpose, once: whoever comes second finds nothing."""
        taken = await Session.raw(
            "WITH old AS (SELECT id, data FROM session WHERE id = {} FOR UPDATE)"
            " UPDATE session SET data = session.data - 'asked' FROM old"
            " WHERE session.id = old.id RETURNING old.data -> 'asked' AS asked",
            self.id,
        )
        asked = (taken and taken[0]["asked"]) or {}
        challenge: str | None = asked.get("challenge")
        return challenge if asked.get("purpose") == purpose else None

    async def is_first_answer(self) -> bool:
        """Always: what was asked is taken out before the answer is looked at."""
        return True

    async def end(self) -> None:
        await Session.delete().where(Session.id == self.id)

    @classmethod
    async def end_all_of(cls, account: Account) -> None:
        """Sign a person out everywhere: their roles changed, or their account closed."""
        await cls.delete().where(cls.account == account.id)

    async def end_all_others(self, account: Account) -> int:
        """Sign a person out everywhere but here. Returns how many sessions ended."""
        ended = await Session.raw(
            "DELETE FROM session WHERE account = {} AND id <> {} RETURNING id", account.id, self.id
        )
        return len(ended)

    @classmethod
    async def open_ones_of(cls, account: Account) -> "list[Session]":
        """Last used first."""
        found: list[Session] = await (
            cls.objects()
            .where(cls.account == account.id, *cls._open())
            .order_by(cls.seen_at, ascending=False)
        )
        return found

    async def was_seen(self) -> None:
        """Somebody is at it."""
        if self.seen_at < now() - SEEN_EVERY:
            await Session.update({Session.seen_at: now()}).where(Session.id == self.id)

    @classmethod
    def _open(cls) -> tuple[Any, ...]:
        return (cls.ends_at > now(), cls.seen_at > now() - IDLE)

    def is_fresh(self) -> bool:
        """Whether the person showed their passkey within the last ten minutes."""
        return self.fresh_until is not None and self.fresh_until > now()


class AuditEntry(Table):
    """One line of the trail. `hash` is over the line before it and all of this one's columns (see
    `audit`): by the key `key` of the keyring, or a plain SHA-256 where it is null, as it was first.
    `subject` names a thing, never a person who is not staff."""

    id: Serial
    at = Timestamptz(index=True)
    actor = Varchar(length=60)
    action = Varchar(length=40, index=True)
    subject = Varchar(length=160)
    details = JSONB(default="{}")
    hash = Bytea()
    key = Varchar(length=8, null=True, default=None)


class AuditHead(Table):
    """The trail's last line as it was at a moment, signed by a key of the keyring (see `heads`):
    whoever kept a copy elsewhere can tell whether that line still stands. Times in UTC."""

    id: Serial
    line = Integer()
    hash = Bytea()
    at = Timestamptz()
    key = Varchar(length=8)
    signature = Bytea()

    @classmethod
    async def newest(cls) -> "AuditHead | None":
        found: AuditHead | None = await cls.objects().order_by(cls.id, ascending=False).first()
        return found


class NamesSeen(Table):
    """How many people's names one account was shown on one day (in California). `lifted_by` is the
    admin who let them see more of them that day."""

    id: Serial
    account = ForeignKey(Account, null=False)
    day = Date()
    names = Integer(default=0)
    lifted_by = Varchar(length=60, null=True, default=None)

    one_a_day = Unique([account, day], name="one_count_of_names_a_day")


def form_token(account: Account) -> str:
    """What every form of the desk carries besides the cookie; other sites cannot know it. It is the
    person's, not the session's: what was typed before a session ended can still be sent."""
    return hmac.digest(bytes(account.handle), b"form", hashlib.sha256).hex()[:32]


class Alarm(Table):
    """Something that a person of the staff must look at. `words` and `to_do` are `later()` strings
    with `%(name)s` places for `details`; nothing of a supporter belongs in them. While one stands,
    raising it again counts; `standing` is its name until then and null from then on, so that the
    database lets only one stand."""

    id: Serial
    name = Varchar(length=80, index=True)
    standing = Varchar(length=80, null=True, default=None, unique=True)
    words = Varchar(length=300)
    to_do = Varchar(length=300)
    details = JSONB(default="{}")
    times = Integer(default=1)
    raised_at = Timestamptz(default=TimestamptzNow())
    last_at = Timestamptz(default=TimestamptzNow())
    settled_at = Timestamptz(null=True, default=None)
    settled_by = Varchar(length=60, null=True, default=None)

    @classmethod
    async def raise_(cls, name: str, words: str, to_do: str = "", **details: Any) -> None:
        """Let it stand until someone settles it, or count it once more. `words` and `to_do` are
        translated when they are shown."""
        await cls.raw(
            "INSERT INTO alarm (name, standing, words, to_do, details, times, raised_at, last_at)"
            " VALUES ({}, {}, {}, {}, {}, 1, {}, {}) ON CONFLICT (standing) DO UPDATE SET"
            " times = alarm.times + 1, last_at = excluded.last_at, words = excluded.words,"
            " to_do = excluded.to_do, details = excluded.details",
            name,
            name,
            words,
            to_do,
            json.dumps(details),
            now(),
            now(),
        )

    @classmethod
    async def all_standing(cls) -> "list[Alarm]":
        """Newest first."""
        found: list[Alarm] = await (
            cls.objects().where(cls.standing.is_not_null()).order_by(cls.last_at, ascending=False)
        )
        return found

    @classmethod
    async def with_id(cls, id: int) -> "Alarm | None":
        if not 0 < id <= LARGEST_ID:
            return None
        found: Alarm | None = await cls.objects().where(cls.id == id).first()
        return found

    async def settle(self, by: str) -> bool:
        """Someone took care of it. False when somebody was first. The caller writes it into the
        audit trail."""
        mine = await Alarm.raw(
            "UPDATE alarm SET standing = NULL, settled_at = {}, settled_by = {}"
            " WHERE id = {} AND standing IS NOT NULL RETURNING id",
            now(),
            by[:60],
            self.id,
        )
        return bool(mine)


class RetentionRun(Table):
    """One run of all rules of retention. `rules` is a list of `{name, what, days, removed, failed}`
    with `what` a `later()` string and `failed` the kind of an error or null; with `held`, a hold
    kept every rule or the rest of them from removing anything."""

    id: Serial
    began_at = Timestamptz(index=True)
    ended_at = Timestamptz(default=TimestamptzNow())
    rules = JSONB(default="[]")
    held = Boolean(default=False)

    @classmethod
    async def last(cls) -> "RetentionRun | None":
        found: RetentionRun | None = await cls.objects().order_by(cls.id, ascending=False).first()
        return found


class RetentionHold(Table):
    """From when to when nothing may be deleted, by whose word and why. `standing` is true until it
    is lifted and null from then on: only one stands."""

    id: Serial
    standing = Boolean(null=True, default=True, unique=True)
    reason = Varchar(length=500)
    set_by = Varchar(length=60)
    set_at = Timestamptz(default=TimestamptzNow())
    lifted_by = Varchar(length=60, null=True, default=None)
    lifted_at = Timestamptz(null=True, default=None)

    @classmethod
    async def now_standing(cls) -> "RetentionHold | None":
        found: RetentionHold | None = await cls.objects().where(cls.standing.eq(True)).first()
        return found
