"""The changes of the record as an Atom feed (RFC 4287)."""

from collections.abc import Sequence
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from backend import settings
from backend.counties import gazetteer
from backend.policies.changes import Told
from backend.policies.text_diff import said_differently
from backend.web.language import gettext as _
from backend.web.language import in_words

ATOM = "http://www.w3.org/2005/Atom"
# The day on which the feed's ids were first given out; they never change.
SINCE = "2026-11-24"


def places() -> dict[str, str]:
    """What the record's files are called for readers."""
    names = {county.slug: _("%(name)s County") % {"name": county.name}
             for county in gazetteer.counties()}  # fmt: skip
    return {"state": _("All of California"), **names}


def feed(found: Sequence[Told], file: str | None, code: str) -> bytes:
    """The changes, newest first, in the current language. Ids are `tag:` URIs (RFC 4151) of this
    site and the change's number, so they outlive its address."""
    site = settings.read().site_url
    query = f"?county={file}" if file else ""
    title = _("Changes in the record")
    title += f": {places()[file]}" if file else ""
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": code})
    _text(root, "title", title)
    _text(root, "id", f"{_tag(site)}changes{f'/{file}' if file else ''}")
    _text(root, "updated", _when(found[0]) if found else f"{SINCE}T00:00:00Z")
    author = ET.SubElement(root, "author")
    _text(author, "name", "Confianza")
    ET.SubElement(root, "link", {"rel": "self", "href": f"{site}/changes.atom{query}"})
    ET.SubElement(root, "link", {"rel": "alternate", "href": f"{site}/changes{query}"})
    for told in found:
        root.append(_entry(told, site))
    ET.indent(root)
    whole: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def headline(told: Told) -> str:
    """Where, and why: what stands over a change."""
    names = places()
    where = ", ".join(names[file] for file in told.counties[:3])
    if len(told.counties) > 3:
        where += ", …"
    return where


def _entry(told: Told, site: str) -> ET.Element:
    entry = ET.Element("entry")
    where = headline(told)
    _text(entry, "title", f"{where}: {why(told)}" if why(told) else where)
    _text(entry, "id", f"{_tag(site)}changes/{told.change.id}")
    _text(entry, "updated", _when(told))
    first = told.counties[0] if told.counties else "state"
    page = "/laws" if first == "state" else f"/counties/{first}"
    ET.SubElement(entry, "link", {"rel": "alternate", "href": site + page})
    lines = [
        f"{line.before.striptags() or '–'} → {line.after.striptags() or '–'}"
        for part in told.parts
        for line in said_differently(part.name.kind, part.before, part.after)
        if line.label.startswith(("answers", "summary", "from", "until", "title", "status"))
    ]
    _text(entry, "summary", "\n".join(lines)[:2000] or where)
    return entry


def why(told: Told) -> str:
    """The editor's sentence, in the reader's language where it was written."""
    return in_words(told.change.why) if told.change.why else ""  # type: ignore[arg-type]


def _text(parent: ET.Element, name: str, text: str) -> None:
    # XML knows no control characters, and somebody may have pasted one.
    plain = "".join(sign for sign in text if sign >= " " or sign == "\n")
    ET.SubElement(parent, name).text = plain


def _when(told: Told) -> str:
    moment = told.change.decided_at
    assert moment is not None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(site: str) -> str:
    return f"tag:{urlsplit(site).hostname},{SINCE}:"
