"""Chart: a county's numbers of one kind by year, as a small drawing on the server (SVG).

A gap is where nobody counted. It is never drawn beside another county's: sheriffs count in
different ways.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from backend.policies.tables import Figure

WIDTH, HEIGHT = 320, 96
FLOOR, TOP = 76, 18
# A bar takes this part of its year's room, and no more than that many units.
PART, WIDEST = 0.7, 26
# Narrower years are written in two digits.
NARROW = 32
# Two of one kind are a plot; one is a number.
FEWEST = 2


@dataclass(frozen=True)
class Bar:
    """`x` is the middle, `top` the upper end in the drawing's units; `low_top` is the lower count's
    where sources differ."""

    year: int
    x: float
    top: float
    low_top: float
    figure: Figure


@dataclass(frozen=True)
class Plot:
    """`half` is half a bar's width. `years` are every year from the first to the last as it is
    written, with where its middle lies, also those that nobody counted."""

    measure: str
    half: float
    bars: tuple[Bar, ...]
    years: tuple[tuple[str, float], ...]


def of(figures: Iterable[Figure]) -> list[Plot]:
    """One for each kind with at least two whole years, the kind with the newest count first."""
    kinds: dict[str, dict[int, Figure]] = {}
    for figure in sorted(figures, key=lambda each: each.key, reverse=True):
        year = _whole_year(figure)
        if year is not None and figure.confirmed():
            kinds.setdefault(figure.measure, {})[year] = figure
    plots = [_plot(kind, found) for kind, found in kinds.items() if len(found) >= FEWEST]
    return sorted(plots, key=lambda plot: (-plot.bars[-1].year, -len(plot.bars), plot.measure))


def _whole_year(figure: Figure) -> int | None:
    """The calendar year it counts, and None for any other time."""
    if figure.from_text == figure.until_text and len(figure.from_text) == len("2024"):
        return int(figure.from_text)
    return None


def _plot(measure: str, found: dict[int, Figure]) -> Plot:
    first, last = min(found), max(found)
    step = WIDTH / (last - first + 1)
    highest = max(figure.high for figure in found.values()) or 1

    def at(year: int) -> float:
        return round((year - first + 0.5) * step, 1)

    def up(count: int) -> float:
        return round(FLOOR - (FLOOR - TOP) * count / highest, 1)

    return Plot(
        measure,
        round(min(step * PART, WIDEST) / 2, 1),
        tuple(
            Bar(year, at(year), up(figure.high), up(figure.low), figure)
            for year, figure in sorted(found.items())
        ),
        tuple(
            (str(year) if step >= NARROW else f"’{year % 100:02}", at(year))
            for year in range(first, last + 1)
        ),
    )
