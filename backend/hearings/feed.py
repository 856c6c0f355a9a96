"""Hearings as an Atom feed (RFC 4287): each with how it stands now, the last changed first."""

from collections.abc import Sequence

from backend.hearings import wording
from backend.hearings.tables import Hearing
from backend.web import atom
from backend.web.language import gettext as _

MOST = 100


def feed(found: Sequence[Hearing], query: str, title: str, code: str) -> bytes:
    """In the current language."""
    newest = sorted(found, key=lambda each: each.changed_at, reverse=True)[:MOST]
    entries = (_entry(hearing, code) for hearing in newest)
    return atom.feed(f"hearings{query}", title, "/hearings", query, code, entries)


def _entry(hearing: Hearing, code: str) -> atom.Entry:
    status = _("Cancelled") if hearing.taken_out_at else wording.status(hearing)
    page = "/hearings" if hearing.taken_out_at else f"/hearings/{hearing.id}"
    lines = [wording.when(hearing), wording.place_of(hearing.place, hearing.address)]
    if not hearing.taken_out_at:
        lines += [wording.said(hearing.decides), wording.said(hearing.outcome)]
    return atom.Entry(
        id=f"hearings/{hearing.id}",
        title=f"{status}: {wording.title(hearing)}",
        updated=hearing.changed_at,
        page=f"{page}?lang={code}",
        summary="\n".join(line for line in lines if line),
        category=(hearing.kind, wording.kind(hearing)),
    )
