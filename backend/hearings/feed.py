"""Hearings as an Atom feed (RFC 4287): each with how it stands now, the last changed first."""

from collections.abc import Sequence
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from backend import settings
from backend.hearings import wording
from backend.hearings.tables import Hearing
from backend.web.language import gettext as _

ATOM = "http://www.w3.org/2005/Atom"
# The day on which the feed's ids were first given out; they never change.
SINCE = "2026-11-24"
MOST = 100


def feed(found: Sequence[Hearing], query: str, title: str, code: str) -> bytes:
    """In the current language. Ids are `tag:` URIs (RFC 4151), which outlive our address."""
    site = settings.read().site_url
    newest = sorted(found, key=lambda each: each.changed_at, reverse=True)[:MOST]
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": code})
    _text(root, "title", title)
    _text(root, "id", f"{_tag(site)}hearings{query}")
    _text(root, "updated", _when(newest[0]) if newest else f"{SINCE}T00:00:00Z")
    author = ET.SubElement(root, "author")
    _text(author, "name", "Confianza")
    ET.SubElement(root, "link", {"rel": "self", "href": f"{site}/hearings.atom{query}"})
    ET.SubElement(root, "link", {"rel": "alternate", "href": f"{site}/hearings{query}"})
    for hearing in newest:
        root.append(_entry(hearing, site, code))
    ET.indent(root)
    whole: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def _entry(hearing: Hearing, site: str, code: str) -> ET.Element:
    entry = ET.Element("entry")
    status = _("Cancelled") if hearing.taken_out_at else wording.status(hearing)
    _text(entry, "title", f"{status}: {wording.title(hearing)}")
    _text(entry, "id", f"{_tag(site)}hearings/{hearing.id}")
    _text(entry, "updated", _when(hearing))
    page = "/hearings" if hearing.taken_out_at else f"/hearings/{hearing.id}"
    ET.SubElement(entry, "link", {"rel": "alternate", "href": f"{site}{page}?lang={code}"})
    ET.SubElement(entry, "category", {"term": hearing.kind, "label": wording.kind(hearing)})
    lines = [wording.when(hearing), wording.place_of(hearing.place, hearing.address)]
    if not hearing.taken_out_at:
        lines += [wording.said(hearing.decides), wording.said(hearing.outcome)]
    _text(entry, "summary", "\n".join(line for line in lines if line)[:2000])
    return entry


def _text(parent: ET.Element, name: str, text: str) -> None:
    # XML knows no control characters, and somebody may have pasted one.
    plain = "".join(sign for sign in text if sign >= " " or sign == "\n")
    ET.SubElement(parent, name).text = plain


def _when(hearing: Hearing) -> str:
    return hearing.changed_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(site: str) -> str:
    return f"tag:{urlsplit(site).hostname},{SINCE}:"
