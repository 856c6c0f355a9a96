"""The desk's first page."""

from litestar import get
from litestar.response.base import ASGIResponse

from backend.staff.pages import desk_page
from backend.staff.roles import Right
from backend.web.pages import Page
from backend.web.sending import AnyRequest


@get("/desk", may=Right.ENTER, include_in_schema=False)
async def show_desk(request: AnyRequest) -> ASGIResponse:
    return desk_page(request, Page("desk/home.html", {"todo": []}))
