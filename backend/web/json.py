"""JSON answers, and the shape of what goes wrong (RFC 9457)."""

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from backend.web.responses import Answer

PUBLIC = (("cache-control", "public, max-age=0, must-revalidate"), ("vary", "Accept-Encoding"))


class Problem(msgspec.Struct):
    """An RFC 9457 problem object, sent as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str


def answering(shape: Any, media_type: str = "application/json") -> ResponseSpec:
    """What an address answers, without the examples that Litestar would make of chance letters."""
    return ResponseSpec(shape, generate_examples=False, media_type=media_type)


PROBLEM = answering(Problem, "application/problem+json")
# What any address may answer: the gate refuses what is too much, whatever is asked.
ALWAYS = {400: PROBLEM, 413: PROBLEM, 414: PROBLEM}


def json_answer(body: Any, media_type: str = "application/json") -> Answer:
    return Answer(msgspec.json.encode(body), media_type, PUBLIC)
