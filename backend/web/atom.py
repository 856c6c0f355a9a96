"""Atom feed (RFC 4287): news for programs that read them, in the current language."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from backend import settings

ATOM = "http://www.w3.org/2005/Atom"
# The day on which ids of feeds were first given out; they never change.
SINCE = "2026-11-24"
LONGEST_SUMMARY = 2000


@dataclass(frozen=True)
class Entry:
    """`id` and `page` are paths of ours, the first without its slash; `category` a term with its
    words."""

    id: str
    title: str
    updated: datetime.datetime
    page: str
    summary: str
    category: tuple[str, str] | None = None


def feed(id: str, title: str, about: str, query: str, code: str, entries: Iterable[Entry]) -> bytes:
    """The newest entry first. `about` is the page it is the feed of: the feed's own address is that
    and `.atom`, both with `query`. Ids are `tag:` URIs (RFC 4151), which outlive our address."""
    site = settings.read().site_url
    found = list(entries)
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": code})
    _text(root, "title", title)
    _text(root, "id", _tag(site) + id)
    _text(root, "updated", _when(found[0].updated) if found else f"{SINCE}T00:00:00Z")
    _text(ET.SubElement(root, "author"), "name", "Confianza")
    ET.SubElement(root, "link", {"rel": "self", "href": f"{site}{about}.atom{query}"})
    ET.SubElement(root, "link", {"rel": "alternate", "href": f"{site}{about}{query}"})
    for entry in found:
        root.append(_written(entry, site))
    ET.indent(root)
    whole: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def _written(entry: Entry, site: str) -> ET.Element:
    root = ET.Element("entry")
    _text(root, "title", entry.title)
    _text(root, "id", _tag(site) + entry.id)
    _text(root, "updated", _when(entry.updated))
    ET.SubElement(root, "link", {"rel": "alternate", "href": site + entry.page})
    if entry.category:
        term, label = entry.category
        ET.SubElement(root, "category", {"term": term, "label": label})
    _text(root, "summary", entry.summary[:LONGEST_SUMMARY])
    return root


def _text(parent: ET.Element, name: str, text: str) -> None:
    # XML knows no control characters, and somebody may have pasted one.
    plain = "".join(sign for sign in text if sign >= " " or sign == "\n")
    ET.SubElement(parent, name).text = plain


def _when(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(site: str) -> str:
    return f"tag:{urlsplit(site).hostname},{SINCE}:"
