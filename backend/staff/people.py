"""What is done with the accounts of staff, at the desk or by command: each with its line in the
trail. `actor` is a staff name or audit.HOUSE."""

import contextlib
from collections.abc import AsyncIterator

from backend import settings
from backend.database import DB
from backend.staff import audit
from backend.staff.forms import mistake_in_name, mistake_in_roles, tidy
from backend.staff.roles import Role
from backend.staff.tables import Account, Invitation, Session, now
from backend.web.language import gettext as _


class NotPossible(Exception):
    """A change to an account that cannot be made; the message is a sentence that says why, `field`
    what of a form it is about."""

    def __init__(self, sentence: str, field: str = "name") -> None:
        super().__init__(sentence)
        self.field = field


def mistakes(name: str, roles: list[str]) -> dict[str, str]:
    """What is wrong with a new account, by field."""
    found = {"name": mistake_in_name(tidy(name)), "roles": mistake_in_roles(roles)}
    return {field: sentence for field, sentence in found.items() if sentence}


async def invite_new(
    name: str, roles: list[str], actor: str, by: Account | None = None
) -> tuple[Account, str]:
    """A new account and the link to its invitation. Raises NotPossible."""
    for field, sentence in mistakes(name, roles).items():
        raise NotPossible(sentence, field)
    name, roles = tidy(name), sorted(set(roles))
    async with _alone():
        if name.casefold() in (audit.NOBODY, audit.HOUSE) or await Account.named(name):
            raise NotPossible(_("There is somebody named “%(name)s” already.") % {"name": name})
        account = await Account.open_for(name, roles)
        await audit.write(actor, "account_opened", f"staff {name}", roles=roles)
        return account, await _invite(account, actor, by)


async def invite_again(account: Account, actor: str, by: Account | None = None) -> str:
    """A new link for someone who is there already. Raises NotPossible."""
    async with _alone():
        if (await _as_it_is(account)).closed_at is not None:
            raise NotPossible(_("This account is closed. Reopen it first."))
        return await _invite(account, actor, by)


async def change_roles(
    account: Account, roles: list[str], actor: str, by: Account | None = None
) -> bool:
    """Give someone these roles and no others, and sign them out: what they may see has changed.
    False when they have just these. Raises NotPossible."""
    if sentence := mistake_in_roles(roles):
        raise NotPossible(sentence, "roles")
    roles = sorted(set(roles))
    async with _alone():
        before = await _as_it_is(account)
        if sorted(before.roles) == roles:
            return False
        if by and Role.ADMIN not in roles and await before.is_last_admin():
            raise NotPossible(_("The desk needs an admin: make somebody else one first."), "roles")
        await Account.update({Account.roles: roles}).where(Account.id == account.id)
        await Session.end_all_of(account)
        details = {"before": sorted(before.roles), "after": roles}
        await audit.write(actor, "roles_changed", f"staff {account.name}", **details)
    return True


async def close(account: Account, actor: str, by: Account | None = None) -> None:
    """Let someone in no more. Raises NotPossible."""
    async with _alone():
        before = await _as_it_is(account)
        if before.closed_at is not None:
            raise NotPossible(_("This account is closed already."))
        if by and by.id == account.id:
            raise NotPossible(_("You cannot close your own account. Ask another admin."))
        if by and await before.is_last_admin():
            raise NotPossible(_("The desk needs an admin: make somebody else one first."))
        await Account.update({Account.closed_at: now()}).where(Account.id == account.id)
        await Session.end_all_of(account)
        await Invitation.end_all_of(account)
        await audit.write(actor, "account_closed", f"staff {account.name}")


async def reopen(account: Account, actor: str) -> None:
    """Let someone in again, with the passkeys they had. Raises NotPossible."""
    async with _alone():
        if (await _as_it_is(account)).closed_at is None:
            raise NotPossible(_("This account is open."))
        await Account.update({Account.closed_at: None}).where(Account.id == account.id)
        await audit.write(actor, "account_reopened", f"staff {account.name}")


async def _invite(account: Account, actor: str, by: Account | None) -> str:
    token = await Invitation.make_for(account, by)
    await audit.write(actor, "invited", f"staff {account.name}")
    return f"{settings.read().site_url}/desk/invitations/{token}"


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """One change at a time: two admins must not each demote the other, nor two people get the
    same name."""
    async with DB.transaction():
        await Account.raw("SELECT pg_advisory_xact_lock(hashtext('confianza staff'))")
        yield


async def _as_it_is(account: Account) -> Account:
    found = await Account.with_id(account.id)
    assert found is not None, "accounts are never removed"
    return found
