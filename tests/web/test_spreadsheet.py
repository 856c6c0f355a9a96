"""Tables that people open in a spreadsheet, whatever its list sign is."""

import csv
import io

import pytest

from backend.web.spreadsheet import as_csv

BEGINS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")


@pytest.mark.parametrize(
    "typed",
    [
        "Ana;=2+5+cmd|'/C calc'!A0",
        "Ana|=2+5",
        "Ana\t=2+5",
        "Ana; =2+5",
        "Ana;＝2+5",
        "=2+5;=2+5",
        "Ana\r\n=2+5",
        "\t=2+5",
        "＠SUM(A1)",
    ],
)
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quotes", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
def test_no_cell_begins_a_formula_whatever_the_list_sign(
    typed: str, sign: str, quotes: int
) -> None:
    text = as_csv([["name", "county"], [typed, "Kern"]])
    reader = csv.reader(io.StringIO(text), delimiter=sign, quoting=quotes)  # type: ignore[arg-type]
    cells = [cell.strip(' "') for row in reader for cell in row]
    assert not [cell for cell in cells if cell.startswith(BEGINS)]


def test_what_runs_nothing_stays_as_it_is() -> None:
    row = ["María-José Núñez", "+12135551234", "maria+news@example.org", "Kern", -4]
    text = as_csv([row])
    assert list(csv.reader(io.StringIO(text))) == [[*row[:4], "-4"]]
    assert text.startswith('"María-José Núñez","+12135551234",')
