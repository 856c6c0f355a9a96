"""A campaign's Markdown as HTML that can do nothing: no script, no picture, no raw HTML, and links
to https only."""

import re

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from backend.web.forms import DIRECTION
from backend.web.language import gettext as _

LONGEST = 20_000
TAGS = {"p", "strong", "em", "ul", "ol", "li", "a", "h3", "blockquote", "br"}
HEADING = re.compile(r"<(/?)h[1-6]>")
CITED = re.compile(r"(?:(?<=\S) )?\[(\d{1,2})\](?![(\[:])")
CITING = re.compile(r'<a href="#source-(\d{1,2})"[^>]*>')
OUR_SOURCE = re.compile(r"#source-\d{1,2}")

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
_markdown.disable(["image", "code", "fence", "hr", "reference", "html_block", "html_inline"])


def as_html(text: str, sources: int = 0) -> Markup:
    """Paragraphs, emphasis, lists, quotations, headings of the third rank and links. `[2]` becomes
    a link to the second of so many sources on the same page."""
    text = DIRECTION.sub("", text[:LONGEST])
    cited = CITED.sub(lambda found: _link(found, sources), text)
    html = _cleaner.clean(HEADING.sub(r"<\1h3>", _markdown.render(cited)))
    # Cleaned and made of nothing but the tags above.
    return Markup(CITING.sub(_cite, html))  # noqa: S704


def _link(found: re.Match[str], sources: int) -> str:
    """Kept on the line of the word before it."""
    number = int(found[1])
    if not 1 <= number <= sources:
        return found[0]
    space = "\u00a0" if found[0].startswith(" ") else ""
    return f"{space}[{number}](#source-{number})"


def _cite(found: re.Match[str]) -> str:
    said = _("Source %(number)s") % {"number": found[1]}
    return f'<a class="cite" href="#source-{found[1]}" aria-label="{escape(said)}">'


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name != "href":
        return value if name == "rel" else None
    return value if value.startswith("https://") or OUR_SOURCE.fullmatch(value) else None


_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes={"a": {"href"}},
    attribute_filter=_attribute,
    url_schemes={"https"},
    link_rel="noopener noreferrer external",
)
