"""What the house tells its staff by itself."""

from html import escape
from typing import Any

from backend import settings
from backend.staff.tables import Alarm
from backend.web import jobs, language, mail
from backend.web.language import gettext as _
from backend.web.language import later


async def job_given_up(job: str, kind: str) -> None:
    """Background work that failed for good; `kind` is the name of the error's class."""
    await Alarm.raise_(
        f"job {job}",
        later("A background job failed for good: %(job)s (%(kind)s)."),
        later("Find the cause. Then, under Background work, let it try again or drop it."),
        job=job,
        kind=kind,
    )


async def door_is_tried() -> None:
    """More failed tries to sign in than the trail takes."""
    await Alarm.raise_(
        "door is tried",
        later("Somebody tries the desk’s door again and again. Not every try is in the trail."),
        later("Nobody came in by those. If it goes on, tell whoever runs the server."),
    )


async def raise_to_admins(name: str, words: str, to_do: str = "", **details: Any) -> None:
    """An alarm at the desk that goes to all admins by mail too, for what one of them alone must not
    be able to keep from the others."""
    await Alarm.raise_(name, words, to_do, **details)
    said = "\n\n".join(_(each) % details for each in (words, to_do) if each)
    await mail_admins(_("The desk raised an alarm"), said)


async def mail_admins(subject: str, text: str) -> None:
    """A letter to each of ADMIN_MAIL, within the open transaction. None is nobody: then the desk
    alone says it."""
    for number, _address in enumerate(settings.read().admin_mail):
        # No address in the queue: it is a row in the database.
        letter = {"number": number, "subject": subject, "text": text}
        letter["language"] = language.current.get().code
        await jobs.enqueue("admin_mail", letter)


async def mail_admin(data: dict[str, Any]) -> None:
    """The job of it."""
    addresses = settings.read().admin_mail
    if data["number"] < len(addresses):
        await mail.send(
            mail.Letter(
                to=addresses[data["number"]],
                subject=data["subject"],
                text=data["text"],
                html=f"<pre>{escape(data['text'])}</pre>",
                language=data["language"],
            )
        )


def in_words(alarm: Alarm) -> str:
    return _(alarm.words) % alarm.details


def what_to_do(alarm: Alarm) -> str:
    return _(alarm.to_do) % alarm.details if alarm.to_do else ""
