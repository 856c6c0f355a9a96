"""The night's look at the audit trail, and its end handed out every hour."""

from typing import Any

import structlog

from backend.staff import alarms, audit, heads
from backend.staff.audit import Verdict
from backend.staff.heads import Head
from backend.web.language import gettext as _
from backend.web.language import later

log = structlog.get_logger()


async def check_audit(_data: dict[str, Any]) -> None:
    """A job: follow the whole chain, hold it against the end that was noted outside the database
    the night before, and hand today's end out, to the log, beside the keys, by mail to the
    admins."""
    await audit.begin_key()
    noted, verdict = heads.noted(), await audit.verify()
    cut = noted is not None and not await audit.stands(noted)
    last, digest = verdict.last or (0, "")
    log.info(
        "audit head", id=last, hash=digest, lines=verdict.lines, broken=verdict.broken, cut=cut
    )
    await _tell(verdict, noted if cut else None)
    if verdict.broken is not None or cut:
        return  # what was noted is evidence
    if head := await _hand_out():
        heads.note(head)
        await alarms.mail_admins(
            _("The end of the audit trail"),
            _("Keep this letter. If a line named here is ever missing, somebody cut the trail.")
            + f"\n\n{head.as_text()}",
        )


async def hand_out_head(_data: dict[str, Any]) -> None:
    """A job: sign the trail's end as it is now, for who watches from outside."""
    await _hand_out()


async def _hand_out() -> Head | None:
    last = await audit.last_line()
    if last is None:
        return None
    head = heads.sign(*last)
    await heads.keep(head)
    return head


async def _tell(verdict: Verdict, cut: Head | None) -> None:
    to_do = later("Change nothing more, keep the newest backup, and call who runs the server.")
    if verdict.broken is not None:
        words = later("The audit trail was changed at line %(line)s.")
        if verdict.forged:
            words = later(
                "Line %(line)s of the audit trail says that lines were removed, and is forged."
            )
        await alarms.raise_to_admins("audit", words, to_do, line=verdict.broken)
    if cut is not None:
        await alarms.raise_to_admins(
            "audit head",
            later(
                "Line %(line)s of the audit trail, noted the night before, is not there any more."
            ),
            to_do,
            line=cut.line,
        )
