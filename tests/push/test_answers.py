"""What each answer of a push service means."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.push.answers import LONGEST, Verdict, how_long, judge, reason
from backend.push.http_client import Answer


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 201, 202), Verdict.ACCEPTED),
        ((404, 410), Verdict.GONE),
        ((301, 302, 307, 308, 400, 401, 403, 405, 415, 422, 204), Verdict.REFUSED),
        ((413,), Verdict.TOO_LARGE),
        ((429,), Verdict.BUSY),
        ((500, 502, 503, 504), Verdict.LATER),
    ],
)
def test_every_status_has_its_meaning(statuses: tuple[int, ...], verdict: Verdict) -> None:
    assert {judge(Answer(status)) for status in statuses} == {verdict}


def test_a_service_that_is_down_and_says_for_how_long_is_busy() -> None:
    assert judge(Answer(503, "120")) is Verdict.BUSY


def test_a_time_to_wait_is_read_in_seconds_and_as_a_date() -> None:
    assert how_long("120") == timedelta(seconds=120)
    date = datetime.now(UTC) + timedelta(seconds=90)
    found = how_long(date.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert found is not None
    assert timedelta(seconds=87) < found <= timedelta(seconds=90)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-5", "0", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "٣", "Mon, 99 Foo 9999"],
)
def test_a_time_that_says_nothing_is_none(text: str) -> None:
    assert how_long(text) is None


@pytest.mark.parametrize("text", ["99999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_makes_us_wait_for_ever(text: str) -> None:
    assert how_long(text) == LONGEST


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"reason": "BadJwtToken"}', "403 BadJwtToken"),
        (b'{"reason": "https://web.push.apple.com/Qsecret"}', "403"),
        (b'{"reason": ["x"]}', "403"),
        (b'["reason"]', "403"),
        (b"the endpoint https://x is unknown", "403"),
        (b"\xff\x00", "403"),
        (b"", "403"),
    ],
)
def test_of_a_reason_only_one_word_is_repeated(body: bytes, words: str) -> None:
    assert reason(Answer(403, "", body)) == words
