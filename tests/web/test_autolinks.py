"""Numbers and addresses inside a sentence can be tapped, and nothing else gets into the page."""

import pytest

from backend.web.autolinks import linked


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Call 559-600-3529.", 'href="tel:+15596003529"'),
        ("Call 1-888-624-4752, any day", 'href="tel:+18886244752"'),
        ("Write to clerk_of@board.ca.gov.", 'href="mailto:clerk_of@board.ca.gov"'),
        ("See https://county.ca.gov/agenda?x=1.", 'href="https://county.ca.gov/agenda?x=1"'),
        ("(https://county.ca.gov)", 'href="https://county.ca.gov"'),
    ],
)
def test_what_can_be_tapped_is_a_link(text: str, address: str) -> None:
    assert address in linked(text)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "File 25-006-0012, item 12-345-67890",
        "123-456-78901",
        "a@b",
        "data:text/html,hi",
        "http:// nothing",
    ],
)
def test_what_is_no_number_and_no_address_stays_text(text: str) -> None:
    assert "<a" not in linked(text)


def test_what_somebody_typed_cannot_leave_the_text() -> None:
    said = linked('<svg/onload=x> https://a.test/"onclick="x 559-600-3529 & more')
    assert "<svg" not in said
    assert 'onclick="x' not in said.replace("&#34;", "")
    assert "&amp; more" in said
    assert said.count("<a ") == 2
