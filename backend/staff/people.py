"""What is done with the accounts of staff, at the desk or by command: each with its line in the
trail. `actor` is a staff name or audit.HOUSE."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from backend import settings
from backend.database import DB, one_at_a_time
from backend.staff import alarms, audit
from backend.staff.forms import mistake_in_name, mistake_in_roles, tidy
from backend.staff.roles import Role
from backend.staff.tables import WAITING, Account, Invitation, Session, now
from backend.web.language import gettext as _
from backend.web.language import later


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


async def everyone() -> list[dict[str, Any]]:
    """Who has an account and what they hold, those whose is closed last."""
    rows: list[dict[str, Any]] = await Account.raw(
        "SELECT id, name, roles, closed_at,"
        " (SELECT count(*) FROM passkey WHERE account = account_of.id) AS passkeys,"
        " (SELECT max(used_at) FROM passkey WHERE account = account_of.id) AS used_at,"
        " (SELECT count(*) FROM recovery_code WHERE account = account_of.id"
        "  AND used_at IS NULL) AS codes,"
        " EXISTS (SELECT 1 FROM invitation WHERE account = account_of.id"
        "  AND used_at IS NULL AND ends_at > now()) AS invited"
        " FROM account AS account_of ORDER BY closed_at IS NOT NULL, lower(name)"
    )
    return rows


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


async def approve(invitation: Invitation, by: Account) -> None:
    """Another admin knows of it: let the link work now. Raises NotPossible."""
    async with _alone():
        standing = await Invitation.with_id(invitation.id)
        if standing is None:
            raise NotPossible(_("This link works already, or it ended."))
        if sentence := standing.why_not_approve(by):
            raise NotPossible(sentence)
        await standing.approve(by)
        await audit.write(by.name, "invitation_approved", f"staff {standing.account.name}")


async def refuse(account: Account, by: Account) -> None:
    """Let the link lead nowhere: an admin does not know of it, or whose account it is."""
    async with _alone():
        if await Invitation.waiting_for(account) is None:
            raise NotPossible(_("This link works already, or it ended."))
        await Invitation.end_all_of(account)
        await audit.write(by.name, "invitation_refused", f"staff {account.name}")


async def vouch(account: Account, actor: str) -> None:
    """Who holds the server knows this person: they count as a second person from now on."""
    async with _alone():
        if (await _as_it_is(account)).counts_from is None:
            raise NotPossible(_("They have not come in yet."))
        await Account.update({Account.counts_from: now()}).where(Account.id == account.id)
        await audit.write(actor, "vouched", f"staff {account.name}")


async def end_sessions(account: Account, by: Account) -> int:
    """Sign someone out everywhere. Returns how many sessions ended."""
    async with DB.transaction():
        ended = len(await Session.open_ones_of(account))
        await Session.end_all_of(account)
        await audit.write(by.name, "sessions_ended", f"staff {account.name}", sessions=ended)
    return ended


async def tell_of_a_code(account: Account) -> None:
    await alarms.raise_to_admins(
        f"code {account.id}",
        later("%(who)s used a recovery code."),
        later("Ask %(who)s whether it was they. If not: end their sessions, and close the account"
              " under Staff."),
        who=account.name,
    )  # fmt: skip


async def _invite(account: Account, actor: str, by: Account | None) -> str:
    token = await Invitation.make_for(account, by)
    more = {} if by is None else {"waits_hours": int(WAITING.total_seconds() // 3600)}
    await audit.write(actor, "invited", f"staff {account.name}", **more)
    if by is not None:
        await alarms.raise_to_admins(
            f"invitation {account.id}",
            later("%(by)s made a link for %(who)s. Whoever has it can come in as %(who)s."),
            later("If you know of it, approve it under Staff; if not, refuse it there. After 72"
                  " hours it works by itself."),
            by=actor,
            who=account.name,
        )  # fmt: skip
    # What follows the # no server sees, and no history keeps.
    return f"{settings.read().site_url}/desk/invitations#{token}"


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """One change at a time: two admins must not each demote the other, nor two people get the
    same name."""
    async with DB.transaction():
        await one_at_a_time("staff")
        yield


async def _as_it_is(account: Account) -> Account:
    found = await Account.with_id(account.id)
    assert found is not None, "accounts are never removed"
    return found
