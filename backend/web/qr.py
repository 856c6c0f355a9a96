"""QR codes that lead to a page of ours."""

from functools import lru_cache

import segno
from markupsafe import Markup

from backend import settings


@lru_cache(maxsize=256)
def qr(path: str) -> Markup:
    """As `draw`, and kept: for addresses that everybody may know."""
    return draw(path)


def draw(path: str) -> Markup:
    """An inline SVG, black on nothing, as large as its style says. It can be read with a quarter
    of it torn or dirty."""
    code = segno.make(settings.read().site_url + path, error="q", micro=False)
    svg = code.svg_inline(scale=3, border=2, svgclass="qr", lineclass=None, omitsize=True)
    # Made of squares only, whatever the address says.
    return Markup(svg)  # noqa: S704
