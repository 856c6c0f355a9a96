"""Campaigns that start with the product, and the words people agree to when they sign.

A campaign from a file is put into the database once and belongs to the desk from then on: a later
load leaves it as it is. A changed consent is a new row; whoever signed keeps the words they saw.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from backend.campaigns import files
from backend.campaigns.files import CampaignFile, ConsentsFile
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, ConsentText
from backend.counties import gazetteer
from backend.database import DB, announce_change, one_at_a_time
from backend.web import language, page_cache

PURPOSES = ("pledge", "news", "partner")
# What a person reads of a campaign, and reviews in another language.
READ = ("title", "ask", "story", "pledge_words", "targets", "outcome")


@dataclass
class Report:
    """Slugs of the campaigns a load added, and how many consent texts are new."""

    added: list[str] = field(default_factory=list)
    consents: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.consents)

    def __str__(self) -> str:
        return f"{len(self.added)} added, {self.consents} consent texts changed."


def check(folder: Path = files.FOLDER) -> tuple[dict[str, CampaignFile], ConsentsFile | None]:
    """Read the files and find every mistake. Raises RecordError; touches no database."""
    return files.read(folder, frozenset(county.slug for county in gazetteer.counties()))


async def load(folder: Path = files.FOLDER) -> Report:
    """Put what is new into the database, all or nothing. Raises RecordError."""
    campaigns, consents = check(folder)
    report = Report()
    async with DB.transaction():
        # Two loads at once would both add the same words; the second waits for the first.
        await one_at_a_time("campaigns")
        report.consents = await _load_consents(consents) if consents else 0
        there = {row["slug"] for row in await Campaign.select(Campaign.slug)}
        made_at = datetime.now(UTC)
        for slug, file in campaigns.items():
            if slug not in there:
                await Campaign.insert(Campaign(**_row(file), made_at=made_at))
                report.added.append(slug)
        if report:
            await announce_change()
    return report


async def current_consents(code: str) -> dict[str, ConsentText]:
    """What is agreed to today by purpose, in that language or else in English: `pledge` first.
    Kept until the record changes."""
    if _shelf.cleared != page_cache.times_cleared():
        cleared = page_cache.times_cleared()
        _shelf.consents = await _read_consents()
        _shelf.cleared = cleared
    return _shelf.consents.get(code) or _shelf.consents.get(language.ENGLISH.code, {})


async def is_text(purpose: str, id: int) -> bool:
    """Whether these are words for that purpose: today's in any language, or earlier ones, which
    stand on pages that were opened or kept before they changed."""
    await current_consents(language.ENGLISH.code)
    if any(purpose in texts and texts[purpose].id == id for texts in _shelf.consents.values()):
        return True
    here = (ConsentText.id == id) & (ConsentText.purpose == purpose)
    return bool(await ConsentText.exists().where(here))


async def consents_for(campaign: Campaign, code: str) -> dict[str, ConsentText]:
    """Those this campaign asks for: nothing is shared with partners that it does not name."""
    consents = await current_consents(code)
    return {
        purpose: text
        for purpose, text in consents.items()
        if purpose != "partner" or campaign.partners
    }


def fingerprint(campaign: Campaign) -> str:
    """Eight hex digits of the English a person reads: a review holds for just that."""
    return _fingerprint({field: getattr(campaign, field) for field in READ})


def fingerprints(campaigns: dict[str, CampaignFile]) -> Iterable[tuple[str, str]]:
    """Key and fingerprint of every campaign, for the person who reviews a translation."""
    for slug, file in campaigns.items():
        yield f"campaigns/{slug}", _fingerprint(msgspec.to_builtins(_reviewable(file)))


def is_reviewed(campaign: Campaign, code: str) -> bool:
    """Whether a person has read the campaign in that language, as its English is now."""
    reviews: Any = campaign.reviewed or {}
    review = reviews.get(code, {})
    return code == language.ENGLISH.code or review.get("of") == fingerprint(campaign)


class _Shelf:
    consents: dict[str, dict[str, ConsentText]]
    cleared = -1


_shelf = _Shelf()


def _reviewable(file: CampaignFile) -> dict[str, Any]:
    return {field: getattr(file, field, None) for field in READ}


def _fingerprint(fields: dict[str, Any]) -> str:
    targets = [target[key] for target in fields["targets"] or [] for key in ("name", "why")]
    texts = [fields[field] for field in READ if field != "targets"] + targets
    english = [text["en"] for text in texts if text]
    return hashlib.sha256(json.dumps(english).encode()).hexdigest()[:8]


async def _read_consents() -> dict[str, dict[str, ConsentText]]:
    texts = await ConsentText.objects().order_by(ConsentText.since, ConsentText.id)
    newest = {(text.language, text.purpose): text for text in texts}
    return {
        code: {purpose: newest[code, purpose] for purpose in PURPOSES if (code, purpose) in newest}
        for code in dict.fromkeys(text.language for text in texts)
    }


async def _load_consents(file: ConsentsFile) -> int:
    """Add the texts that differ from the newest ones there are."""
    there = await _read_consents()
    added = 0
    for purpose in PURPOSES:
        for code, words in msgspec.to_builtins(getattr(file, purpose)).items():
            digest = hashlib.sha256(words.encode()).hexdigest()
            before = there.get(code, {}).get(purpose)
            if before is None or before.hash != digest:
                await ConsentText.insert(
                    ConsentText(purpose=purpose, language=code, words=words, hash=digest)
                )
                added += 1
    return added


def _row(file: CampaignFile) -> dict[str, Any]:
    return {
        "slug": file.slug,
        "state": CampaignState.LIVE,
        "title": _json(file.title),
        "ask": _json(file.ask),
        "story": _json(file.story),
        "pledge_words": _json(file.pledge_words),
        "targets": _json(file.targets),
        "partners": _json(file.partners),
        "sources": _json([_source(source) for source in file.sources]),
        "counties": file.counties,
        "goals": file.goals,
        "opens_on": file.opens_on.first if file.opens_on else None,
        "closes_on": file.closes_on.first if file.closes_on else None,
        "reviewed": _json(
            {
                code: {"by": review.by, "on": review.on.written, "of": review.of}
                for code, review in file.reviewed.items()
            }
        )
        if file.reviewed
        else None,
    }


def _source(source: Any) -> dict[str, Any]:
    return {
        "title": source.title,
        "publisher": source.publisher,
        "url": source.url,
        "published_on": source.published_on.written if source.published_on else None,
        "read_on": source.read_on.written,
        "grade": source.grade,
    }


def _json(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
