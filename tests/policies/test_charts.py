"""A county's numbers drawn by year: gaps stay gaps, and nothing runs into what stands beside it."""

import itertools
from collections.abc import Mapping

from backend.policies import charts
from backend.policies.record import CountyRecord
from backend.policies.tables import Figure

GOOD = [{"title": "A", "publisher": "B", "url": "https://a.test", "grade": "B"}]


def a_figure(year: str, low: int, high: int | None = None, **other: object) -> Figure:
    return Figure(**{
        "key": f"modoc/{year}-{low}", "measure": "people_transferred", "from_text": year,
        "until_text": year, "low": low, "high": low if high is None else high, "sources": GOOD,
        **other,
    })  # fmt: skip


def test_a_year_that_nobody_counted_is_a_gap() -> None:
    [plot] = charts.of([a_figure("2018", 4), a_figure("2021", 8)])
    assert [year for year, _x in plot.years] == ["2018", "2019", "2020", "2021"]
    assert [bar.year for bar in plot.bars] == [2018, 2021]


def test_one_number_months_reposts_and_spans_are_no_plot() -> None:
    repost = [{**GOOD[0], "grade": "C"}]
    assert charts.of([a_figure("2018", 4)]) == []
    assert charts.of([a_figure("2018", 4), a_figure("2019-06", 8)]) == []
    assert charts.of([a_figure("2018", 4), a_figure("2019", 8, sources=repost)]) == []
    assert charts.of([a_figure("2018", 4), a_figure("2019", 8, until_text="2020")]) == []


def test_nothing_but_zeros_divides_by_nothing() -> None:
    [plot] = charts.of([a_figure("2018", 0), a_figure("2019", 0)])
    assert {bar.top for bar in plot.bars} == {charts.FLOOR}


def test_where_sources_differ_both_ends_are_drawn() -> None:
    [plot] = charts.of([a_figure("2018", 25, 200), a_figure("2019", 100)])
    assert plot.bars[0].top < plot.bars[0].low_top
    assert plot.bars[1].top == plot.bars[1].low_top


def test_no_bar_of_any_county_touches_another_or_leaves_the_drawing(
    records: Mapping[str, CountyRecord],
) -> None:
    drawn = 0
    for slug, record in records.items():
        for plot in charts.of(record.figures):
            drawn += 1
            for one, other in itertools.pairwise(plot.bars):
                assert one.x + plot.half < other.x - plot.half, slug
            assert plot.bars[0].x - plot.half >= 0
            assert plot.bars[-1].x + plot.half <= charts.WIDTH
            assert all(charts.TOP <= bar.top <= bar.low_top <= charts.FLOOR for bar in plot.bars)
    assert drawn > 15
