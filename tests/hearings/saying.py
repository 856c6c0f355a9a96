"""A forum to announce, and the site that hears of it at once."""

import datetime
from typing import Any

from backend.hearings import changes, past
from backend.hearings.entry import Entry, Said
from backend.hearings.kinds import Kind, Topic
from backend.hearings.tables import Hearing
from backend.policies import queries
from backend.web.clock import CALIFORNIA, today


def in_days(days: int, hour: int = 9, minute: int = 30) -> datetime.datetime:
    day = today() + datetime.timedelta(days=days)
    return datetime.datetime.combine(day, datetime.time(hour, minute), CALIFORNIA)


def forum(**fields: Any) -> Entry:
    what = {
        "kind": Kind.FORUM,
        "title": Said(en="Forum on the sheriff & ICE", es="Foro sobre el alguacil e ICE"),
        "starts_at": in_days(40),
        "county": "modoc",
        "body": "Board of Supervisors",
        "place": "Board chambers",
        "address": "204 South Court Street, Alturas",
        "topics": [Topic.FORUMS],
    }
    return Entry(**{**what, **fields})


async def announced(**fields: Any) -> Hearing:
    hearing = await changes.announce(forum(**fields), None)
    # What a commit would tell every process.
    queries.forget()
    return hearing


async def with_the_past() -> None:
    """The votes and forums that come with the house."""
    await past.load()
    queries.forget()


async def changed(hearing: Hearing, **fields: Any) -> None:
    await changes.change(hearing.id, forum(**fields), None)
    queries.forget()
