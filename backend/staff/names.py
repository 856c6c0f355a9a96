"""How many people's names one of the staff is shown in a day: enough for the work, not enough to
carry a list of supporters off page by page."""

from datetime import date
from typing import Any

from backend.database import DB
from backend.staff import alarms, audit
from backend.staff.tables import Account, NamesSeen
from backend.web.clock import today
from backend.web.language import gettext as _
from backend.web.language import later

A_DAY = 200


class TooMany(Exception):
    """No more names today; the message says who can let them go on."""


class NotYours(Exception):
    """Nobody lets themself see more; the message says so."""


async def may_see(account: Account, most: int) -> int:
    """How many more names this person may be shown now, `most` at the most. Raises TooMany when
    none."""
    seen = await _of(account, today())
    if seen is None or seen.lifted_by:
        return most
    left = A_DAY - seen.names
    if left <= 0:
        raise TooMany(
            _("You have seen %(count)d names today, which is as many as one person needs. Tomorrow"
              " you can go on; today if another admin says so under Staff.") % {"count": A_DAY}
        )  # fmt: skip
    return min(most, left)


async def saw(account: Account, count: int) -> None:
    """Count names that were shown, also those of a list to take along. At the limit the admins
    hear of it, and the next look is refused."""
    if not count:
        return
    async with DB.transaction():
        rows = await NamesSeen.raw(
            "INSERT INTO names_seen (account, day, names) VALUES ({}, {}, {})"
            " ON CONFLICT (account, day) DO UPDATE SET names = names_seen.names + excluded.names"
            " RETURNING names, lifted_by",
            account.id,
            today(),
            count,
        )
        after, lifted = rows[0]["names"], rows[0]["lifted_by"]
        if after - count < A_DAY <= after and not lifted:
            await audit.write(account.name, "names_stopped", names=after)
            await alarms.raise_to_admins(
                f"names {account.id}",
                later("%(who)s has seen %(count)s people’s names today and is stopped."),
                later("Ask what for. Under Staff another admin can let them go on today."),
                who=account.name,
                count=after,
            )


async def is_stopped(account: Account) -> bool:
    seen = await _of(account, today())
    return seen is not None and not seen.lifted_by and seen.names >= A_DAY


async def let(account: Account, by: Account) -> None:
    """Another admin lets them go on today. Raises NotYours."""
    if account.id == by.id:
        raise NotYours(_("Another admin has to let you go on."))
    async with DB.transaction():
        columns: dict[Any, Any] = {NamesSeen.lifted_by: by.name}
        await NamesSeen.update(columns).where(
            NamesSeen.account == account.id, NamesSeen.day == today()
        )
        await audit.write(by.name, "names_let", f"staff {account.name}")


async def forget(before: Any) -> int:
    """Retention: the counts of days that are over."""
    return len(
        await NamesSeen.delete().where(NamesSeen.day < before.date()).returning(NamesSeen.id)
    )


async def _of(account: Account, day: date) -> NamesSeen | None:
    found: NamesSeen | None = await (
        NamesSeen.objects().where(NamesSeen.account == account.id, NamesSeen.day == day).first()
    )
    return found
