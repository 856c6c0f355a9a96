"""Changes to the record, from draft to decision, and what still waits for someone.

A change is a row that says what the record was to say, of which facts, and why. Approving it makes
the facts' rows just as a load of the files would, and marks them as changed at the desk, so that
neither the next load nor anyone else overwrites them silently.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from backend.counties.tables import County
from backend.database import DB, announce_change
from backend.policies import entries, files, loading, queries
from backend.policies.entries import Entry, FactName
from backend.policies.tables import Change, ChangedFact, Conflict, Figure, Law, Practice, Rule
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web.errors import Refused
from backend.web.language import gettext as _

DRAFT, APPROVED, TURNED_DOWN, WITHDRAWN = "draft", "approved", "turned_down", "withdrawn"
PAGE = 30


@dataclass(frozen=True)
class Part:
    """One fact of a change: `before` None when it is added, `after` None when it is retired."""

    name: FactName
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True)
class Told:
    """A change with its facts and the names of who made and decided it."""

    change: Change
    parts: tuple[Part, ...]
    made_by: str
    decided_by: str

    @property
    def counties(self) -> list[str]:
        return sorted({part.name.file for part in self.parts})


async def propose(by: Account, action: str, parts: Sequence[Part], why: dict[str, str]) -> Change:
    """A draft, for somebody to decide. Raises Refused when it changes nothing, or when a fact is
    not as the proposer saw it."""
    if all(part.before == part.after for part in parts):
        raise Refused(_("Nothing is different. Change something, or go back."))
    async with DB.transaction():
        await _as_seen(parts)
        same = await _same_draft(by, action, parts)
        if same is not None:
            return same
        change = Change(
            state=DRAFT,
            action=action,
            why=why or None,
            made_by=by.id,
            public=not all(entries.says_the_same(part.before, part.after) for part in parts),
        )
        await change.save()
        await ChangedFact.insert(
            *(
                ChangedFact(
                    change=change.id,
                    file=part.name.file,
                    kind=part.name.kind,
                    entry_id=part.name.entry_id,
                    before=part.before,
                    after=part.after,
                )
                for part in parts
            )
        )
        await audit.write(by.name, "change_proposed", _subject(parts), change=change.id)
    return change


async def look_again(by: Account, part: Part) -> Change:
    """Somebody looked and the fact stands: only its days change, so nobody else has to agree."""
    change = await propose(by, "check", [part], {})
    await _decide(change.id, by, APPROVED, "", alone=True)
    return change


async def approve(id: int, by: Account) -> None:
    """Let the record say it from now on. Raises Refused: decided already, made by the same person,
    or the fact has changed since."""
    await _decide(id, by, APPROVED, "")


async def turn_down(id: int, by: Account, because: str) -> None:
    """Raises Refused."""
    await _decide(id, by, TURNED_DOWN, because)


async def withdraw(id: int, by: Account) -> None:
    """The maker takes it back. Raises Refused."""
    await _decide(id, by, WITHDRAWN, "")


async def why_not_approve(change: Change, by: Account) -> str:
    """Why this person may not be the one who approves, as a sentence, or nothing."""
    made_by: Any = change.made_by
    return await by.why_not_second(getattr(made_by, "id", made_by))


async def _decide(id: int, by: Account, state: str, because: str, alone: bool = False) -> None:
    async with DB.transaction():
        change = await Change.objects().where(Change.id == id).lock_rows("UPDATE").first()
        if change is None:
            raise Refused(_("There is no such change."))
        if change.state != DRAFT:
            raise Refused(_("Somebody has decided this already."))
        if state == APPROVED and not alone and (why := await why_not_approve(change, by)):
            raise Refused(why)
        if state == WITHDRAWN and change.made_by != by.id:
            raise Refused(_("Only who made a draft takes it back. You can turn it down."))
        parts = await _parts(id)
        if state == APPROVED:
            await _as_seen(parts)
            for part in parts:
                await _apply(part)
            await announce_change()
        change.state, change.decided_by, change.decided_at = state, by.id, now()
        change.decided_because = because
        await change.save()
        await audit.write(by.name, f"change_{state}", _subject(parts), change=id)
    if state == APPROVED:
        queries.forget()


async def _as_seen(parts: Sequence[Part]) -> None:
    """Raises Refused when a fact is not what the change says it was, or when the record would not
    hold together afterwards."""
    await loading.lock()
    standing = await entries.present()
    if any(standing.get(part.name) != part.before for part in parts):
        raise Refused(
            _("The fact has changed since this was written. Look at it again and start anew.")
        )
    _hold_together(parts, standing)


def _hold_together(parts: Sequence[Part], standing: dict[FactName, Entry]) -> None:
    """Raises Refused for what the files' reader would refuse, of these facts and of those that
    lean on them; otherwise nobody could write the record into the files any more."""
    after = dict(standing)
    for part in parts:
        if part.after is None:
            after.pop(part.name, None)
        else:
            after[part.name] = part.after
    laws = {name.entry_id for name in after if name.kind == "law"}
    named = {
        name
        for name, entry in after.items()
        if name.kind == "rule" and entry.get("law") and entry["law"] not in laws
    }
    if named - {part.name for part in parts}:
        raise Refused(_("Rules name this law. Change those first."))
    state = {name.entry_id for name in after if (name.file, name.kind) == ("state", "rule")}
    if {*_disputed_of_the_state(after)} - state:
        raise Refused(_("A report says that this rule is not followed. Change that report first."))
    for file in sorted({part.name.file for part in parts}):
        was, will = (_mistakes_of(file, which, laws) for which in (standing, after))
        for name, sentence in sorted(will - was):
            if name not in {part.name for part in parts}:
                raise Refused(
                    _("A report says that this rule is not followed. Change that report first.")
                )
            raise Refused(sentence)


def _disputed_of_the_state(facts: dict[FactName, Entry]) -> Iterator[str]:
    """Ids of the state's rules that a county's report contradicts."""
    for entry in facts.values():
        disputes = entry.get("disputes") or ""
        if disputes.startswith(files.OF_THE_STATE):
            yield disputes.removeprefix(files.OF_THE_STATE)


def _mistakes_of(
    file: str, among: dict[FactName, Entry], laws: set[str]
) -> set[tuple[FactName, str]]:
    mine = [(name, entry) for name, entry in among.items() if name.file == file]
    try:
        whole = entries.as_file(file, mine)
    except msgspec.ValidationError:
        raise Refused(_("This does not fit the record any more. Start anew.")) from None
    found = set()
    for steps, sentence in files.mistakes(file, whole, laws):
        kind = next(kind for kind, group in entries.GROUPS.items() if group == steps[0])
        of_kind = [name for name, _entry in mine if name.kind == kind]
        found.add((of_kind[int(steps[1])], sentence))
    return found


async def _same_draft(by: Account, action: str, parts: Sequence[Part]) -> Change | None:
    """The draft that a second press of the button would make once more."""
    mine = (Change.state == DRAFT) & (Change.made_by == by.id) & (Change.action == action)
    for change in await Change.objects().where(mine):
        if await _parts(change.id) == list(parts):
            return change
    return None


async def _apply(part: Part) -> None:
    """Make the rows of the fact say it, and mark them as the desk's."""
    table: Any = entries.TABLES[part.name.kind]
    wanted = await _rows(part.name, part.after) if part.after is not None else []
    standing = {
        row["key"]: row
        for row in await table.select(
            table.id, table.key, table.content_hash, table.retired_at, table.desk_base
        ).where(_rows_named(table, part.name))
    }
    bases = {key: base for key, row in standing.items() if (base := _base(row))}
    for row in wanted:
        marked = {**row, "loaded_at": now(), "desk_base": bases.get(row["key"], "")}
        before = standing.pop(row["key"], None)
        if before is None:
            await table.insert(table(**marked))
        else:
            await table.update({**marked, "retired_at": None}).where(table.id == before["id"])
    for gone in standing.values():
        retired_at = gone["retired_at"] or now()
        await table.update(
            {table.retired_at: retired_at, table.desk_base: bases.get(gone["key"], "")}
        ).where(table.id == gone["id"])
    in_files = await _in_files(part.name)
    if in_files == part.after or bases == {row["key"]: row["content_hash"] for row in wanted}:
        # The files say so already: it is theirs again.
        await table.update({table.desk_base: None}).where(_rows_named(table, part.name))
        await Conflict.delete().where(Conflict.key == str(part.name))


def _rows_named(table: Any, name: FactName) -> Any:
    return (table.key == name.key) | table.key.like(f"{name.key}/%")


async def _in_files(name: FactName) -> Entry | str | None:
    """What the files say of a fact in conflict; "" of any other."""
    found = await Conflict.select(Conflict.in_files).where(Conflict.key == str(name)).first()
    if found is None:
        return ""
    return entries.canonical(name.kind, found["in_files"]) if found["in_files"] else None


def _base(row: dict[str, Any]) -> str:
    """What the files say of the row: their hash, or "" when they do not know it."""
    if row["desk_base"] is not None:
        return str(row["desk_base"])
    return "" if row["retired_at"] else str(row["content_hash"])


async def _rows(name: FactName, entry: Entry) -> list[dict[str, Any]]:
    counties = {row["slug"]: row["id"] for row in await County.select(County.slug, County.id)}
    laws, successor = await loading.law_ids(), await _successor(name, entry)
    try:
        return loading.rows_of(name, entry, counties, laws, successor)
    except (msgspec.ValidationError, KeyError):
        raise Refused(_("This does not fit the record any more. Start anew.")) from None


async def _successor(name: FactName, entry: Entry) -> tuple[FactName, Entry] | None:
    """The rule that ended this one, as it stands."""
    if not entry.get("superseded_by"):
        return None
    ended_by = FactName(name.file, name.kind, entry["superseded_by"])
    found = (await entries.present({name.file})).get(ended_by)
    return (ended_by, found) if found else None


async def told(id: int) -> Told | None:
    """One change, whole."""
    change = await Change.objects(Change.made_by, Change.decided_by).where(Change.id == id).first()
    return _told(change, await _parts(id)) if change is not None else None


async def history(name: FactName) -> list[Told]:
    """What was changed in a fact, newest first; of each change, this fact's part."""
    mine = (
        (ChangedFact.file == name.file)
        & (ChangedFact.kind == name.kind)
        & (ChangedFact.entry_id == name.entry_id)
    )
    ids = await ChangedFact.select(ChangedFact.change).where(mine).output(as_list=True)
    return [
        Told(each.change, tuple(p for p in each.parts if p.name == name), *_names(each))
        for each in await _several(Change.id.is_in(ids))
    ] if ids else []  # fmt: skip


async def drafts() -> list[Told]:
    return await _several(Change.state == DRAFT)


async def published(file: str | None = None, before: int | None = None) -> list[Told]:
    """What the public reads: approved changes that say something new, newest first, at most PAGE,
    of one county or `state`, decided before the change of that id was."""
    where = (Change.state == APPROVED) & (Change.public == True)  # noqa: E712
    if before is not None:
        # A draft may wait for long: what was decided last is the news, not what was written last.
        last = await Change.select(Change.decided_at).where(Change.id == before).first()
        if last is None or last["decided_at"] is None:
            return []
        at = last["decided_at"]
        where &= (Change.decided_at < at) | ((Change.decided_at == at) & (Change.id < before))
    if file is not None:
        ids = await (
            ChangedFact.select(ChangedFact.change)
            .where(ChangedFact.file == file)
            .output(as_list=True)
        )
        if not ids:
            return []
        where &= Change.id.is_in(ids)
    return await _several(where, PAGE, Change.decided_at)


async def _several(where: Any, most: int = 200, first_by: Any = Change.id) -> list[Told]:
    found = await (
        Change.objects(Change.made_by, Change.decided_by)
        .where(where)
        .order_by(first_by, Change.id, ascending=False)
        .limit(most)
    )
    if not found:
        return []
    rows = await (
        ChangedFact.select()
        .where(ChangedFact.change.is_in([change.id for change in found]))
        .order_by(ChangedFact.id)
    )
    parts: dict[int, list[Part]] = {}
    for row in rows:
        parts.setdefault(row["change"], []).append(_part(row))
    return [_told(change, parts.get(change.id, [])) for change in found]


async def _parts(change: int) -> list[Part]:
    rows = await ChangedFact.select().where(ChangedFact.change == change).order_by(ChangedFact.id)
    return [_part(row) for row in rows]


def _part(row: dict[str, Any]) -> Part:
    name = FactName(row["file"], row["kind"], row["entry_id"])
    before, after = (
        entries.canonical(name.kind, entry) if entry is not None else None
        for entry in (row["before"], row["after"])
    )
    return Part(name, before, after)


def _told(change: Change, parts: Sequence[Part]) -> Told:
    people: Any = (change.made_by, change.decided_by)
    made, decided = (getattr(account, "name", None) or "" for account in people)
    return Told(change, tuple(parts), made, decided)


def _names(told: Told) -> tuple[str, str]:
    return told.made_by, told.decided_by


def _subject(parts: Sequence[Part]) -> str:
    return ", ".join(str(part.name) for part in parts)[:160]


async def use_the_files(conflict: Conflict, by: Account) -> Change:
    """End a conflict: propose what the files say."""
    name = FactName(conflict.file, conflict.kind, conflict.entry_id)
    standing = (await entries.present({name.file})).get(name)
    in_files: Any = conflict.in_files
    after = entries.canonical(name.kind, in_files) if in_files is not None else None
    return await propose(by, "correct" if after else "retire", [Part(name, standing, after)],
                         {"en": "The files have it so."})  # fmt: skip


async def keep_the_desks(conflict: Conflict, by: Account) -> None:
    """End a conflict: what the desk says stands on what the files say now, and the next export
    writes it there."""
    name = FactName(conflict.file, conflict.kind, conflict.entry_id)
    table: Any = entries.TABLES[name.kind]
    in_files: Any = conflict.in_files
    rows = await _rows(name, entries.canonical(name.kind, in_files)) if in_files else []
    hashes = {row["key"]: row["content_hash"] for row in rows}
    async with DB.transaction():
        await loading.lock()
        for row in await table.select(table.id, table.key).where(_rows_named(table, name)):
            base = hashes.pop(row["key"], "")
            await table.update({table.desk_base: base}).where(table.id == row["id"])
        for row in rows:
            # An answer that only the files know: kept as one that the desk does not want.
            if row["key"] in hashes:
                await table.insert(table(**row, retired_at=now(), desk_base=row["content_hash"]))
        await Conflict.delete().where(Conflict.id == conflict.id)
        await audit.write(by.name, "conflict_decided", str(name))


def mistakes_in(
    name: FactName, entry: Entry, standing: dict[FactName, Entry]
) -> list[tuple[str, str]]:
    """What is wrong with an entry among the others of its file: the key it stands under and the
    sentence the files' reader has for it."""
    whole = {**{other: each for other, each in standing.items() if other.file == name.file}}
    whole[name] = entry
    try:
        file = entries.as_file(name.file, whole.items())
    except msgspec.ValidationError as error:
        sentence, _sep, where = str(error).partition(" - at `")
        return [(_key_in(where), sentence)]
    group = entries.GROUPS[name.kind]
    place = [getattr(fact, "slug", None) or fact.id for fact in getattr(file, group)].index(
        name.entry_id
    )
    laws = {other.entry_id for other in standing if other.kind == "law"}
    return [
        (str(steps[2]) if len(steps) > 2 else "", sentence)
        for steps, sentence in files.mistakes(name.file, file, laws or None)
        if list(steps[:2]) == [group, place]
    ]


def _key_in(where: str) -> str:
    """`$.rules[3].from` stands under `from`."""
    parts = where.rstrip("`").split(".")
    return parts[2].split("[")[0] if len(parts) > 2 else ""


async def names_in(file: str) -> set[str]:
    """What facts of a file are called or were once, and what drafts want to call one."""
    names = await (
        ChangedFact.select(ChangedFact.entry_id)
        .where(ChangedFact.file == file)
        .output(as_list=True)
    )
    taken = set(names)
    for kind, table in entries.TABLES.items():
        rows = await table.select(table.key).where(table.key.like(f"{file}/%"))
        taken |= {entries.named(kind, row["key"]).entry_id for row in rows}
    return taken


async def drafts_waiting() -> int:
    """Changes that someone has to decide."""
    return int(await Change.count().where(Change.state == DRAFT))


async def facts_due(today: datetime.date) -> int:
    """Facts whose day for another look has passed. A rule of several answers counts once."""
    keys: set[str] = set()
    for table in (Law, Rule, Practice, Figure):
        rows = await table.select(table.key).where(
            table.retired_at.is_null(), table.review_by < today
        )
        keys |= {f"{table.__name__}/{'/'.join(row['key'].split('/')[:2])}" for row in rows}
    return len(keys)


async def not_exported() -> int:
    """Facts that the desk changed and the files do not say yet."""
    keys: set[str] = set()
    for table in (Law, Rule, Practice, Figure):
        rows = await table.select(table.key).where(table.desk_base.is_not_null())
        keys |= {f"{table.__name__}/{'/'.join(row['key'].split('/')[:2])}" for row in rows}
    return len(keys)


async def conflicts() -> int:
    """Facts that the files and the desk changed each in their own way."""
    return int(await Conflict.count())
