"""Mail at the desk: whether it goes out, a letter to try it with, and the letters that lie in the
outbox while no mail server is set. Who opens one is written down: it names a supporter."""

import asyncio

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.database import DB
from backend.settings import WrongSetting
from backend.staff import audit, names
from backend.staff.auth import visitor_of
from backend.staff.forms import field
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web import language, mail, outbox
from backend.web.email_layout import Say, compose, written_in
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.mail import MailIsLate, MailRefused
from backend.web.pages import Page
from backend.web.rate_limits import Limit
from backend.web.responses import AnyRequest, Sent, see

OUTBOX = "/desk/outbox"
# Nobody should find a way here to fill a stranger's mailbox.
TRIES = Limit("tried mail", 5, 600, closed=True)


@get(OUTBOX, may=Right.SEE_PEOPLE)
async def list_letters(request: AnyRequest) -> ASGIResponse:
    return await _page(request, tried=request.query_params.get("tried") == "yes")


@post("/desk/outbox/tests", may=Right.SEE_PEOPLE)
async def send_test(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    typed = (await field(request, "to")).strip()
    if not await TRIES.take(str(visitor.account.id).encode()):
        return await _page(request, typed, _("That was often. Wait ten minutes, then try again."))
    try:
        await _send_test(typed)
    except MailRefused as error:
        return await _page(request, typed, _refused(str(error)))
    except MailIsLate as error:
        told = _("The mail server did not take it now (%(why)s). Wait a bit, or look at SMTP_URL.")
        return await _page(request, typed, told % {"why": error})
    except WrongSetting as error:
        return await _page(request, typed, str(error))
    await audit.write(visitor.name, "tried_mail")
    return see(f"{OUTBOX}?tried=yes")


@get("/desk/outbox/{name:str}", may=Right.SEE_PEOPLE, fresh=True)
async def show_letter(request: AnyRequest, name: FromPath[str]) -> ASGIResponse:
    letter = await asyncio.to_thread(outbox.open_letter, name)
    if letter is None:
        raise _gone()
    visitor = visitor_of(request)
    try:
        await names.may_see(visitor.account, 1)
    except names.TooMany as enough:
        way_on = (OUTBOX, _("Back to the mail"))
        raise CannotAnswer(str(enough), status=429, way_on=way_on) from None
    await audit.write(visitor.name, "saw_mail", f"mail {name}")
    await names.saw(visitor.account, 1)
    return desk_page(request, Page("desk/outbox_letter.html", {"letter": letter}))


@post("/desk/outbox/{name:str}/removal", may=Right.SEE_PEOPLE)
async def remove_letter(request: AnyRequest, name: FromPath[str]) -> ASGIResponse:
    if not outbox.lies(name):
        raise _gone()
    # The file goes last: what was not written down must not happen.
    async with DB.transaction():
        await audit.write(visitor_of(request).name, "removed_mail", f"mail {name}")
        if not await asyncio.to_thread(outbox.remove, name):
            raise _gone()
    return see(OUTBOX)


def _refused(why: str) -> str:
    if why == mail.BAD_ADDRESS:
        return _("This e-mail address cannot be right. Look at it letter by letter.")
    return _("The mail server says that this address gets no mail (%(why)s).") % {"why": why}


async def _send_test(address: str) -> None:
    with written_in(language.current.get().code):
        letter = compose(
            address,
            _("A test: mail works"),
            [Say(_("Someone at the desk sent this to see whether mail arrives. It did."))],
        )
    await mail.send(letter)


async def _page(
    request: AnyRequest, typed: str = "", mistake: str = "", tried: bool = False
) -> Sent:
    letters, number = await asyncio.to_thread(outbox.lying)
    server, wrong = _server()
    context = {
        "letters": letters,
        "number": number,
        "language_names": {each.code: each.name for each in language.LANGUAGES.values()},
        "server": server,
        "wrong": wrong,
        "days": outbox.KEPT.days,
        "typed": typed[: mail.LONGEST_ADDRESS],
        "mistakes": {"to": mistake} if mistake else {},
        "tried": tried,
    }
    return desk_page(request, Page("desk/outbox.html", context, status=422 if mistake else 200))


def _server() -> tuple[str, str]:
    """The mail server's host, empty when none is set, and what is wrong with the settings."""
    given = settings.read()
    try:
        mail.can_be_answered()
        return (mail.server_of(given.smtp_url).host if given.smtp_url else ""), ""
    except WrongSetting as error:
        return "", str(error)


def _gone() -> CannotAnswer:
    told = _("There is no such letter. It may be deleted already.")
    return CannotAnswer(told, status=404, way_on=(OUTBOX, _("Back to the mail")))
