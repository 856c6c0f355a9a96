"""The changes of the record as an Atom feed (RFC 4287)."""

from collections.abc import Sequence

from backend.counties import gazetteer
from backend.policies.changes import Told
from backend.policies.text_diff import said_differently
from backend.web import atom
from backend.web.language import gettext as _
from backend.web.language import in_words


def places() -> dict[str, str]:
    """What the record's files are called for readers."""
    names = {county.slug: _("%(name)s County") % {"name": county.name}
             for county in gazetteer.counties()}  # fmt: skip
    return {"state": _("All of California"), **names}


def feed(found: Sequence[Told], file: str | None, code: str) -> bytes:
    """The changes, newest first, in the current language; of one file alone where it is named."""
    title = _("Changes in the record")
    return atom.feed(
        id=f"changes/{file}" if file else "changes",
        title=f"{title}: {places()[file]}" if file else title,
        about="/changes",
        query=f"?county={file}" if file else "",
        code=code,
        entries=map(_entry, found),
    )


def headline(told: Told) -> str:
    """Where, and why: what stands over a change."""
    names = places()
    where = ", ".join(names[file] for file in told.counties[:3])
    if len(told.counties) > 3:
        where += ", …"
    return where


def _entry(told: Told) -> atom.Entry:
    where = headline(told)
    first = told.counties[0] if told.counties else "state"
    lines = [
        f"{line.before.striptags() or '–'} → {line.after.striptags() or '–'}"
        for part in told.parts
        for line in said_differently(part.name.kind, part.before, part.after)
        if line.label.startswith(("answers", "summary", "from", "until", "title", "status"))
    ]
    moment = told.change.decided_at
    assert moment is not None
    return atom.Entry(
        id=f"changes/{told.change.id}",
        title=f"{where}: {why(told)}" if why(told) else where,
        updated=moment,
        page="/laws" if first == "state" else f"/counties/{first}",
        summary="\n".join(lines) or where,
    )


def why(told: Told) -> str:
    """The editor's sentence, in the reader's language where it was written."""
    return in_words(told.change.why) if told.change.why else ""  # type: ignore[arg-type]
