"""The picture that stands beside a shared link: a title on our own colors, drawn by us.

Nothing in it is about whoever shares or opens it, so that it may appear on a locked screen.
"""

import io
import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from backend import settings

SIZE = (1200, 630)
# How the answer with it may be kept.
KEPT = (("cache-control", "public, max-age=86400"), ("vary", "Accept-Encoding"))
# Drawn twice as large and made smaller, so that every edge is smooth.
WIDTH, HEIGHT = 2 * SIZE[0], 2 * SIZE[1]
EDGE = 168
PAPER, INK, QUIET, RIVER, POPPY = "#fbf8f3", "#211c16", "#5d554b", "#0f5c63", "#d9651a"
SIZES = (168, 144, 120, 100, 84, 72)
MOST_LINES = 4

# Pillow brings one font along, and it has no letters with accents: we put those on ourselves.
ABOVE = {"\u0301": "acute", "\u0300": "grave", "\u0303": "tilde", "\u0308": "dieresis"}
ABOVE |= {"\u0302": "circumflex", "\u030c": "caron"}
TURNED = {"¿": "?", "¡": "!"}
PLAINER = {"–": "-", "—": "-", "ª": "a", "º": "o", "\u00a0": " ", "ı": "i"}


def preview(title: str) -> bytes:
    """A PNG of 1200 by 630 with the title, our mark, our name and our address as people type it.
    Takes some tens of milliseconds: draw it in a thread."""
    site = settings.address()
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 36), fill=POPPY)
    font, lines = _fitting(title)
    step = round(font.size * 1.22)
    # The title stands in the middle of what the foot leaves.
    y = (HEIGHT - 260 - step * len(lines)) // 2 + round(font.size * 0.98)
    for line in lines:
        _write(draw, (EDGE, y), line, font, INK, stroke=3)
        y += step
    foot = HEIGHT - 150
    _mark(draw, EDGE - 20, foot - 112, 136)
    _write(draw, (EDGE + 160, foot), "Confianza", _font(84), RIVER, stroke=2)
    _write(draw, (WIDTH - EDGE - _length(site, _font(56)), foot), site, _font(56), QUIET)
    file = io.BytesIO()
    small = image.resize(SIZE, Image.Resampling.LANCZOS)
    small.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _fitting(title: str) -> tuple[FreeTypeFont, list[str]]:
    """The largest letters in which the title fits; what still does not fit ends in dots."""
    words = title.split() or [""]
    for size in SIZES:
        font = _font(size)
        lines = _lines(words, font)
        if len(lines) <= MOST_LINES and all(_fits(line, font) for line in lines):
            return font, lines
    lines = [line if _fits(line, font) else _cut(line, font) for line in lines[:MOST_LINES]]
    if len(_lines(words, font)) > MOST_LINES:
        lines[-1] = _cut(lines[-1] + "…", font)
    return font, lines


def _lines(words: list[str], font: FreeTypeFont) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if _fits(longer, font):
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _fits(line: str, font: FreeTypeFont) -> bool:
    return _length(line, font) <= WIDTH - 2 * EDGE


def _cut(line: str, font: FreeTypeFont) -> str:
    line = line.rstrip("…")
    while line and not _fits(line + "…", font):
        line = line[:-1]
    return line.rstrip() + "…"


@cache
def _font(size: int) -> FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, FreeTypeFont), "Pillow was built without FreeType"
    return font


def _letters(text: str) -> list[tuple[str, list[str], bool]]:
    """Each letter as the font has it, the marks that go above it, and whether it stands on its
    head."""
    letters: list[tuple[str, list[str], bool]] = []
    for sign in unicodedata.normalize("NFD", text):
        if unicodedata.combining(sign):
            if letters and sign in ABOVE:
                letters[-1][1].append(ABOVE[sign])
        else:
            plain = TURNED.get(sign) or PLAINER.get(sign, sign)
            letters.append((plain, [], sign in TURNED))
    return letters


def _length(text: str, font: FreeTypeFont) -> float:
    return font.getlength("".join(plain for plain, _marks, _turned in _letters(text)))


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    font: FreeTypeFont,
    color: str,
    stroke: int = 0,
) -> None:
    """Write from `at`, the left end of the baseline."""
    x, y = at
    written = ""
    for plain, marks, turned in _letters(text):
        here = x + font.getlength(written + plain) - font.getlength(plain)
        if turned:
            _turn(draw, (here, y), plain, font, color, stroke)
        else:
            draw.text((here, y), plain, font=font, fill=color, anchor="ls", stroke_width=stroke)
        for mark in marks:
            _put_above(draw, (here, y), plain, mark, font, color, stroke)
        written += plain


def _turn(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    plain: str,
    font: FreeTypeFont,
    color: str,
    stroke: int,
) -> None:
    """A question or exclamation mark on its head, hanging as low as a p."""
    left, top, right, bottom = font.getbbox(plain, anchor="ls", stroke_width=stroke)
    size = round(right - left), round(bottom - top)
    stamp = Image.new("L", size, 0)
    ImageDraw.Draw(stamp).text(
        (-left, -top), plain, font=font, fill=255, anchor="ls", stroke_width=stroke
    )
    place = round(at[0] + left), round(at[1] - size[1] + font.size * 0.2)
    draw.bitmap(place, stamp.rotate(180), fill=color)


def _put_above(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    plain: str,
    mark: str,
    font: FreeTypeFont,
    color: str,
    stroke: int,
) -> None:
    unit = font.size / 100
    left, top, right, _bottom = font.getbbox(plain, anchor="ls")
    middle = at[0] + (left + right) / 2
    if plain in "ij":
        # The mark takes the place of the dot.
        x_height = font.getbbox("x", anchor="ls")[1]
        box = (at[0] + left - stroke, at[1] + top - stroke)
        draw.rectangle((*box, at[0] + right + stroke, at[1] + x_height - 3 * unit), fill=PAPER)
        top = x_height
    floor = at[1] + top - (9 if plain.islower() else 6) * unit
    thick = round(8 * unit) + stroke
    w, h = 10 * unit, 16 * unit
    strokes: list[list[tuple[float, float]]] = {
        "acute": [[(middle - w / 3, floor), (middle + w, floor - h)]],
        "grave": [[(middle + w / 3, floor), (middle - w, floor - h)]],
        "circumflex": [
            [(middle - w, floor), (middle, floor - h), (middle + w, floor)],
        ],
        "caron": [[(middle - w, floor - h), (middle, floor), (middle + w, floor - h)]],
        "tilde": [
            [
                (middle - 1.5 * w, floor - h / 4),
                (middle - 0.8 * w, floor - 0.8 * h),
                (middle, floor - h / 2),
                (middle + 0.8 * w, floor - h / 5),
                (middle + 1.5 * w, floor - 0.8 * h),
            ]
        ],
        "dieresis": [],
    }[mark]
    for line in strokes:
        draw.line(line, fill=color, width=thick, joint="curve")
    if mark == "dieresis":
        for x in (middle - w, middle + w):
            dot = thick * 0.62
            draw.ellipse(
                (x - dot, floor - h / 2 - dot, x + dot, floor - h / 2 + dot),
                fill=color,
            )


def _mark(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    """Our doorway: the same two arcs as img/mark.svg, in a square of `size`."""
    unit = size / 48
    thick = round(4.5 * unit)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
        half = thick / 2
        return (
            x + left * unit - half,
            y + top * unit - half,
            x + right * unit + half,
            y + bottom * unit + half,
        )

    draw.arc(box(9, 10, 39, 40), 180, 270, fill=RIVER, width=thick)
    draw.arc(box(9, 10, 39, 40), 302, 360, fill=RIVER, width=thick)
    draw.arc(box(17.5, 20, 30.5, 33), 180, 360, fill=POPPY, width=thick)
    for left, top, color in ((9, 25, RIVER), (39, 25, RIVER), (17.5, 26.5, POPPY)):
        draw.line((x + left * unit, y + top * unit, x + left * unit, y + 40 * unit), color, thick)
    draw.line((x + 30.5 * unit, y + 26.5 * unit, x + 30.5 * unit, y + 40 * unit), POPPY, thick)
