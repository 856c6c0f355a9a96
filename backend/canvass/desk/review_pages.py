"""Sign-ups from canvassers' phones that somebody has to look at: put right, or dropped."""

from dataclasses import dataclass, field
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.campaigns.forms import KEPT, SignForm
from backend.campaigns.tables import Campaign
from backend.canvass import review, totals
from backend.canvass.review import Opened
from backend.canvass.states import Problem
from backend.counties import gazetteer
from backend.staff import audit, names
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import sent
from backend.web.language import LANGUAGES, later
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

REVIEW = "/desk/canvass/review"
PROBLEMS = {
    Problem.UNREADABLE: later("nothing in it can be read"),
    Problem.NAME: later("there is something wrong with the name"),
    Problem.CONTACT: later("there is something wrong with the e-mail or phone number"),
    Problem.PLACE: later("the ZIP code or county is missing or not in California"),
    Problem.CONSENT: later("the signer did not agree, or was not shown the words"),
    Problem.CAMPAIGN: later("its campaign is not there, or its names are erased"),
    Problem.RECEIPT: later("its receipt code is missing, or somebody else’s"),
    Problem.REVOKED: later("it came from a phone that was taken off"),
    Problem.MANY: later("more came from its phone within an hour than one person signs up"),
}
PURPOSES = {
    "pledge": later("to sign"),
    "news": later("news"),
    "partner": later("sharing with partners"),
}
HOW = {"shown": later("they read the words themselves"), "read": later("they were read aloud")}


@dataclass
class Typed:
    """What stands in the form: `typed` by field, `agreed` the purposes that are ticked."""

    typed: dict[str, str]
    agreed: tuple[str, ...]
    mistakes: dict[str, str] = field(default_factory=dict)


@get(REVIEW, may=Right.SEE_PEOPLE)
async def list_waiting(request: AnyRequest) -> ASGIResponse:
    records = await review.waiting()
    revoked = {
        record.device.id: record.device for record in records if record.problem in review.OF_PHONE
    }
    context = {
        "records": records,
        "number": await review.how_many(),
        "problems": {problem.value: _(words) for problem, words in PROBLEMS.items()},
        "titles": await totals.campaign_titles(
            {record.campaign for record in records if record.campaign}
        ),
        "revoked": list(revoked.values()),
    }
    return desk_page(request, Page("canvass/desk/review.html", context))


@get("/desk/canvass/review/{record:str}", may=Right.SEE_PEOPLE, fresh=True)
async def show_one(request: AnyRequest, record: FromPath[str]) -> ASGIResponse:
    """Opened for this page alone; that somebody looked stands in the trail."""
    visitor, opened = visitor_of(request), await _opened(record)
    try:
        await names.may_see(visitor.account, 1)
    except names.TooMany as enough:
        told = (REVIEW, _("Sign-ups to look at"))
        raise CannotAnswer(str(enough), status=429, way_on=told) from None
    await audit.write(visitor.name, "saw_people", f"sign-up {opened.record.id}", count=1)
    await names.saw(visitor.account, 1)
    return _one_page(request, opened, Typed(opened.said, opened.agreed))


@post("/desk/canvass/review/{record:str}/pledge", may=Right.SEE_PEOPLE, fresh=True, back=REVIEW)
async def take(request: AnyRequest, record: FromPath[str]) -> ASGIResponse:
    opened = await _opened(record)
    given = await sent(request)
    typed = {name: value.replace("\0", "")[:KEPT] for name, value in given}
    agreed = tuple(purpose for purpose in PURPOSES if typed.get(f"agree_{purpose}"))
    form = review.read_form(opened, typed, agreed)
    campaign = _campaign(opened, typed.get("campaign", ""))
    mistakes = dict(form.mistakes)
    if campaign is None:
        mistakes["campaign"] = _("Say which campaign it was.")
    if mistakes or campaign is None:
        return _one_page(request, opened, Typed(typed, agreed, mistakes), form)
    try:
        await review.take(opened, form, campaign, visitor_of(request).account)
    except Refused as refused:
        return _one_page(request, opened, Typed(typed, agreed, {"name": str(refused)}), form)
    return see(REVIEW)


@post("/desk/canvass/review/{record:str}/drop", may=Right.SEE_PEOPLE, fresh=True, back=REVIEW)
async def drop(request: AnyRequest, record: FromPath[str]) -> ASGIResponse:
    opened = await _opened(record)
    reason = dict(await sent(request)).get("reason", "")
    try:
        await review.drop(opened.record.id, reason, visitor_of(request).account)
    except Refused as refused:
        typed = Typed(opened.said, opened.agreed, {"reason": str(refused)})
        return _one_page(request, opened, typed)
    return see(REVIEW)


@post("/desk/canvass/review/phones/{device:str}/pledges", may=Right.SEE_PEOPLE)
async def take_all(request: AnyRequest, device: FromPath[str]) -> ASGIResponse:
    await review.take_all_of(_uuid(device), visitor_of(request).account)
    return see(REVIEW)


async def _opened(record: str) -> Opened:
    found = await review.open_record(_uuid(record))
    if found is None:
        told = _("Nobody has to look at this sign-up, or not any more.")
        raise CannotAnswer(told, status=404, way_on=(REVIEW, _("Sign-ups to look at")))
    return found


def _one_page(
    request: AnyRequest, opened: Opened, form: Typed, read: SignForm | None = None
) -> Sent:
    choose = read.choose if read else ()
    chosen = gazetteer.county(form.typed.get("county", ""))
    context = {
        "opened": opened,
        "record": opened.record,
        "shift": opened.shift,
        "form": form,
        "choose": choose or ((chosen,) if chosen else ()),
        "problem": _(PROBLEMS[Problem(opened.record.problem)]) if opened.record.problem else "",
        "purposes": {purpose: _(words) for purpose, words in PURPOSES.items()},
        "how": _(HOW[opened.record.how]) if opened.record.how in HOW else "",
        "reads": LANGUAGES[opened.said["language"]].name
        if opened.said.get("language") in LANGUAGES
        else "",
        "reasons": {reason: _(words) for reason, words in review.REASONS.items()},
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("canvass/desk/review_one.html", context, status=status))


def _campaign(opened: Opened, typed: str) -> Campaign | None:
    if len(opened.campaigns) == 1:
        return opened.campaigns[0]
    return next((each for each in opened.campaigns if each.slug == typed), None)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
