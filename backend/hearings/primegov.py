"""PrimeGov's public portal: meetings ahead and this year's past ones, as JSON without a key.

Its agendas are files, which are not read: only the names of meetings and of their documents are
searched. Shapes: policy_facts.md, section 5.
"""

import datetime
from collections.abc import AsyncIterator
from urllib.parse import quote

import msgspec

from backend.hearings import times
from backend.hearings.entry import Vote
from backend.hearings.fetching import Fetcher
from backend.hearings.meetings import Item, Loose, Meeting, day_of, status_in, text, version_of
from backend.hearings.times import When
from backend.web.clock import today

BACK = datetime.timedelta(days=45)
PDF = "1"


class Document(msgspec.Struct, kw_only=True, rename="camel"):
    template_id: Loose = None
    template_name: Loose = None
    compile_output_type: Loose = None


class Listed(msgspec.Struct, kw_only=True, rename="camel"):
    id: int | None = None
    title: Loose = None
    date_time: Loose = None
    document_list: list[Document] | None = None


class PrimeGov:
    tells_all = True
    has_agendas = False

    def __init__(self, fetcher: Fetcher, client: str, county: str, publisher: str) -> None:
        self.fetcher, self.county, self.publisher = fetcher, county, publisher
        self.site = f"https://{client}.primegov.com"

    async def pages(self) -> AsyncIterator[list[Meeting]]:
        portal = f"{self.site}/api/v2/PublicPortal"
        since = today() - BACK
        for name in (
            "ListUpcomingMeetings",
            *(f"ListArchivedMeetings?year={year}" for year in sorted({since.year, today().year})),
        ):
            listed = await self.fetcher.json(f"{portal}/{name}", list[Listed])
            yield [
                self._meeting(each)
                for each in listed
                if each.id is not None and (day_of(each.date_time) or since) >= since
            ]

    async def agenda(self, meeting: Meeting) -> list[Item]:
        return []

    async def votes(self, item: Item) -> list[Vote]:
        return []

    async def again(self, key: str) -> Meeting | None:
        return None

    def _meeting(self, listed: Listed) -> Meeting:
        title = text(listed.title, 300)
        documents = listed.document_list or []
        return Meeting(
            key=str(listed.id),
            version=version_of(listed),
            title=title,
            body=title,
            when=_when(listed.date_time),
            status=status_in(title),
            agenda_url=self._agenda_of(documents),
            page_url=f"{self.site}/public/portal",
            documents=[text(each.template_name, 300) for each in documents],
        )

    def _agenda_of(self, documents: list[Document]) -> str:
        for each in documents:
            is_agenda = "agenda" in text(each.template_name).lower()
            if is_agenda and each.template_id and text(each.compile_output_type) == PDF:
                template = quote(text(each.template_id, 40))
                return (
                    f"{self.site}/Public/CompiledDocument"
                    f"?meetingTemplateId={template}&compileOutputType={PDF}"
                )
        return ""


def _when(value: Loose) -> When | None:
    day = day_of(value)
    if day is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(str(value).strip())
    except ValueError:
        return times.on(day, None)
    if moment.tzinfo is not None:
        return When(moment, True)
    # Midnight is what it writes when it knows no time.
    return (
        times.exactly(day, moment.time())
        if moment.time() != datetime.time()
        else times.on(day, None)
    )
