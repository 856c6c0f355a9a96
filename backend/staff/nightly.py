"""The night's look at the audit trail."""

from typing import Any

import structlog

from backend.staff import audit
from backend.staff.tables import Alarm
from backend.web.language import later

log = structlog.get_logger()


async def check_audit(_data: dict[str, Any]) -> None:
    """A job: follow the whole chain, and tell its end to the log. Whoever cuts lines off the end
    leaves a sound chain behind, but not the end that was logged elsewhere."""
    verdict = await audit.verify()
    last, digest = verdict.last or (0, "")
    log.info("audit head", id=last, hash=digest, lines=verdict.lines, broken=verdict.broken)
    if verdict.broken is not None:
        await Alarm.raise_(
            "audit",
            later("The audit trail was changed at line %(line)s."),
            later("Change nothing more, keep the newest backup, and call who runs the server."),
            line=verdict.broken,
        )
