"""What counties write of a time, and what becomes of it."""

import datetime
from datetime import date, time

import pytest

from backend.hearings import times
from backend.web.clock import CALIFORNIA

DAY = date(2026, 12, 15)
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


def names(when: times.When) -> list[str]:
    return [name for name, _details in when.doubts]


def clock(moment: datetime.datetime | None) -> str:
    assert moment is not None
    return f"{moment.astimezone(CALIFORNIA):%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("written", "begins", "text"),
    [
        ("1:30 PM", "12-15 13:30", ""),
        ("9:00 AM", "12-15 09:00", ""),
        ("9 a.m.", "12-15 09:00", ""),
        ("9:30A.M.", "12-15 09:30", ""),
        ("13:30", "12-15 13:30", ""),
        ("Noon", "12-15 12:00", ""),
        ("12:00 PM", "12-15 12:00", ""),
        ("12:00 AM", "12-15 00:00", ""),
        ("1:30 P.M. or soon after", "12-15 13:30", "1:30 P.M. or soon after"),
        ("<b>6:00 PM</b>", "12-15 18:00", ""),
        ("Time certain: 10:00 a.m.", "12-15 10:00", "Time certain: 10:00 a.m."),
    ],
)
def test_a_time_is_read_however_it_is_written(written: str, begins: str, text: str) -> None:
    when = times.on(DAY, written)
    assert (clock(when.starts_at), when.time_known, when.time_text) == (begins, True, text)
    assert when.doubts == ()


@pytest.mark.parametrize("written", [None, "", "  "])
def test_a_day_without_a_time_is_noon_and_not_known(written: str | None) -> None:
    when = times.on(DAY, written)
    assert (clock(when.starts_at), when.time_known, when.doubts) == ("12-15 12:00", False, ())


@pytest.mark.parametrize(
    "written",
    ["TBD", "After recess", "Immediately following the 9:00 AM meeting", "25:00", "13:30 AM",
     "Upon adjournment of the 1:30 PM session"],
)  # fmt: skip
def test_what_is_no_time_stays_words_and_is_doubted(written: str) -> None:
    when = times.on(DAY, written)
    assert not when.time_known
    assert when.time_text == written
    assert names(when) == ["time_unclear"]


def test_from_and_to_are_a_beginning_and_an_end() -> None:
    when = times.on(DAY, "9:00 AM - 12:30 PM")
    assert (clock(when.starts_at), clock(when.ends_at)) == ("12-15 09:00", "12-15 12:30")
    assert (when.time_text, when.doubts) == ("", ())


def test_two_times_are_the_first_and_a_doubt() -> None:
    when = times.on(DAY, "9:00 AM closed session; 1:30 PM public")
    assert clock(when.starts_at) == "12-15 09:00"
    assert names(when) == ["two_times"]


def test_the_hour_that_spring_leaves_out_is_doubted() -> None:
    when = times.on(SPRING, "2:30 AM")
    assert not when.time_known
    assert names(when) == ["no_such_time"]
    assert clock(when.starts_at) == "03-08 12:00"


def test_the_hour_that_autumn_repeats_is_the_first_and_doubted() -> None:
    when = times.on(AUTUMN, "1:30 AM")
    assert when.time_known
    assert names(when) == ["time_comes_twice"]
    assert when.starts_at.astimezone(datetime.UTC).time() == time(8, 30)


@pytest.mark.parametrize(("day", "hour"), [(SPRING, 16), (AUTUMN, 17)])
def test_nine_is_nine_on_days_when_clocks_change(day: date, hour: int) -> None:
    when = times.on(day, "9:00 AM")
    assert when.doubts == ()
    assert when.starts_at.astimezone(datetime.UTC).time() == time(hour)
