"""`python -m backend export`: what the desk changed goes back into the files.

Only the lines of the facts concerned, and of sources that come or go, are written anew; every other
line stays as it is, so that a person can review the difference like any other change.
"""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from backend.database import DB
from backend.policies import entries, files, loading
from backend.policies.entries import GROUPS, ORDER, SOURCE_ORDER, Entry, FactName, Source

INDENT = "    "


@dataclass(frozen=True)
class Difference:
    """A fact that the desk changed and the files do not say; None where it is not there. In a
    `conflict` the files changed as well."""

    name: FactName
    desk: Entry | None
    in_files: Entry | None
    conflict: bool = False

    def __str__(self) -> str:
        if self.conflict:
            return f"{self.name}: CONFLICT, changed at the desk and in the files"
        if self.in_files is None:
            return f"{self.name}: only at the desk"
        return f"{self.name}: {'changed' if self.desk else 'retired'} at the desk"


async def differences(folder: Path = files.FOLDER) -> list[Difference]:
    """Every fact that the desk changed and the files do not say yet. What only the files changed
    is not the desk's: the next load takes it. Raises files.RecordError."""
    record = loading.check(folder)
    found = {
        step.name: step.found
        for step in await loading.compare(record)
        if step.found in (loading.DESK, loading.CONFLICT)
    }
    if not found:
        return []
    in_files, desk = entries.all_of(record), await entries.present()
    return [
        Difference(name, desk.get(name), in_files.get(name), found[name] == loading.CONFLICT)
        for name in sorted(found)
    ]


async def export(folder: Path = files.FOLDER) -> list[Difference]:
    """Write the differences into the files and load them, so that both say the same. The files are
    replaced only when all of them can be read and say just what the desk says. A conflict is left
    as it is, for an editor to decide. Raises files.RecordError."""
    async with DB.transaction():
        # Nobody approves anything between the look at the record and the load.
        await loading.lock()
        every = await differences(folder)
        found = [each for each in every if not each.conflict]
        if found:
            _write(folder, found)
            await loading.load(folder)
    return every


def _write(folder: Path, found: list[Difference]) -> None:
    with tempfile.TemporaryDirectory() as name:
        draft = Path(name) / "data"
        shutil.copytree(folder, draft)
        changed = sorted({each.name.file for each in found})
        for file in changed:
            path = draft / f"{file}.yaml"
            mine = [each for each in found if each.name.file == file]
            path.write_text(_written(path.read_text("utf-8"), mine), "utf-8")
        said = entries.all_of(loading.check(draft))
        wrong = [str(each.name) for each in found if said.get(each.name) != each.desk]
        if wrong:
            raise files.RecordError([f"{key}: the file would not say the same" for key in wrong])
        for file in changed:
            # Written beside it first: a file is there whole, or as it was.
            beside = folder / f"{file}.yaml.new"
            shutil.copyfile(draft / f"{file}.yaml", beside)
            beside.replace(folder / f"{file}.yaml")


@dataclass
class _Text:
    """A file's lines, and what is to stand at some of them instead. Places are those of the
    unchanged file, so they hold whatever is replaced before them."""

    lines: list[str]
    instead: dict[int, tuple[int, list[str]]] = field(default_factory=dict)

    def replace(self, start: int, end: int, lines: list[str]) -> None:
        before = self.instead.get(start)
        if before is not None and before[0] == end == start:
            lines = [*before[1], *lines]
        self.instead[start] = (end, lines)

    def whole(self) -> str:
        out: list[str] = []
        at = 0
        while at <= len(self.lines):
            if at in self.instead:
                end, lines = self.instead[at]
                out += lines
                if end > at:
                    at = end
                    continue
            if at < len(self.lines):
                out.append(self.lines[at])
            at += 1
        return "\n".join(out).rstrip("\n") + "\n"


@dataclass(frozen=True)
class _Item:
    """An entry's or a source's lines: `start` its first, `end` behind its last with words, `next`
    where the following begins."""

    name: str
    start: int
    end: int
    next: int


def _written(text: str, differences: Iterable[Difference]) -> str:
    found = list(differences)
    text_lines = _Text(text.splitlines())
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    assert isinstance(root, yaml.MappingNode)
    top = {key.value: (key, value) for key, value in root.value}
    ends = _ends(root, len(text_lines.lines))
    sources = {key.value: _plain(value) for key, value in top["sources"][1].value}
    cited = _cited(root, found)
    new: dict[str, Source] = {}
    for each in found:
        if each.desk is not None:
            names = [_name_of(source, sources, new) for source in each.desk["sources"]]
            cited |= set(names)
    for group in GROUPS.values():
        mine = [each for each in found if GROUPS[each.name.kind] == group]
        if not mine:
            continue
        if group not in top:
            added = [_lines(each, sources | new) for each in mine]
            text_lines.replace(len(text_lines.lines), len(text_lines.lines),
                               ["", f"{group}:", *_apart(added)])  # fmt: skip
            continue
        key, node = top[group]
        items = _items_of_sequence(node, ends[group], text_lines.lines)
        _write_group(text_lines, group, key.start_mark.line, items, mine, sources | new)
    _write_sources(text_lines, top["sources"], ends["sources"], cited, new)
    return text_lines.whole()


def _write_group(
    text: _Text,
    group: str,
    heading: int,
    items: list[_Item],
    found: list[Difference],
    sources: dict[str, Source],
) -> None:
    by_name = {each.name.entry_id: each for each in found}
    gone = {each.name.entry_id for each in found if each.desk is None}
    added = [_lines(each, sources) for each in found if each.in_files is None]
    if gone >= {item.name for item in items} and not added:
        text.replace(heading, items[-1].end, [f"{group}: []"])
        return
    for item in items:
        each = by_name.get(item.name)
        if each is None:
            continue
        if each.desk is None:
            text.replace(item.start, item.next, [])
        else:
            text.replace(item.start, item.end, _lines(each, sources))
    if added and items:
        last = items[-1]
        # Before the last one's gap, so that the gap stays where it was.
        if last.name in gone:
            text.replace(last.start, last.end, _apart(added))
        elif last.name in by_name:
            changed = _lines(by_name[last.name], sources)
            text.replace(last.start, last.end, [*changed, "", *_apart(added)])
        else:
            text.replace(last.end, last.end, ["", *_apart(added)])
    elif added:
        text.replace(heading, heading + 1, [f"{group}:", *_apart(added)])


def _write_sources(
    text: _Text,
    top: tuple[yaml.Node, yaml.Node],
    end: int,
    cited: set[str],
    new: dict[str, Source],
) -> None:
    key, node = top
    assert isinstance(node, yaml.MappingNode)
    lines: list[str] = []
    for name, source in new.items():
        lines.append(f"  {name}:")
        lines += [
            f"{INDENT}{part}: {_scalar(source[part])}" for part in SOURCE_ORDER if part in source
        ]
    heading, behind = key.start_mark.line, _last_words(text.lines, end)
    starts = [name.start_mark.line for name, _value in node.value]
    gone = [name.value not in cited for name, _value in node.value]
    if all(gone):
        text.replace(heading, behind, ["sources:", *lines] if lines else ["sources: {}"])
        return
    for index, start in enumerate(starts):
        if gone[index]:
            text.replace(start, starts[index + 1] if index + 1 < len(starts) else behind, [])
    if lines:
        text.replace(behind, behind, lines)


def _cited(root: yaml.MappingNode, found: list[Difference]) -> set[str]:
    """The sources that facts which stay as they are name."""
    changed = {(GROUPS[each.name.kind], each.name.entry_id) for each in found}
    cited: set[str] = set()
    for key, node in root.value:
        if key.value not in GROUPS.values():
            continue
        for item in node.value:
            plain = {part.value: value for part, value in item.value}
            name = plain["slug" if key.value == "laws" else "id"].value
            if (key.value, name) not in changed:
                cited |= {source.value for source in plain["sources"].value}
    return cited


def _items_of_sequence(node: yaml.Node, end: int, lines: list[str]) -> list[_Item]:
    assert isinstance(node, yaml.SequenceNode)
    starts = [item.start_mark.line for item in node.value]
    items = []
    for index, item in enumerate(node.value):
        following = starts[index + 1] if index + 1 < len(starts) else end
        name = next(value.value for key, value in item.value if key.value in ("id", "slug"))
        # A comment above the next entry belongs to that one.
        last = _last_words(lines, following)
        while last > starts[index] and lines[last - 1].lstrip().startswith("#"):
            last = _last_words(lines, last - 1)
        items.append(_Item(name, starts[index], last, following))
    return items


def _ends(root: yaml.MappingNode, length: int) -> dict[str, int]:
    """Where each part of the file ends: at the line of the next one's name."""
    starts = [key.start_mark.line for key, _value in root.value]
    return {
        key.value: starts[index + 1] if index + 1 < len(starts) else length
        for index, (key, _value) in enumerate(root.value)
    }


def _last_words(lines: list[str], end: int) -> int:
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    return end


def _name_of(source: Source, sources: dict[str, Source], new: dict[str, Source]) -> str:
    """What the file calls this source; a new one gets a name that nobody has."""
    for name, other in (*sources.items(), *new.items()):
        if other == source:
            return name
    publisher = "".join(
        sign if sign.isascii() and sign.isalnum() else "-" for sign in source["publisher"].lower()
    )
    stem = "-".join(filter(None, publisher.split("-")))[:40].strip("-") or "source"
    stem += f"-{source['published_on']}" if source.get("published_on") else ""
    name, number = stem, 2
    while name in sources or name in new:
        name, number = f"{stem}-{number}", number + 1
    new[name] = source
    return name


def _lines(each: Difference, sources: dict[str, Source]) -> list[str]:
    """An entry as the files write it."""
    assert each.desk is not None
    own = "slug" if each.name.kind == "law" else "id"
    lines = [f"  - {own}: {each.name.entry_id}"]
    for key in ORDER[each.name.kind]:
        if key == "sources":
            cited = [
                next(name for name, other in sources.items() if other == source)
                for source in each.desk["sources"]
            ]
            lines.append(f"{INDENT}sources: [{', '.join(cited)}]")
        elif key == "answers" and not each.desk.get(key):
            lines.append(f"{INDENT}answers: {{}}")
        elif key in each.desk:
            lines += _value(key, each.desk[key], INDENT)
    return lines


def _value(key: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, dict):
        inner = (f"{indent}  {name}: {_scalar(words)}" for name, words in value.items())
        return [f"{indent}{key}:", *inner]
    if isinstance(value, list):
        lines = [f"{indent}{key}:"]
        for each in value:
            first, *rest = (f"{name}: {_scalar(words)}" for name, words in each.items())
            lines += [f"{indent}  - {first}", *(f"{indent}    {line}" for line in rest)]
        return lines
    return [f"{indent}{key}: {_scalar(value)}"]


class _AsText(yaml.SafeDumper):
    """`no`, `2014` and `2014-05` need no quotes: the files are read without guessing."""


_AsText.yaml_implicit_resolvers = {}


def _scalar(value: Any) -> str:
    """A text without quotes where YAML needs none; every value is read as text."""
    dumped: str = yaml.dump(str(value), Dumper=_AsText, allow_unicode=True, width=float("inf"))
    return dumped.removesuffix("\n").removesuffix("\n...")


def _apart(blocks: list[list[str]]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        lines += [*([""] if lines else []), *block]
    return lines


def _plain(node: yaml.Node) -> Source:
    return {key.value: value.value for key, value in node.value}
