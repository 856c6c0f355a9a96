"""The file that a phone saved as a last resort, handed in at the desk."""

from typing import Any

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.canvass import shifts, uploads
from backend.canvass.files import CannotRead
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.bodies import LARGEST_FILE
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

FILES = "/desk/canvass/files"
# In this order they stand on the page.
OUTCOMES = {
    "taken": later("taken"),
    "before": later("we had them already"),
    "review": later("somebody has to look at them first"),
    "sealed": later("refused: they do not open here"),
    "shift": later("refused: there is no such shift"),
    "device": later("refused: we do not know the phone"),
    "different": later("refused: we have another sign-up by that number"),
    "unreadable": later("refused: they cannot be read"),
    uploads.DAMAGED: later("damaged, or cut off on the way"),
}


@get(FILES, may=Right.LEAD_CANVASS)
async def list_files(request: AnyRequest) -> ASGIResponse:
    return await _list_page(request)


@post(
    FILES,
    may=Right.LEAD_CANVASS,
    files=True,
    body=LARGEST_FILE,
    request_max_body_size=LARGEST_FILE,
)
async def hand_in(request: AnyRequest) -> ASGIResponse:
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _list_page(request, _("Choose a file."))
    content = await file.read()
    await file.close()
    try:
        number = await uploads.hand_in(visitor_of(request).account, content)
    except CannotRead as error:
        return await _list_page(request, str(error))
    return see(f"{FILES}/{number}")


@get("/desk/canvass/files/{id:int}", may=Right.LEAD_CANVASS)
async def show_file(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    account = visitor_of(request).account
    found = await uploads.with_id(id)
    if found is None or not (shifts.sees_all(account) or found["made_by"] == account.id):
        told = _("There is no such file among those that you handed in.")
        raise CannotAnswer(told, status=404, way_on=(FILES, _("Files from phones")))
    context = {"found": found, "outcomes": _outcomes(found)}
    return desk_page(request, Page("canvass/desk/file.html", context, "file"))


async def _list_page(request: AnyRequest, mistake: str = "") -> Sent:
    account = visitor_of(request).account
    context = {
        "files": await uploads.latest(account, shifts.sees_all(account)),
        "mistakes_told": {"file": mistake} if mistake else {},
        "largest": LARGEST_FILE // 1_000_000,
    }
    status = 422 if mistake else 200
    return desk_page(request, Page("canvass/desk/files.html", context, status=status))


def _outcomes(found: dict[str, Any]) -> list[tuple[str, int]]:
    counts: dict[str, int] = found["outcomes"]
    return [(_(words), counts[name]) for name, words in OUTCOMES.items() if counts.get(name)]
