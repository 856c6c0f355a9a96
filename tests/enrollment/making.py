"""Lists as their publishers make them: real headers, rows made up for the test."""

import csv
import gzip
import io
import random
from collections.abc import Iterator
from pathlib import Path

LISTS = Path(__file__).parent / "lists"
HRSA = next(csv.reader([(LISTS / "hrsa_header.csv").read_text("utf-8")]))
CDPH = next(csv.reader([(LISTS / "cdph_header.csv").read_text("utf-8")]))


def clinics() -> bytes:
    """3,284 real clinics as CDPH listed them on 2025-10-18 (CC BY), in 19 of the 59 columns."""
    return gzip.decompress((LISTS / "cdph_clinics_2025-10-18.csv.gz").read_bytes())


def hrsa_row(number: int, **other: str) -> dict[str, str]:
    """A site in California; where is a matter of its number."""
    chance = random.Random(number)
    return {
        "Health Center Type": "Federally Qualified Health Center (FQHC)",
        "Health Center Number": f"H80CS{number // 8:05d}",
        "BPHC Assigned Number": f"BPS-H80-{number:06d}",
        "Site Name": f"Clínica Número {number}",
        "Site Address": f"{number} Main St",
        "Site City": "Fresno",
        "Site State Abbreviation": "CA",
        "Site Postal Code": "93721-1234",
        "Site Telephone Number": f"559-555-{number % 10000:04d}",
        "Site Web Address": "www.example.org",
        "Site Status Description": "Active",
        "Health Center Location Type Description": "Permanent",
        "Health Center Type Description": "Administrative/Service Delivery Site",
        "Health Center Name": f"Health Center {number // 8}",
        "Geocoding Artifact Address Primary X Coordinate": f"{chance.uniform(-121.0, -119.0):.6f}",
        "Geocoding Artifact Address Primary Y Coordinate": f"{chance.uniform(34.8, 38.5):.6f}",
        "State and County Federal Information Processing Standard Code": "6019",
        **other,
    }


def hrsa(rows: Iterator[dict[str, str]] | list[dict[str, str]], header: list[str] = HRSA) -> bytes:
    """As it is downloaded: a byte-order mark, a comma too many in the header, none in the rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    for row in rows:
        writer.writerow([row.get(name, "") for name in HRSA if name])
    return b"\xef\xbb\xbf" + text.getvalue().encode()
