"""Data retention: what is kept how long, and the nightly run that removes the rest. A hold stops
every removal."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import structlog
from piccolo.columns.combination import And, Or, Where
from piccolo.query.functions.aggregate import Min
from piccolo.table import Table

from backend.database import DB, one_at_a_time
from backend.staff import audit, names
from backend.staff.tables import (
    Account,
    Alarm,
    AuditHead,
    Invitation,
    RetentionHold,
    RetentionRun,
    Session,
    now,
)
from backend.web import queue_status
from backend.web.language import later
from backend.web.logs import told

log = structlog.get_logger()

LATE = timedelta(days=2)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Keep:
    """A rule. `what` is a `later()` string: what is removed `kept_for` after it ended. `purge`
    removes everything that ended before a moment, within the open transaction, and returns how
    many rows went."""

    name: str
    what: str
    kept_for: timedelta
    purge: Callable[[datetime], Awaitable[int]]


@dataclass(frozen=True)
class Done:
    """What became of a rule. `removed` is None when it did not come to that: a hold, or an error
    whose kind is `failed`."""

    name: str
    what: str
    days: int
    removed: int | None = None
    failed: str | None = None


@dataclass(frozen=True)
class Report:
    rules: tuple[Done, ...]
    held: bool

    @property
    def failed(self) -> bool:
        return any(rule.failed for rule in self.rules)

    def __str__(self) -> str:
        lines = ["A hold stands: nothing is removed."] if self.held else []
        for rule in self.rules:
            said = f"failed ({rule.failed})" if rule.failed else rule.removed
            lines.append(f"{'-' if said is None else said!s:>8}  {rule.what}")
        return "\n".join(lines)


async def run(rules: Iterable[Keep], *, dry: bool = False) -> Report:
    """Remove what is past its time; a rule that fails keeps no other from its work. `dry` only
    counts, whatever holds there are, and leaves no trace."""
    began = now()
    done = [await _apply(rule, dry) for rule in rules]
    held = any(outcome is None for _rule, outcome in done)
    report = Report(tuple(outcome or rule for rule, outcome in done), held)
    if not dry:
        await _note(began, report)
    return report


async def nightly(rules: Iterable[Keep]) -> None:
    """As a job."""
    report = await run(rules)
    log.info(
        "retention",
        held=report.held,
        removed={rule.name: rule.removed for rule in report.rules},
    )


async def remove(table: type[Table], old: Where | And | Or) -> int:
    """Delete those rows of a table. Returns how many went."""
    key = table._meta.primary_key
    return len(await table.delete().where(old).returning(key))


async def hold(by: str, reason: str) -> bool:
    """Stop all removal. When this returns and its transaction commits, none is under way. False
    when a hold stands already."""
    async with DB.transaction():
        await one_at_a_time("retention")
        if await RetentionHold.now_standing():
            return False
        await RetentionHold(reason=reason, set_by=by[:60]).save()
        await audit.write(by, "retention_held", "", reason=reason)
    return True


async def lift(by: str) -> bool:
    """Let the next run remove again. False when no hold stands."""
    async with DB.transaction():
        await one_at_a_time("retention")
        standing = await RetentionHold.now_standing()
        if standing is None:
            return False
        standing.standing, standing.lifted_by, standing.lifted_at = None, by[:60], now()
        await standing.save()
        await audit.write(by, "retention_released")
    return True


async def _apply(rule: Keep, dry: bool) -> tuple[Done, Done | None]:
    """The rule before and after; None instead of the latter when a hold stands."""
    before = Done(rule.name, rule.what, rule.kept_for.days)
    try:
        async with DB.transaction() as transaction:
            await one_at_a_time("retention")
            if not dry and await RetentionHold.now_standing():
                return before, None
            # What fails or is only tried is undone up to here, whoever opened the transaction.
            here = await transaction.savepoint()
            try:
                removed = await rule.purge(now() - rule.kept_for)
            except Exception:
                await here.rollback_to()  # type: ignore[no-untyped-call]
                raise
            if dry:
                await here.rollback_to()  # type: ignore[no-untyped-call]
    except Exception as error:
        log.error("a rule of retention failed", rule=rule.name, **told(error))
        return before, replace(before, failed=type(error).__name__)
    return before, replace(before, removed=removed)


async def _note(began: datetime, report: Report) -> None:
    async with DB.transaction():
        await RetentionRun(
            began_at=began,
            ended_at=now(),
            rules=[asdict(rule) for rule in report.rules],
            held=report.held,
        ).save()
        removed = {rule.name: rule.removed for rule in report.rules if rule.removed}
        await audit.write(audit.HOUSE, "retention_ran", "", held=report.held, removed=removed)
        if report.failed:
            await Alarm.raise_(
                "retention",
                later("Old data could not be removed: %(rules)s."),
                later("Look at Retention which rule failed, and mend its cause before tomorrow."),
                rules=", ".join(rule.name for rule in report.rules if rule.failed),
            )


async def _invitations(before: datetime) -> int:
    ended = (Invitation.ends_at < before) | (Invitation.used_at < before)
    return await remove(Invitation, ended)


async def _sessions(before: datetime) -> int:
    return await remove(Session, Session.ends_at < before)


async def _alarms(before: datetime) -> int:
    return await remove(Alarm, Alarm.settled_at < before)


async def _heads(before: datetime) -> int:
    return await remove(AuditHead, AuditHead.at < before)


async def _runs(before: datetime) -> int:
    return await remove(RetentionRun, RetentionRun.ended_at < before)


# What this room and the house itself keep. `worker.RETENTION` adds every other room's rules.
RULES: tuple[Keep, ...] = (
    Keep("audit", later("Lines of the audit trail"), YEAR, audit.shorten),
    Keep("sessions", later("Sessions of staff that ended"), timedelta(days=1), _sessions),
    Keep("invitations", later("Invitations that were used or ended"), timedelta(30), _invitations),
    Keep("jobs", later("Failed background jobs"), timedelta(days=14), queue_status.forget),
    Keep("alarms", later("Alarms that were settled"), timedelta(days=90), _alarms),
    Keep("heads", later("Signed ends of the audit trail"), YEAR, _heads),
    Keep("names_seen", later("How many names staff were shown a day"), timedelta(30), names.forget),
    Keep("retention", later("Reports of these removals"), YEAR, _runs),
)


async def is_late(last: RetentionRun | None) -> bool:
    """Whether the last run, or the first account where there was none yet, is too long ago."""
    since = last.ended_at if last else await Account.select(Min(Account.made_at)).first()
    moment = since["min"] if isinstance(since, dict) else since
    return moment is not None and moment < now() - LATE
