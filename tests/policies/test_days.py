"""Days as well as they are known."""

import datetime

import pytest

from backend.policies.days import Day


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2014-05-21", "2014-05-21", "2014-05-21"),
        ("2014-05", "2014-05-01", "2014-05-31"),
        ("2016-02", "2016-02-01", "2016-02-29"),
        ("2014", "2014-01-01", "2014-12-31"),
    ],
)
def test_a_month_or_a_year_spans_its_days(written: str, first: str, last: str) -> None:
    known = Day.parse(written)
    assert known.first == datetime.date.fromisoformat(first)
    assert known.last == datetime.date.fromisoformat(last)
    assert known.written == written


@pytest.mark.parametrize(
    "written",
    ["", "14", "2014-5", "2014-02-30", "2015-02-29", "2014-00", "20140521", "2014-05-21T00:00",
     "9999", "0000", "10000-01-01", "２０１４", "2014-05-21\n", "-2014", "May 2014"],
)  # fmt: skip
def test_anything_else_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValueError, match=r"is not a day|is outside"):
        Day.parse(written)
