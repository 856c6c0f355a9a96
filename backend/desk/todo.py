"""What waits for a person of the staff: each thing only for those who may act on it."""

from dataclasses import dataclass

from backend.about.tables import DemandStatement
from backend.alerts import composing
from backend.alerts.kinds import State
from backend.campaigns import calling
from backend.canvass import keeping, review, second_look
from backend.detained import calling as detained_calls
from backend.detained import editing as detained
from backend.enrollment import editing
from backend.hearings import ledger, proposing
from backend.hearings.tables import HearingSource
from backend.policies import changes
from backend.staff import retention
from backend.staff.door import Visitor
from backend.staff.roles import Right
from backend.staff.tables import RetentionHold, RetentionRun
from backend.web import backlog
from backend.web.clock import today
from backend.web.language import gettext as _
from backend.web.language import ngettext

RECORD = "/desk/record"
WORK = "/desk/work"
RETENTION = "/desk/retention"
DEMANDS = "/desk/legal-demands"
DIRECTORY = "/desk/directory"
DETAINED = "/desk/detained"
DETAINED_CALLS = "/desk/detained/calls"
PROPOSALS = "/desk/hearings/proposals"
HEARING_SOURCES = "/desk/hearings/sources"
ALERTS = "/desk/alerts"
CANVASS = "/desk/canvass"
CANVASS_REVIEW = "/desk/canvass/review"
SHEETS = "/desk/canvass/sheets"
CAMPAIGNS = "/desk/campaigns"
FORUMS_OWED = "/desk/hearings#owed"


@dataclass(frozen=True)
class Todo:
    """`words` go on after the number, and link to `address`. Without `count` they stand alone. An
    `alarm` is something that is not as it should be."""

    words: str
    address: str
    count: int | None = None
    alarm: bool = False


async def waiting_for(visitor: Visitor) -> list[Todo]:
    """Alarms first."""
    found: list[Todo] = []
    if visitor.may(Right.RUN_THE_HOUSE):
        found += [*await _background(), *await _retention(), *await _demands()]
    if visitor.may(Right.EDIT_RECORD):
        found += [*await _record(), *await _directory(), *await _detained()]
    if visitor.may(Right.EDIT_HEARINGS):
        found += await hearings()
    if visitor.may(Right.SEND_ALERTS):
        found += await _alerts(visitor)
    if visitor.may(Right.SEE_PEOPLE):
        found += await _sign_ups()
    if visitor.may(Right.LEAD_CANVASS):
        found += await _canvass(visitor)
    return sorted(found, key=lambda each: not each.alarm)


async def hearings() -> list[Todo]:
    waiting = await proposing.how_many()
    failing = int(
        await HearingSource.count().where(
            HearingSource.enabled.eq(True), HearingSource.failing_since.is_not_null()
        )
    )
    owed = len(await ledger.owed(today()))
    every = [
        Todo(ngettext("source of hearings cannot be read", "sources of hearings cannot be read",
                      failing), HEARING_SOURCES, failing, alarm=True),
        Todo(ngettext("proposed hearing waits for you", "proposed hearings wait for you", waiting),
             PROPOSALS, waiting),
        Todo(ngettext("forum is owed, and none is announced", "forums are owed, and none is"
                      " announced", owed), FORUMS_OWED, owed),
    ]  # fmt: skip
    return [each for each in every if each.count]


async def _alerts(visitor: Visitor) -> list[Todo]:
    """Those that somebody else asked to be sent."""
    waiting = len(
        [
            each
            for each in await composing.all_of(State.ASKED)
            if each.asked_by != visitor.account.id
        ]
    )
    words = ngettext("alert waits for a second person", "alerts wait for a second person", waiting)
    return [Todo(words, ALERTS, waiting)] if waiting else []


async def _sign_ups() -> list[Todo]:
    waiting = await review.how_many()
    words = ngettext("sign-up from a canvasser waits for a look",
                     "sign-ups from canvassers wait for a look", waiting)  # fmt: skip
    numbers = await calling.how_many()
    to_call = ngettext(
        "phone number waits to be called", "phone numbers wait to be called", numbers
    )
    return [
        *([Todo(words, CANVASS_REVIEW, waiting)] if waiting else []),
        *([Todo(to_call, CAMPAIGNS, numbers)] if numbers else []),
    ]


async def _canvass(visitor: Visitor) -> list[Todo]:
    """Of the shifts that somebody leads."""
    behind = await keeping.phones_behind(visitor.account)
    sheets = await second_look.how_many_to_check(visitor.account)
    every = [
        Todo(ngettext("phone has held unsent sign-ups for more than a day",
                      "phones have held unsent sign-ups for more than a day", behind),
             CANVASS, behind, alarm=True),
        Todo(ngettext("sheet of paper waits to be checked", "sheets of paper wait to be checked",
                      sheets), SHEETS, sheets),
    ]  # fmt: skip
    return [each for each in every if each.count]


async def _record() -> list[Todo]:
    drafts, conflicts = await changes.drafts_waiting(), await changes.conflicts()
    due, kept = await changes.facts_due(today()), await changes.not_exported()
    every = [
        Todo(ngettext("draft waits for approval", "drafts wait for approval", drafts), RECORD,
             drafts),
        Todo(ngettext("fact was changed here and in the files", "facts were changed here and in the"
                      " files", conflicts), RECORD, conflicts),
        Todo(ngettext("fact is due for review", "facts are due for review", due), RECORD, due),
        Todo(ngettext("fact is not in the files yet", "facts are not in the files yet", kept),
             RECORD, kept),
    ]  # fmt: skip
    return [each for each in every if each.count]


async def _directory() -> list[Todo]:
    counts = await editing.counts(today())
    flags, due = counts["flags"], counts["due"]
    every = [
        Todo(ngettext("place of help is said to be wrong", "places of help are said to be wrong",
                      flags), DIRECTORY, flags),
        Todo(ngettext("place of help is due for a look", "places of help are due for a look", due),
             DIRECTORY, due),
    ]  # fmt: skip
    return [each for each in every if each.count]


async def _detained() -> list[Todo]:
    counts = await detained.counts(today())
    due, waiting, wrong = counts["due"], counts["waiting"], counts["wrong"]
    to_call = await detained_calls.how_many()
    every = [
        Todo(ngettext("line or place of detention is due for a call or a look",
                      "lines and places of detention are due for a call or a look", due),
             DETAINED, due),
        Todo(ngettext("line or place of detention waits to be confirmed",
                      "lines and places of detention wait to be confirmed", waiting),
             DETAINED, waiting),
        Todo(ngettext("number of a line waits to be called", "numbers of lines wait to be called",
                      to_call), DETAINED_CALLS, to_call),
        Todo(ngettext("number of a line is wrong", "numbers of lines are wrong", wrong), DETAINED,
             wrong),
    ]  # fmt: skip
    return [each for each in every if each.count]


async def _background() -> list[Todo]:
    work = await backlog.look()
    found = []
    if failed := work.total("failed"):
        words = ngettext(
            "background job failed for good", "background jobs failed for good", failed
        )
        found.append(Todo(words, WORK, failed, alarm=True))
    if not work.workers:
        found.append(Todo(_("No worker is running: nothing is done in the background"), WORK,
                          alarm=True))  # fmt: skip
    elif work.too_old():
        found.append(Todo(_("Background work is behind"), WORK, alarm=True))
    return found


async def _demands() -> list[Todo]:
    last = await DemandStatement.last()
    if last is not None and last.is_overdue():
        said = _("Nobody renewed for 90 days how many demands for data came")
        return [Todo(said, DEMANDS, alarm=True)]
    return []


async def _retention() -> list[Todo]:
    last, hold = await RetentionRun.last(), await RetentionHold.now_standing()
    if hold:
        return [Todo(_("A hold stops all removal of old data"), RETENTION, alarm=True)]
    if await retention.is_late(last):
        return [Todo(_("Old data was not removed for more than two days"), RETENTION, alarm=True)]
    return []
