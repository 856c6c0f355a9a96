"""How much memory one web process holds, and whether that grows."""

import http.client
import json
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from phone import BUNDLE
from servers import NotMeasured, Server

MARKS = (0, 2_000, 5_000, 10_000)
VISITORS = 4
DAYS = ("2009-06-01", "2012-01-15", "2014-03-01", "2014-06-01", "2015-07-01", "2016-12-31")
DAYS += ("2017-10-05", "2018-01-01", "2018-12-31", "2019-08-20", "2020-05-10", "2022-01-01")


def measure(server: Server) -> list[tuple[int, float]]:
    """(requests so far, MB of resident memory of the web process), one for each mark."""
    found = [(0, _megabytes(server))]
    addresses = _addresses(server)
    choose = random.Random(58)
    for before, mark in pairwise(MARKS):
        # All kinds in each stretch; far more addresses than pages are kept, so that some leave.
        asked = [choose.choice(choose.choice(addresses)) for _ in range(mark - before)]
        with ThreadPoolExecutor(VISITORS) as visitors:
            list(visitors.map(_visit, *zip(*_shared(server, asked), strict=True)))
        found.append((mark, _megabytes(server)))
    return found


def _shared(server: Server, asked: list) -> list:
    return [(server, asked[number::VISITORS]) for number in range(VISITORS)]


def _addresses(server: Server) -> list[list[tuple[str, dict[str, str]]]]:
    """Addresses with their headers, one list for each kind: half of all visits are to pages of
    counties today and on other days."""
    slugs = [county["slug"] for county in json.loads(server.get("/api/v1/counties"))]
    laws = [law["slug"] for law in json.loads(server.get("/api/v1/laws"))]
    ons = ("", *(f"?on={day}" for day in DAYS))
    questions = ("hold", "notification", "transfer", "handoff", "interview", "rule_maker")
    pages = [f"/counties/{slug}{on}" for slug in slugs for on in ons]
    lists = [f"/counties?question={question}" for question in questions]
    lists += [f"/counties{on}" for on in ons]
    law_pages = ["/laws", *(f"/laws/{slug}" for slug in laws)]
    data = [f"/api/v1/counties/{slug}{on}" for slug in slugs for on in ons]
    data += ["/api/v1/counties", "/api/v1/counties.csv", "/api/v1/counties.geojson", "/api/v1/laws"]
    # The worker on every phone asks for all of it at once.
    data += [BUNDLE, "/service-worker.js"]
    blocks = {"HX-Request": "true", "HX-Request-Type": "partial"}
    return [
        _in_both_languages(pages),
        _in_both_languages([f"/counties/{slug}" for slug in slugs]),
        _in_both_languages(pages, blocks),
        _in_both_languages(["/", "/data", "/about", "/privacy", "/install", *lists, *law_pages]),
        [(path, {"Accept-Encoding": code}) for path in data for code in ("gzip", "gzip, br")],
    ]


def _in_both_languages(
    paths: list[str], headers: dict[str, str] | None = None
) -> list[tuple[str, dict[str, str]]]:
    return [
        (path, {"Accept-Language": code, "Accept-Encoding": "gzip", **(headers or {})})
        for path in paths
        for code in ("en", "es")
    ]


def _visit(server: Server, asked: list[tuple[str, dict[str, str]]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        for path, headers in asked:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise NotMeasured(f"{path} answered {answer.status}")
    finally:
        connection.close()


def _megabytes(server: Server) -> float:
    return server.worker().memory_info().rss / 1_000_000
