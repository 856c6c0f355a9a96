"""What the finder on the phone searches in, worked out once at set-up.

It takes every ZIP code of the country into memory, 60 MB that a web process would keep for good.
"""

import hashlib
import json
from typing import Any

import zipcodes

from backend.counties import finder, gazetteer
from backend.settings import FRONTEND

FILE = FRONTEND / "assets" / "vendor" / "finder.json"
INPUTS = (gazetteer.COUNTIES, gazetteer.ZIPS, finder.SHORT_NAMES)


def build() -> bool:
    """Write the file; False when it is as it should be."""
    made_from = _digest()
    if FILE.exists() and json.loads(FILE.read_text("utf-8"))["made_from"] == made_from:
        return False
    whole = {"made_from": made_from, "data": finder.for_the_phone()}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(whole, ensure_ascii=False, separators=(",", ":")), "utf-8")
    return True


def read() -> dict[str, Any]:
    """What `finder.for_the_phone` answered at set-up. Raises FileNotFoundError before it."""
    data: dict[str, Any] = json.loads(FILE.read_text("utf-8"))["data"]
    return data


def _digest() -> str:
    sources = (*INPUTS, *(FRONTEND.parent / "backend" / "counties").glob("*.py"))
    whole = b"".join(path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(whole + zipcodes.__version__.encode()).hexdigest()[:16]
