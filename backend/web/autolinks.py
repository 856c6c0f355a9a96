"""Telephone numbers, e-mail and web addresses inside a sentence, so that one can tap them."""

import re

from markupsafe import Markup, escape

# As we write them: 559-600-3529, 1-888-624-4752, somebody@county.ca.gov, https://… up to a space,
# without the sign that ends a sentence.
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)])"
    r"|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\d-])(?:1-)?(?P<phone>[2-9]\d{2}-\d{3}-\d{4})(?![\d-])"
)


def linked(text: str) -> Markup:
    """The text, escaped, with links in it."""
    parts: list[Markup] = []
    end = 0
    for found in _FOUND.finditer(text):
        parts += [escape(text[end : found.start()]), _link(found)]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def _link(found: re.Match[str]) -> Markup:
    if found["phone"]:
        address = f"tel:+1{found['phone'].replace('-', '')}"
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, found[0])
    if found["mail"]:
        return Markup('<a href="mailto:{}"><bdi>{}</bdi></a>').format(found[0], found[0])
    shown = found[0].partition("://")[2].rstrip("/")
    return Markup('<a href="{}" rel="noreferrer noopener external"><bdi>{}</bdi></a>').format(
        found[0], shown
    )
