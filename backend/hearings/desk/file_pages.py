"""Hearings from a list that somebody hands in: looked at first, then taken."""

import base64
import binascii

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.response.base import ASGIResponse

from backend.hearings import csv_file, importing
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent

FILES = "/desk/hearings/sources/files"
# With what wraps it, it has to pass the gate.
LARGEST_FILE = 700_000


@get(FILES, may=Right.EDIT_HEARINGS)
async def show_files(request: AnyRequest) -> ASGIResponse:
    return _files_page(request)


@post(FILES, may=Right.EDIT_HEARINGS, files=True)
async def read_file(request: AnyRequest) -> ASGIResponse:
    """Look at a list first; it stays in the page, so that the second button takes just that."""
    form = await request.form()
    data = await _file_in(form.get("list"), str(form.get("kept") or ""))
    if not data:
        return _files_page(request, [_("Choose a file with hearings.")])
    if len(data) > LARGEST_FILE:
        return _files_page(request, [_("This file is too large: 700 kB are the most.")])
    dry = form.get("do") != "take"
    try:
        report = await importing.from_csv(data, visitor_of(request).account, dry=dry)
    except csv_file.Mistakes as error:
        return _files_page(request, error.mistakes)
    return _files_page(request, report=report, kept=data if dry else b"", taken=not dry)


async def _file_in(given: object, kept: str) -> bytes:
    """What was chosen now, or what was looked at before."""
    if isinstance(given, UploadFile):
        data = await given.read(LARGEST_FILE + 1)
        await given.close()
        if data:
            return data
    try:
        return base64.b64decode(kept, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _files_page(
    request: AnyRequest,
    mistakes: list[str] | None = None,
    *,
    report: importing.Report | None = None,
    kept: bytes = b"",
    taken: bool = False,
) -> Sent:
    context = {
        "mistakes_told": mistakes or [],
        "report": report,
        "kept": base64.b64encode(kept).decode(),
        "taken": taken,
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("hearings/desk/files.html", context, status=status))
