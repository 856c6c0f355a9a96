"""The way in and out of the desk."""

from litestar import post
from litestar.response.base import ASGIResponse

from backend.staff import audit
from backend.staff.door import SIGN_IN, take_back, visitor_of
from backend.staff.roles import Right
from backend.web.sending import AnyRequest, see


@post("/desk/sign-out", may=Right.ENTER, include_in_schema=False)
async def sign_out(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    await visitor.session.end()
    await audit.write(visitor.name, "signed_out")
    return take_back(see(SIGN_IN))
