"""The QR of a receipt's address, for a phone that has no signal and no program to draw one.

A QR code is linear: with its size, level and mask fixed, each bit of the text turns over the same
modules whatever the other bits are. So a phone that has the picture for all zeros, and what each
bit of each letter turns over, draws the QR of any receipt.
"""

from functools import cache
from typing import Any

import segno

from backend import settings
from backend.campaigns import receipts

ZEROS = "0" * receipts.LENGTH
# The signs of a receipt differ from "0" in these lowest bits.
BITS = 7
LEVEL = "m"
MASK = 2


@cache
def make() -> dict[str, Any]:
    """`{address, size, zeros, turns}`: what stands before the code, modules on a side, the picture
    of so many zeros, and `turns[letter][bit]`. Pictures are hexadecimal: row by row, dark is 1."""
    address = f"{settings.read().site_url}/pledges#"
    zeros = matrix(f"{address}{ZEROS}")
    turns = [
        [_hex(_turned(zeros, address, at, bit)) for bit in range(BITS)]
        for at in range(receipts.LENGTH)
    ]
    size = round(len(zeros) ** 0.5)
    return {"address": address, "size": size, "zeros": _hex(zeros), "turns": turns}


def matrix(text: str) -> str:
    """The modules of this text, row by row, as ones and zeros."""
    code = segno.make(text, error=LEVEL, mask=MASK, mode="byte", boost_error=False, micro=False)
    return "".join("1" if module else "0" for row in code.matrix for module in row)


def _turned(zeros: str, address: str, at: int, bit: int) -> str:
    letters = list(ZEROS)
    letters[at] = chr(ord("0") ^ 1 << bit)
    other = matrix(address + "".join(letters))
    return "".join(str(int(one != two)) for one, two in zip(zeros, other, strict=True))


def _hex(modules: str) -> str:
    return f"{int(modules, 2):x}"
