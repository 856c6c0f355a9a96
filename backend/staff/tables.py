"""Staff accounts and what opens them. No table here holds an e-mail address or a phone number."""

import datetime
import hashlib
import hmac
import secrets
from typing import Any

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    ForeignKey,
    Serial,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from backend.staff.roles import Right, may

SESSION = datetime.timedelta(hours=12)
TRYING = datetime.timedelta(minutes=10)
FRESH = datetime.timedelta(minutes=10)
INVITATION = datetime.timedelta(hours=24)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def digest(token: str) -> bytes:
    """What is kept of a secret that someone carries: whoever reads the table cannot use it."""
    return hashlib.sha256(token.encode()).digest()


class Account(Table):
    """One person of the staff. `name` is what colleagues and the audit trail call them, and never
    changes; `handle` is what a passkey knows them by. Without a passkey nobody can come in."""

    id: Serial
    name = Varchar(length=60, unique=True)
    handle = Bytea(unique=True)
    roles = Array(base_column=Varchar(length=20))
    made_at = Timestamptz(default=TimestamptzNow())
    closed_at = Timestamptz(null=True, default=None)

    @classmethod
    async def open_for(cls, name: str, roles: list[str]) -> "Account":
        """A new account. The caller writes it into the audit trail."""
        account = cls(name=name, roles=sorted(roles), handle=secrets.token_bytes(32))
        await account.save()
        return account

    def may(self, right: Right) -> bool:
        return self.closed_at is None and may(self.roles, right)


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
    """A link that lets one person make a passkey for one account, once, within 24 hours."""

    id: Serial
    account = ForeignKey(Account, null=False)
    token_hash = Bytea(unique=True)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    ends_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)


class Session(Table):
    """A browser that someone signed in with, or is about to: then `account` is null and `data`
    holds the challenge. Only ids that we made are ever looked up, so nobody can plant one; a new
    one takes the old one's place at sign-in and step-up.
    """

    id: Serial
    token_hash = Bytea(unique=True)
    account = ForeignKey(Account, null=True, default=None)
    data = JSONB(default="{}")
    made_at = Timestamptz(default=TimestamptzNow())
    ends_at = Timestamptz(index=True)
    fresh_until = Timestamptz(null=True, default=None)

    @classmethod
    async def carried_as(cls, token: str) -> "Session | None":
        """The session of a cookie, with its account; None for an unknown or ended one."""
        found: Session | None = await (
            cls.objects(cls.account)
            .where(cls.token_hash == digest(token), cls.ends_at > now())
            .first()
            .output(load_json=True)
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
        """A new session and the token its cookie carries."""
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

    async def end(self) -> None:
        await Session.delete().where(Session.id == self.id)

    @classmethod
    async def end_all_of(cls, account: Account) -> None:
        """Sign a person out everywhere: their roles changed, or their account closed."""
        await cls.delete().where(cls.account == account.id)

    def is_fresh(self) -> bool:
        """Whether the person showed their passkey within the last ten minutes."""
        return self.fresh_until is not None and self.fresh_until > now()


class AuditEntry(Table):
    """One line of the trail. `hash` is SHA-256 over the line before it and all of this one's
    columns (see `audit`). `subject` names a thing, never a person who is not staff."""

    id: BigSerial
    at = Timestamptz(index=True)
    actor = Varchar(length=60)
    action = Varchar(length=40, index=True)
    subject = Varchar(length=160)
    details = JSONB(default="{}")
    hash = Bytea()


def form_token(session_token: str) -> str:
    """What every form of the desk carries besides the cookie; other sites cannot know it."""
    return hmac.digest(session_token.encode(), b"form", hashlib.sha256).hex()[:32]
