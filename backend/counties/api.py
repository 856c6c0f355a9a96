"""ZIP codes as JSON."""

from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.web.errors import CannotAnswer
from backend.web.json import ALWAYS, PROBLEM, answering, json_answer
from backend.web.responses import AnyRequest, send


class CountyName(msgspec.Struct):
    slug: str
    name: str
    fips: str


class ZipAnswer(msgspec.Struct):
    """A California ZIP code and every county it has addresses in, the main one first."""

    zip: str
    city: str
    counties: list[CountyName]


@get(
    "/api/v1/zips/{code:str}",
    operation_id="showZip",
    summary="The counties a ZIP code lies in",
    responses={**ALWAYS, 200: answering(ZipAnswer), 404: PROBLEM},
)
async def answer_zip(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    found = gazetteer.zips().get(code)
    if found is None:
        raise CannotAnswer("This is not a ZIP code of California.", status=404)
    body: Any = ZipAnswer(
        found.zip,
        found.city,
        [CountyName(county.slug, county.name, county.fips) for county in found.counties],
    )
    return send(request, json_answer(body))
