"""The peer: the same county record as an ordinary, well-written FastAPI app would serve it.

FastAPI, SQLAlchemy 2 (async, on asyncpg) and Jinja2, from the same database and under the same
server. Each request reads the county, its rules with their laws, its reports and its figures in
four queries, works out what holds today, and renders it. Signing reads the form with pydantic and
writes the same rows as ours in one transaction of a session: the pledge, its line for the count,
and the job of mailing its signer.

Where there was a choice it was made in the peer's favor: a warm pool, only the columns it shows,
no transaction around reading, a template compiled once, days put into words once, one language
without catalogs, no help lines and no QR code; no limits on signers, and ids that stay the same
kept in memory. The words come from the house's tables of words; the code that works with them is
the peer's own, so that the two check each other. What may be signed and how it is sealed is the
house's own code, so that this costs both the same.
"""

import calendar
import datetime
import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pgqueuer import Queries
from pydantic import BaseModel, field_validator
from sqlalchemy import ARRAY, ForeignKey, Integer, and_, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship
from starlette.middleware.gzip import GZipMiddleware

from backend.campaigns import contacts, forms, receipts
from backend.campaigns.contacts import Contact, NotAContact
from backend.campaigns.states import CampaignState, PledgeState, Tally
from backend.counties import gazetteer
from backend.policies import wording
from backend.policies.headline import Pattern
from backend.policies.questions import (
    ANSWERS,
    BOARD_TOPICS,
    BY_REPORT,
    LOCAL_ISSUERS,
    LOOKS,
    NOT_KNOWN,
    Question,
)
from backend.web.sealing import DataKey, blind_index

CALIFORNIA = ZoneInfo("America/Los_Angeles")
JAIL = (Question.HOLD, Question.NOTIFICATION, Question.TRANSFER)

# SQLAlchemy picks its driver by the scheme; the rest of the address is the house's.
ADDRESS = "postgresql+asyncpg:" + os.environ["DATABASE_URL"].partition(":")[2]
ENGINE = create_async_engine(
    ADDRESS, pool_size=10, max_overflow=0, isolation_level="AUTOCOMMIT", pool_pre_ping=False
)
SESSIONS = async_sessionmaker(ENGINE, expire_on_commit=False, autoflush=False)
# Signing needs transactions; its pool opens a connection when the first signer comes.
WRITING = async_sessionmaker(
    create_async_engine(ADDRESS, pool_size=10, max_overflow=0, pool_pre_ping=False),
    expire_on_commit=False,
    autoflush=False,
)

Words = dict[str, str]


class Base(DeclarativeBase):
    pass


class County(Base):
    __tablename__ = "county"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    fips: Mapped[str]
    ocd_id: Mapped[str]


class Law(Base):
    __tablename__ = "law"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    title: Mapped[Any] = mapped_column(JSONB)


class Fact(Base):
    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    note: Mapped[Any] = mapped_column(JSONB)
    sources: Mapped[Any] = mapped_column(JSONB)
    checked_on: Mapped[datetime.date]
    review_by: Mapped[datetime.date]
    retired_at: Mapped[datetime.datetime | None] = mapped_column(deferred=True)

    @property
    def confirmed(self) -> bool:
        return any(source["grade"] != "C" for source in self.sources)


class Rule(Fact):
    __tablename__ = "rule"

    county_id: Mapped[int | None] = mapped_column("county", ForeignKey("county.id"))
    law_id: Mapped[int | None] = mapped_column("law", ForeignKey("law.id"))
    question: Mapped[str | None]
    answer: Mapped[str | None]
    issuer: Mapped[str]
    instrument: Mapped[Any] = mapped_column(JSONB)
    citation: Mapped[str]
    in_force_from: Mapped[datetime.date]
    in_force_until: Mapped[datetime.date | None]
    from_text: Mapped[str]
    until_text: Mapped[str | None]
    from_means: Mapped[str]
    summary: Mapped[Any] = mapped_column(JSONB)
    law: Mapped[Law | None] = relationship(lazy="raise")

    @property
    def local(self) -> bool:
        return self.issuer in LOCAL_ISSUERS

    def holds_on(self, day: datetime.date) -> bool:
        return self.in_force_from <= day <= (self.in_force_until or datetime.date.max)


class Practice(Fact):
    __tablename__ = "practice"

    county_id: Mapped[int | None] = mapped_column("county", ForeignKey("county.id"))
    topic: Mapped[str]
    said_by: Mapped[Any] = mapped_column(JSONB)
    disputes: Mapped[str | None]
    answer: Mapped[str | None]
    from_text: Mapped[str | None]
    until_text: Mapped[str | None]
    summary: Mapped[Any] = mapped_column(JSONB)

    def known_on(self, day: datetime.date) -> bool:
        if self.from_text and last_day(self.from_text) > day:
            return False
        return not (self.until_text and first_day(self.until_text) < day)


class Figure(Fact):
    __tablename__ = "figure"

    county_id: Mapped[int | None] = mapped_column("county", ForeignKey("county.id"))
    measure: Mapped[str]
    from_text: Mapped[str]
    until_text: Mapped[str]
    low: Mapped[int]
    high: Mapped[int]
    about: Mapped[bool]
    definition: Mapped[Any] = mapped_column(JSONB)


class Campaign(Base):
    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    state: Mapped[str]
    opens_on: Mapped[datetime.date | None]
    closes_on: Mapped[datetime.date | None]

    def is_open(self, day: datetime.date) -> bool:
        return (
            self.state == CampaignState.LIVE
            and (self.opens_on or day) <= day
            and day <= (self.closes_on or day)
        )


class ConsentText(Base):
    __tablename__ = "consent_text"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    language: Mapped[str]


class Pledge(Base):
    __tablename__ = "pledge"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign: Mapped[int]
    state: Mapped[int]
    county: Mapped[int]
    language: Mapped[str]
    kind: Mapped[str]
    data_key: Mapped[str]
    name: Mapped[str]
    contact: Mapped[str]
    receipt: Mapped[str]
    contact_index: Mapped[bytes]
    receipt_index: Mapped[bytes]
    round: Mapped[int]
    tries: Mapped[int]
    consents: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    source: Mapped[str]


class CountLine(Base):
    __tablename__ = "count_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign: Mapped[int]
    county: Mapped[int]
    state: Mapped[int]
    change: Mapped[int]


class SignForm(BaseModel):
    name: str
    contact: str
    zip: str
    county: str = ""
    agree_pledge: int
    agree_news: int | None = None

    @field_validator("name")
    @classmethod
    def is_a_name(cls, text: str) -> str:
        name = forms.clean_name(text[: 10 * forms.LONGEST_NAME])
        if mistake := forms.mistake_in_name(name):
            raise ValueError(mistake)
        return name

    def read_contact(self) -> Contact:
        try:
            return contacts.read(forms.clean_name(self.contact[:1000]))
        except NotAContact:
            raise HTTPException(422, "This contact cannot be right.") from None

    def read_county(self) -> str:
        found = gazetteer.zips().get(self.zip.strip()[:5])
        here = [each.slug for each in found.counties] if found else []
        if len(here) != 1 and self.county not in here:
            raise HTTPException(422, "We need a ZIP code of California, and which county.")
        return self.county if self.county in here else here[0]


class SourceAnswer(BaseModel):
    title: str
    publisher: str
    url: str
    published_on: str | None
    checked_on: datetime.date
    grade: str


class RuleAnswer(BaseModel):
    issuer: str
    instrument: Words
    citation: str
    law: str | None
    effective_from: str
    effective_from_means: str
    effective_to: str | None
    summary: Words
    note: Words | None


class OtherRule(BaseModel):
    answer: str | None
    rule: RuleAnswer
    sources: list[SourceAnswer]
    review_by: datetime.date


class PracticeAnswer(BaseModel):
    topic: str
    said_by: Words | None
    since: str | None
    until: str | None
    summary: Words
    note: Words | None
    sources: list[SourceAnswer]
    review_by: datetime.date


class QuestionAnswer(BaseModel):
    question: str
    answer: str
    since: str | None
    rule: RuleAnswer | None
    also: list[OtherRule]
    disagreement: bool
    disputed_by: list[PracticeAnswer]
    sources: list[SourceAnswer]
    review_by: datetime.date | None


class FigureAnswer(BaseModel):
    measure: str
    definition: Words
    period_from: str
    period_until: str
    low: int
    high: int
    about: bool
    note: Words | None
    sources: list[SourceAnswer]
    review_by: datetime.date


class HistoryAnswer(BaseModel):
    day: str
    kind: str
    level: str
    summary: Words


class CountyAnswer(BaseModel):
    slug: str
    name: str
    fips: str
    ocd_id: str
    on: datetime.date
    answers: list[QuestionAnswer]
    practice: list[PracticeAnswer]
    figures: list[FigureAnswer]
    history: list[HistoryAnswer]


@dataclass
class Standing:
    question: Question
    answer: str
    rule: Rule | None = None
    also: list[Rule] = field(default_factory=list)
    disputed_by: list[Practice] = field(default_factory=list)
    practice: list[Practice] = field(default_factory=list)
    reported: Practice | None = None

    @property
    def state_rule(self) -> Rule | None:
        rules = [self.rule, *self.also] if self.rule else self.also
        return next((rule for rule in rules if not rule.local), None)


@dataclass
class Record:
    county: County
    rules: list[Rule]
    practice: list[Practice]
    figures: list[Figure]
    everywhere: list[Practice]


async def a_session() -> AsyncIterator[AsyncSession]:
    async with SESSIONS() as session:
        yield session


Session = Annotated[AsyncSession, Depends(a_session)]


async def read_record(session: Session, slug: str) -> Record:
    """The county with everything known of it. Answers 404 for no county."""
    county = await session.scalar(select(County).where(County.slug == slug))
    if county is None:
        raise HTTPException(404, "There is no county by this slug.")
    rules = await session.scalars(
        select(Rule)
        .options(joinedload(Rule.law))
        .where(
            Rule.retired_at.is_(None),
            or_(Rule.county_id == county.id, Rule.county_id.is_(None)),
        )
        .order_by(Rule.in_force_from, Rule.key)
    )
    practice = await session.scalars(
        select(Practice)
        .where(
            Practice.retired_at.is_(None),
            or_(
                Practice.county_id == county.id,
                and_(Practice.county_id.is_(None), Practice.answer.is_not(None)),
            ),
        )
        .order_by(Practice.from_text, Practice.key)
    )
    reports = list(practice)
    own = [report for report in reports if report.county_id is not None]
    everywhere = [report for report in reports if report.county_id is None]
    figures = await session.scalars(
        select(Figure)
        .where(Figure.retired_at.is_(None), Figure.county_id == county.id)
        .order_by(Figure.key)
    )
    return Record(county, list(rules), own, list(figures), everywhere)


TheRecord = Annotated[Record, Depends(read_record)]


@lru_cache(maxsize=2000)
def first_day(text: str) -> datetime.date:
    year, month, day = (*map(int, text.split("-")), 1, 1)[:3]
    return datetime.date(year, month, day)


@lru_cache(maxsize=2000)
def last_day(text: str) -> datetime.date:
    first = first_day(text)
    if len(text) == 4:
        return first.replace(month=12, day=31)
    if len(text) == 7:
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return first


def standings(record: Record, day: datetime.date) -> dict[Question, Standing]:
    """Every question's answer: the strictest rule in force that some good source confirms."""
    holding = [rule for rule in record.rules if rule.holds_on(day) and rule.confirmed]
    known = [report for report in record.practice if report.known_on(day)]
    everywhere = [report for report in record.everywhere if report.known_on(day)]
    return {
        question: rule_maker(holding)
        if question is Question.RULE_MAKER
        else standing(question, holding, known, everywhere)
        for question in Question
    }


def standing(
    question: Question, holding: list[Rule], known: list[Practice], everywhere: list[Practice]
) -> Standing:
    order = ANSWERS[question]
    rules = sorted(
        (rule for rule in holding if rule.question == question),
        key=lambda rule: (
            rule.answer not in BY_REPORT,
            order.index(rule.answer),
            rule.local,
            -rule.in_force_from.toordinal(),
        ),
    )
    if not rules:
        on_it = [report for report in known if report.topic == question]
        for reports in (on_it, everywhere):
            answering = [
                report
                for report in reports
                if report.topic == question and report.answer and report.confirmed
            ]
            if answering:
                newest = max(answering, key=lambda report: (report.from_text or "", report.key))
                return Standing(
                    question, newest.answer or NOT_KNOWN, practice=on_it, reported=newest
                )
        return Standing(question, NOT_KNOWN, practice=on_it)
    keys = {rule.key for rule in rules}
    on_it = [report for report in known if report.topic == question]
    return Standing(
        question,
        rules[0].answer or NOT_KNOWN,
        rules[0],
        rules[1:],
        [report for report in on_it if report.disputes in keys],
        [report for report in on_it if report.disputes not in keys],
    )


def rule_maker(holding: list[Rule]) -> Standing:
    """Whose rules they are: the maker of a rule on the jail who is hardest to overrule."""
    order = ANSWERS[Question.RULE_MAKER]

    def weight(rule: Rule) -> tuple[int, int, str]:
        made_by = order.index(rule.issuer) if rule.issuer in order else len(order)
        return made_by, -rule.in_force_from.toordinal(), rule.key

    made = (rule for rule in holding if rule.local or rule.key.startswith("state/"))
    rules = sorted((rule for rule in made if rule.question in JAIL), key=weight)
    if not rules:
        return Standing(Question.RULE_MAKER, NOT_KNOWN)
    first = rules[0]
    by_maker: dict[str, Rule] = {}
    for rule in rules[1:]:
        if rule.issuer != first.issuer:
            by_maker.setdefault(rule.issuer, rule)
    answer = first.issuer if first.local else "state_law_only"
    return Standing(Question.RULE_MAKER, answer, first, list(by_maker.values()))


# From the calmest to the worst: the worst of the three decides what the page says first.
WORSE = (
    ("judge", {"prohibited", "never", "judicial_warrant_only"}),
    ("unread", {"stricter_unread"}),
    ("unclear", {"warrant_unclear"}),
    ("some", {"limited", "listed_convictions", "held_to_answer"}),
    ("beyond", {"open_charges"}),
    ("no_law", {NOT_KNOWN}),
    ("allowed", {"permitted", "posted_publicly"}),
)


def headline(found: dict[Question, Standing]) -> str:
    asked = [found[question] for question in JAIL]
    if any(report.said_by for each in asked for report in each.disputed_by):
        return str(wording.HEADLINES[Pattern("disagree")])
    given = {each.answer for each in asked}
    worst = next(name for name, answers in reversed(WORSE) if given & answers)
    return str(wording.HEADLINES[Pattern(worst)])


def figures_by(record: Record, day: datetime.date) -> list[Figure]:
    return sorted(
        (figure for figure in record.figures if first_day(figure.from_text) <= day),
        key=lambda figure: (figure.until_text, figure.measure),
        reverse=True,
    )


@dataclass
class Change:
    day: str
    kind: str
    facts: list[Any]

    @property
    def level(self) -> str:
        first = self.facts[0]
        return "state" if isinstance(first, Rule) and not first.local else "county"


def history(record: Record) -> list[Change]:
    """Every change, oldest first; what began or ended together stands together."""
    together: dict[tuple[str, str, str], Change] = {}
    for day, kind, source, fact in _changes(record):
        together.setdefault((day, kind, source), Change(day, kind, [])).facts.append(fact)
    return sorted(together.values(), key=lambda each: (last_day(each.day), each.kind != "ended"))


def _changes(record: Record) -> Iterator[tuple[str, str, str, Fact]]:
    for rule in record.rules:
        source = rule.law.slug if rule.law else rule.key.removesuffix(f"/{rule.question}")
        yield rule.from_text, "began", source, rule
        if rule.until_text:
            yield rule.until_text, "ended", source, rule
    for report in record.practice:
        if report.from_text and report.topic not in BOARD_TOPICS:
            yield report.from_text, "reported", report.key, report


def today() -> datetime.date:
    return datetime.datetime.now(CALIFORNIA).date()


def as_sources(fact: Fact) -> list[SourceAnswer]:
    return [
        SourceAnswer(
            title=source["title"],
            publisher=source["publisher"],
            url=source["url"],
            published_on=source["published_on"],
            checked_on=fact.checked_on,
            grade=source["grade"],
        )
        for source in fact.sources
    ]


def as_rule(rule: Rule) -> RuleAnswer:
    return RuleAnswer(
        issuer=rule.issuer,
        instrument=rule.instrument,
        citation=rule.citation,
        law=rule.law.slug if rule.law else None,
        effective_from=rule.from_text,
        effective_from_means=rule.from_means,
        effective_to=rule.until_text,
        summary=rule.summary,
        note=rule.note,
    )


def as_practice(report: Practice) -> PracticeAnswer:
    return PracticeAnswer(
        topic=report.topic,
        said_by=report.said_by,
        since=report.from_text,
        until=report.until_text,
        summary=report.summary,
        note=report.note,
        sources=as_sources(report),
        review_by=report.review_by,
    )


def as_figure(figure: Figure) -> FigureAnswer:
    return FigureAnswer(
        measure=figure.measure,
        definition=figure.definition,
        period_from=figure.from_text,
        period_until=figure.until_text,
        low=figure.low,
        high=figure.high,
        about=figure.about,
        note=figure.note,
        sources=as_sources(figure),
        review_by=figure.review_by,
    )


def as_question(standing: Standing) -> QuestionAnswer:
    rule = standing.rule
    return QuestionAnswer(
        question=standing.question,
        answer=standing.answer,
        since=rule.from_text if rule else None,
        rule=as_rule(rule) if rule else None,
        also=[
            OtherRule(
                answer=other.answer,
                rule=as_rule(other),
                sources=as_sources(other),
                review_by=other.review_by,
            )
            for other in standing.also
        ],
        disagreement=bool(standing.disputed_by),
        disputed_by=[as_practice(report) for report in standing.disputed_by],
        sources=as_sources(rule) if rule else [],
        review_by=rule.review_by if rule else None,
    )


def as_county(record: Record, day: datetime.date) -> CountyAnswer:
    county = record.county
    return CountyAnswer(
        slug=county.slug,
        name=county.name,
        fips=county.fips,
        ocd_id=county.ocd_id,
        on=day,
        answers=[as_question(each) for each in standings(record, day).values()],
        practice=[as_practice(report) for report in record.practice if report.known_on(day)],
        figures=[as_figure(figure) for figure in figures_by(record, day)],
        history=[
            HistoryAnswer(
                day=change.day, kind=change.kind, level=change.level, summary=fact.summary
            )
            for change in history(record)
            for fact in change.facts
        ],
    )


class Citations:
    """Sources numbered in the order the page first uses them."""

    def __init__(self) -> None:
        self.numbered: dict[tuple[str, str], int] = {}
        self.sources: list[dict[str, Any]] = []

    def of(self, fact: Fact) -> Iterable[int]:
        for source in fact.sources:
            name = (source["url"], source["title"])
            if name not in self.numbered:
                self.sources.append(source)
                self.numbered[name] = len(self.sources)
            yield self.numbered[name]


@lru_cache(maxsize=2000)
def in_words(day: datetime.date | str) -> str:
    if isinstance(day, datetime.date):
        return f"{day:%B} {day.day}, {day.year}"
    if len(day) == 4:
        return day
    return f"{first_day(day):%B %Y}" if len(day) == 7 else in_words(first_day(day))


def sentence(standing: Standing) -> str:
    if standing.question is Question.CONTRACT and standing.answer == "ended" and standing.rule:
        return f"No. It ended: {in_words(standing.rule.from_text)}."
    return answer_sentence(standing.question, standing.answer)


def answer_sentence(question: Question, answer: str) -> str:
    if answer == NOT_KNOWN:
        return wording.NOT_KNOWN_SENTENCE
    return wording.ANSWERS[question, answer]


def count(figure: Figure) -> str:
    said = f"{figure.low:,}"
    if figure.high != figure.low:
        said = f"{said} to {figure.high:,}"
    return f"about {said}" if figure.about else said


def make_template() -> Any:
    """The page's template, compiled once and for all."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"words": lambda text: text["en"], "day": in_words}
    environment.globals |= {
        "Question": Question,
        "QUESTIONS": wording.QUESTIONS,
        "SHORT_QUESTIONS": wording.SHORT_QUESTIONS,
        "SHORT_ANSWERS": wording.SHORT_ANSWERS,
        "ISSUERS": wording.ISSUERS,
        "TOPICS": {**wording.SHORT_QUESTIONS, **wording.TOPICS},
        "MEASURES": wording.MEASURES,
        "GRADES": wording.GRADES,
        "LOOKS": LOOKS,
        "sentence": sentence,
        "answer_sentence": answer_sentence,
        "count": count,
    }
    return environment.get_template("peer.html")


TEMPLATE = make_template()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await ENGINE.dispose()


app = FastAPI(lifespan=lifespan, debug=False)
app.add_middleware(GZipMiddleware, minimum_size=400)


@app.get("/counties/{slug}", response_class=HTMLResponse)
async def show_county(record: TheRecord) -> HTMLResponse:
    day = today()
    found = standings(record, day)
    page = TEMPLATE.render(
        county=record.county,
        record=record,
        standings=found,
        headline=headline(found),
        figures=figures_by(record, day),
        history=history(record),
        other_rules=[rule for rule in record.rules if not rule.question and rule.holds_on(day)],
        other_practice=[
            report
            for report in record.practice
            if report.topic in wording.TOPICS and report.known_on(day)
        ],
        citations=Citations(),
        on=day,
    )
    return HTMLResponse(page)


@app.get("/api/v1/counties/{slug}")
async def answer_county(record: TheRecord) -> CountyAnswer:
    return as_county(record, today())


async def a_writing_session() -> AsyncIterator[AsyncSession]:
    async with WRITING() as session:
        yield session


SIGNED = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
).get_template("peer_signed.html")


@app.post("/campaigns/{slug}/pledges")
async def sign(
    slug: str,
    form: Annotated[SignForm, Form()],
    session: Annotated[AsyncSession, Depends(a_writing_session)],
) -> HTMLResponse:
    campaign = await session.scalar(select(Campaign).where(Campaign.slug == slug))
    if campaign is None or not campaign.is_open(today()):
        raise HTTPException(404, "There is no campaign to sign by this slug.")
    known = await what_stays(session)
    agreed = [id for id in (form.agree_pledge, form.agree_news) if id is not None]
    if not known.consents.issuperset(agreed):
        raise HTTPException(422, "These words have changed. Read them and tick the box again.")
    contact, receipt, id = form.read_contact(), receipts.new(), uuid4()
    key = DataKey.new("pledge", id)
    pledge = Pledge(
        id=id,
        campaign=campaign.id,
        state=PledgeState.RECEIVED,
        county=known.counties[form.read_county()],
        language="en",
        kind=contact.kind,
        data_key=key.wrapped(),
        name=key.seal("name", form.name),
        contact=key.seal("contact", contact.address),
        receipt=key.seal("receipt", receipt),
        contact_index=blind_index(f"pledge {contact.kind}", f"{campaign.id}|1|{contact.same}"),
        receipt_index=receipts.index(receipt),
        round=0,
        tries=0,
        consents=agreed,
        source="web",
    )
    line = CountLine(campaign=campaign.id, county=pledge.county, state=Tally.AWAITING, change=1)
    session.add_all([pledge, line])
    await session.flush()
    await ask_the_worker(session, id)
    await session.commit()
    return HTMLResponse(SIGNED.render(title=campaign.slug, receipt=receipts.in_words(receipt)))


async def ask_the_worker(session: AsyncSession, id: UUID) -> None:
    """The job, in the session's own transaction, as pgqueuer's guide has it."""
    connection = await (await session.connection()).get_raw_connection()
    queue = Queries.from_asyncpg_connection(connection.driver_connection)
    await queue.enqueue("pledge_arrivals", json.dumps({"pledges": [str(id)]}).encode())


@dataclass
class WhatStays:
    """Ids that stay the same while a process lives."""

    counties: dict[str, int]
    consents: frozenset[int]


_stays: list[WhatStays] = []


async def what_stays(session: AsyncSession) -> WhatStays:
    if not _stays:
        counties = await session.scalars(select(County))
        texts = await session.scalars(select(ConsentText.id))
        _stays.append(WhatStays({each.slug: each.id for each in counties}, frozenset(texts)))
    return _stays[0]
