"""CSV injection: tables for spreadsheets (CSV), so that no cell of them runs as a formula."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# What begins a formula, also in the wide signs of East Asian keyboards.
SIGNS = "=+\\-@＝＋－＠\t\r"
# A spreadsheet whose list sign is `;`, a tab or `|` begins a new cell there, and any at a new line.
BEGINS = re.compile(rf"(^|[;|\t\r\n；｜])(?=[ \u00a0\u3000]*[{SIGNS}])")
PHONE = re.compile(r"\+[0-9]{7,15}")


def tame(cell: Any) -> str:
    """The cell as text with an apostrophe before whatever would run. A number is only a number,
    and so is a whole phone number."""
    text = str(cell)
    if isinstance(cell, (int, float)) or PHONE.fullmatch(text):
        return text
    return BEGINS.sub(r"\1'", text)


def as_csv(rows: Iterable[Iterable[Any]]) -> str:
    """Lines with every cell in quotes and tamed; what the cells hold comes as it is."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([tame(cell) for cell in row] for row in rows)
    return text.getvalue()
