"""Exclusion: setting pledges aside in bulk, all that match a pattern, for a reason the public can
read.

First a job looks and a person sees how many match, and a few of them; then the same job sets them
aside. Names and contacts are sealed, so it opens pledge by pledge, a page of them in each
transaction: it goes on after a crash where it was, and nothing is moved twice. Undoing brings every
pledge back to what it was.
"""

import datetime
import fnmatch
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from backend.campaigns import pledges, tallies
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, ConsentText, Pledge, SettingAside
from backend.counties.tables import County
from backend.database import DB, announce_change
from backend.policies import queries
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web import jobs
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.sealing import DataKey

TABLE = "setting_aside"
PAGE = 500
SAMPLES = 10
# How a name or contact is compared.
WAYS = ("is", "contains", "pattern")
OPEN_FIELDS = ("county", "since", "until", "source", "state", "consent")
HIDDEN_FIELDS = ("domain", "name", "name_way", "contact", "contact_way")
STATES = {"awaiting": PledgeState.AWAITING, "confirmed": PledgeState.CONFIRMED}


@dataclass(frozen=True)
class Pattern:
    """What a pledge must be like, all of it at once; what is empty does not matter. `since` and
    `until` are moments with their zone. `domain` is what follows the @, or ends it after a dot."""

    county: str = ""
    since: str = ""
    until: str = ""
    source: str = ""
    state: str = ""
    consent: str = ""
    domain: str = ""
    name: str = ""
    name_way: str = "contains"
    contact: str = ""
    contact_way: str = "contains"

    def kinds(self) -> list[str]:
        """Which fields count. That much the audit trail and the page may say."""
        ways = ("name_way", "contact_way")
        return [name for name, value in asdict(self).items() if value and name not in ways]

    def is_hidden(self) -> bool:
        """Whether pledges have to be opened to know."""
        return bool(self.domain or self.name or self.contact)

    def matcher(self) -> Callable[[str, str], bool]:
        """Whether a name and a contact are meant."""
        of_name, of_contact = _like(self.name, self.name_way), _like(self.contact, self.contact_way)
        domain = _plain(self.domain).removeprefix("@")

        def meant(name: str, contact: str) -> bool:
            _local, _at, here = _plain(contact).rpartition("@")
            there = not domain or here == domain or here.endswith(f".{domain}")
            return there and of_name(_plain(name)) and of_contact(_plain(contact))

        return meant


async def look_for(campaign: Campaign, by: Account, pattern: Pattern, reason: str) -> SettingAside:
    """Begin to look which pledges are meant. Nothing is set aside yet."""
    given = asdict(pattern)
    async with DB.transaction():
        aside = SettingAside(
            campaign=campaign.id,
            pattern={name: given[name] for name in OPEN_FIELDS} | {"kinds": pattern.kinds()},
            reason=reason,
            made_by=by.id,
            made_at=now(),
        )
        await aside.save()
        if pattern.is_hidden():
            key = DataKey.new(TABLE, aside.id)
            hidden = json.dumps({name: given[name] for name in HIDDEN_FIELDS})
            columns: dict[Any, Any] = {
                SettingAside.data_key: key.wrapped(),
                SettingAside.sealed: key.seal("sealed", hidden),
            }
            await SettingAside.update(columns).where(SettingAside.id == aside.id)
        await _enqueue("set_aside", aside.id)
        await audit.write(by.name, "aside_looked", f"campaign {campaign.slug}", aside=aside.id,
                          kinds=pattern.kinds())  # fmt: skip
    return aside


async def begin(campaign: Campaign, id: int, by: Account) -> None:
    """Set aside what was found. Raises Refused."""
    async with DB.transaction():
        aside = await _alone(id, campaign)
        if aside is None or aside.looked_at is None or aside.begun_at is not None:
            raise Refused(_("This was begun already, or it still looks. Load the page again."))
        if not aside.matched:
            raise Refused(_("No pledge is like that. There is nothing to set aside."))
        aside.begun_at = now()
        aside.looked, aside.seen_at, aside.seen_id = 0, None, None
        await aside.save()
        await _enqueue("set_aside", id)
        await audit.write(by.name, "set_aside", f"campaign {campaign.slug}", aside=id,
                          found=aside.matched, reason=aside.reason)  # fmt: skip


async def drop(campaign: Campaign, id: int, by: Account) -> None:
    """Forget what was looked for. Raises Refused when it was begun."""
    async with DB.transaction():
        aside = await _alone(id, campaign)
        if aside is None or aside.begun_at is not None:
            raise Refused(_("This was begun already. You can undo it."))
        await SettingAside.delete().where(SettingAside.id == id)
        await audit.write(by.name, "aside_dropped", f"campaign {campaign.slug}", aside=id)


async def undo(campaign: Campaign, id: int, by: Account) -> None:
    """Bring all of them back. Raises Refused the second time."""
    async with DB.transaction():
        aside = await _alone(id, campaign)
        if aside is None or aside.begun_at is None or aside.undone_at is not None:
            raise Refused(_("This was undone already, or it was never begun."))
        # From now on the job sets nothing more aside.
        aside.undone_at = now()
        await aside.save()
        await _enqueue("undo_set_aside", id)
        await announce_change()
        await audit.write(by.name, "aside_undone", f"campaign {campaign.slug}", aside=id)
    queries.forget()


async def with_id(campaign: Campaign, id: int) -> SettingAside | None:
    if not 0 < id <= LARGEST_ID:
        return None
    found: SettingAside | None = await (
        SettingAside.objects(SettingAside.made_by)
        .where(SettingAside.id == id, SettingAside.campaign == campaign.id)
        .first()
    )
    return found


async def all_of(campaign: Campaign) -> list[SettingAside]:
    """The newest first."""
    found: list[SettingAside] = await (
        SettingAside.objects()
        .where(SettingAside.campaign == campaign.id)
        .order_by(SettingAside.id, ascending=False)
        .limit(100)
    )
    return found


async def samples(aside: SettingAside) -> list[pledges.Opened]:
    """A few of those that were found, opened. Who looks at them writes it into the trail."""
    if not aside.samples:
        return []
    rows = await Pledge.select().where(Pledge.id.is_in(aside.samples)).order_by(Pledge.signed_at)
    return [pledges.opened(row) for row in rows]


async def set_aside(data: dict[str, Any]) -> None:
    """The job: look, or set aside once somebody began it. `{aside: id}`."""
    while await _one_page(data["aside"]):
        pass


async def undo_set_aside(data: dict[str, Any]) -> None:
    """The job that brings pledges back: whoever had confirmed is confirmed again."""
    while await _one_page_back(data["aside"]):
        pass


async def remove_unused(before: datetime.datetime) -> int:
    """Retention: what was looked for and never begun. It may hold a name."""
    old = SettingAside.begun_at.is_null() & (SettingAside.made_at < before)
    return len(await SettingAside.delete().where(old).returning(SettingAside.id))


async def _one_page(id: int) -> bool:
    """Look at the next pledges. False when there is nothing more to do."""
    async with DB.transaction():
        aside = await _alone(id)
        if aside is None or aside.undone_at or aside.done_at:
            return False
        if aside.begun_at is None and aside.looked_at is not None:
            return False
        pattern = _pattern_of(aside)
        rows: list[dict[str, Any]] = await _next(aside, pattern)
        meant = pattern.matcher()
        found = [row["id"] for row in rows if _is_meant(row, pattern, meant)]
        if rows:
            aside.seen_at, aside.seen_id = rows[-1]["signed_at"], rows[-1]["id"]
        aside.looked += len(rows)
        if aside.begun_at is None:
            aside.matched += len(found)
            aside.samples = [*aside.samples, *found[: SAMPLES - len(aside.samples)]]
            aside.looked_at = None if rows else now()
        else:
            here: dict[Any, Any] = {Pledge.set_aside_by: id}
            if found:
                aside.number += await tallies.move(found, PledgeState.SET_ASIDE, here)
            if not rows:
                aside.done_at = now()
                # The pattern has done its work, and may hold a name.
                aside.data_key = aside.sealed = None
                aside.samples = []
                await announce_change()
        await aside.save()
    if not rows:
        queries.forget()
        return False
    return True


async def _next(aside: SettingAside, pattern: Pattern) -> list[dict[str, Any]]:
    """The next pledges that what is not sealed does not rule out."""
    where: list[Any] = [Pledge.campaign == aside.campaign, Pledge.signed_at <= aside.made_at]
    states = [STATES[pattern.state]] if pattern.state in STATES else list(STATES.values())
    where.append(Pledge.state.is_in(states))
    if pattern.county:
        county = await County.select(County.id).where(County.slug == pattern.county).first()
        where.append(Pledge.county == (county["id"] if county else 0))
    if pattern.since:
        where.append(Pledge.signed_at >= datetime.datetime.fromisoformat(pattern.since))
    if pattern.until:
        where.append(Pledge.signed_at < datetime.datetime.fromisoformat(pattern.until))
    if pattern.source:
        where.append(Pledge.source == pattern.source)
    if pattern.consent:
        where.append(await agreed_to(pattern.consent))
    if aside.seen_at is not None:
        later = (Pledge.signed_at == aside.seen_at) & (Pledge.id > aside.seen_id)
        where += [Pledge.signed_at >= aside.seen_at, (Pledge.signed_at > aside.seen_at) | later]
    rows: list[dict[str, Any]] = await (
        Pledge.select(Pledge.id, Pledge.signed_at, Pledge.data_key, Pledge.name, Pledge.contact)
        .where(*where)
        .order_by(Pledge.signed_at, Pledge.id)
        .limit(PAGE)
    )
    return rows


async def agreed_to(purpose: str) -> Any:
    """A condition: the signer agreed to that purpose, in whichever words."""
    rows = await ConsentText.select(ConsentText.id).where(ConsentText.purpose == purpose)
    condition: Any = None
    for row in rows:
        one = Pledge.consents.any(row["id"])
        condition = one if condition is None else condition | one
    return Pledge.id.is_null() if condition is None else condition


def _is_meant(row: dict[str, Any], pattern: Pattern, meant: Callable[[str, str], bool]) -> bool:
    if not pattern.is_hidden():
        return True
    if row["data_key"] is None:
        return False
    key = DataKey.unwrap(row["data_key"], pledges.TABLE, row["id"])
    return meant(key.open("name", row["name"]), key.open("contact", row["contact"]))


async def _one_page_back(id: int) -> bool:
    async with DB.transaction():
        aside = await _alone(id)
        if aside is None or aside.undone_at is None or aside.back_at is not None:
            return False
        rows: list[dict[str, Any]] = await (
            Pledge.select(Pledge.id, Pledge.confirmed_at)
            .where(Pledge.set_aside_by == id, Pledge.state == PledgeState.SET_ASIDE)
            .order_by(Pledge.id)
            .limit(PAGE)
        )
        nothing: dict[Any, Any] = {Pledge.set_aside_by: None}
        for was, state in ((True, PledgeState.CONFIRMED), (False, PledgeState.AWAITING)):
            ids = [row["id"] for row in rows if (row["confirmed_at"] is not None) == was]
            if ids:
                aside.back += await tallies.move(ids, state, nothing)
        if not rows:
            aside.back_at = now()
            aside.data_key = aside.sealed = None
            aside.samples = []
        await aside.save()
    return bool(rows)


async def _alone(id: int, campaign: Campaign | None = None) -> SettingAside | None:
    """The row as it stands, and nobody else's to change until the transaction ends."""
    if not 0 < id <= LARGEST_ID:
        return None
    query = SettingAside.objects().where(SettingAside.id == id)
    if campaign is not None:
        query = query.where(SettingAside.campaign == campaign.id)
    found: SettingAside | None = await query.lock_rows("UPDATE").first()
    return found


def _pattern_of(aside: SettingAside) -> Pattern:
    given: Any = aside.pattern
    hidden: dict[str, str] = {}
    if aside.sealed and aside.data_key:
        key = DataKey.unwrap(aside.data_key, TABLE, aside.id)
        hidden = json.loads(key.open("sealed", aside.sealed))
    return Pattern(**{name: given[name] for name in OPEN_FIELDS}, **hidden)


def _like(wanted: str, way: str) -> Callable[[str], bool]:
    wanted = _plain(wanted)
    if not wanted:
        return lambda _text: True
    if way == "is":
        return lambda text: text == wanted
    if way == "contains":
        return lambda text: wanted in text
    # Only * and ? are signs of their own; `translate` makes an expression that cannot run away.
    expression = re.compile(fnmatch.translate(wanted.replace("[", "[[]")))
    return lambda text: expression.match(text) is not None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


async def _enqueue(job: str, id: int) -> None:
    await jobs.enqueue(job, {"aside": id}, key=f"{job} {id}")
