"""Alerts at the desk: write them, see whom they reach, send them together, and follow them."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.alerts import drafts, wording
from backend.alerts.desk import forms
from backend.alerts.desk.forms import AlertForm
from backend.alerts.kinds import NAMES, State
from backend.alerts.tables import Alert, AlertNews
from backend.counties import gazetteer
from backend.database import DB
from backend.hearings import wording as hearing_wording
from backend.hearings.kinds import Topic
from backend.push import broadcasts, push_services
from backend.staff import audit
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import sent
from backend.web.language import LANGUAGES, PSEUDO, later
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

ALERTS = "/desk/alerts"
STATES = {
    State.DRAFT: later("Draft"),
    State.ASKED: later("Waits for a second person"),
    State.SENT: later("Sent"),
    State.CANCELLED: later("Called off"),
}
REASONS = {
    "busy": later("it is busy and asked us to wait"),
    "down": later("it does not answer"),
    "refused": later("it refuses us: an alarm says why"),
}
WHOLE = "whole"


@get(ALERTS, may=Right.SEND_ALERTS)
async def list_alerts(request: AnyRequest) -> ASGIResponse:
    by_itself = await (
        AlertNews.objects(AlertNews.ring)
        .where(AlertNews.what.not_like("alert %"))
        .order_by(AlertNews.id, ascending=False)
        .limit(20)
    )
    context = {
        "alerts": await drafts.all_of(*State),
        "by_itself": by_itself,
        "paused": await push_services.paused(),
        "reasons": {name: _(words) for name, words in REASONS.items()},
        "title_of": _title,
        "states": _states(),
        "State": State,
    }
    return desk_page(request, Page("alerts/desk/alerts.html", context))


@get("/desk/alerts/new", may=Right.SEND_ALERTS)
async def show_new(request: AnyRequest) -> ASGIResponse:
    """`?hearing=` begins with what that hearing says."""
    number = request.query_params.get("hearing", "")
    whole = number.isascii() and number.isdecimal() and len(number) < 11
    fields = await drafts.from_hearing(int(number)) if whole else None
    return _form_page(request, forms.filled(fields) if fields else forms.empty())


@post("/desk/alerts/new", may=Right.SEND_ALERTS)
async def begin(request: AnyRequest) -> ASGIResponse:
    form = forms.read(await sent(request))
    if form.typed.get("do") == "preview" or form.mistakes:
        return _form_page(request, form, preview=form.typed.get("do") == "preview")
    made = await drafts.begin(visitor_of(request).account, await _known(form))
    return see(f"{ALERTS}/{made.id}")


@post("/desk/alerts/preview", may=Right.SEND_ALERTS)
async def show_preview(request: AnyRequest) -> ASGIResponse:
    """How the form as it stands would look, for htmx. `?of=` is the alert that is changed."""
    number = request.query_params.get("of", "")
    whole = number.isascii() and number.isdecimal() and len(number) < 20
    alert = await drafts.with_id(int(number)) if whole else None
    form = forms.read(await sent(request))
    return desk_page(request, Page("alerts/desk/preview.html", _preview(form, alert)))


@get("/desk/alerts/estimate", may=Right.SEND_ALERTS)
async def show_estimate(request: AnyRequest) -> ASGIResponse:
    """Whom the form as it stands would reach, for htmx."""
    pairs = [(name, str(value)) for name, value in request.query_params.multi_items()]
    fields = forms.read(pairs).fields
    found, letters = await drafts.estimate(Alert(**fields))
    return desk_page(
        request, Page("alerts/desk/estimate.html", {"found": found, "letters": letters})
    )


@post("/desk/alerts/hosts", may=Right.SEND_ALERTS)
async def resume(request: AnyRequest) -> ASGIResponse:
    """Somebody mended what a push service minded."""
    host = dict(await sent(request)).get("host", "").replace("\0", "")[:80]
    async with DB.transaction():
        if await push_services.resume(host):
            await audit.write(visitor_of(request).name, "push_resumed", host)
    return see(ALERTS)


@get("/desk/alerts/{id:int}", may=Right.SEND_ALERTS)
async def show_alert(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _alert_page(request, await _alert(id))


@get("/desk/alerts/{id:int}/progress", may=Right.SEND_ALERTS)
async def show_progress(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    context = await _progress(await _alert(id))
    return desk_page(request, Page("alerts/desk/progress.html", context))


@get("/desk/alerts/{id:int}/edit", may=Right.SEND_ALERTS)
async def show_edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    alert = await _alert(id)
    return _form_page(request, forms.of(alert, drafts.fingerprint(alert)), alert)


@post("/desk/alerts/{id:int}/edit", may=Right.SEND_ALERTS)
async def edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    alert = await _alert(id)
    form = forms.read(await sent(request))
    if form.typed.get("do") == "preview" or form.mistakes:
        return _form_page(request, form, alert, preview=form.typed.get("do") == "preview")
    try:
        await drafts.change(id, visitor_of(request).account, form.seen, await _known(form))
    except Refused as refused:
        form.mistakes[WHOLE] = str(refused)
        return _form_page(request, form, alert)
    return see(f"{ALERTS}/{id}")


@post("/desk/alerts/{id:int}/send", may=Right.SEND_ALERTS)
async def send(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """Ask that it be sent, or send what another one asked for."""
    seen = dict(await sent(request)).get("seen", "")[:16]
    try:
        await drafts.send(id, visitor_of(request).account, seen)
    except Refused as refused:
        return await _alert_page(request, await _alert(id), str(refused))
    return see(f"{ALERTS}/{id}")


@post("/desk/alerts/{id:int}/cancel", may=Right.SEND_ALERTS)
async def cancel(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    try:
        await drafts.cancel(id, visitor_of(request).account)
    except Refused as refused:
        return await _alert_page(request, await _alert(id), str(refused))
    return see(f"{ALERTS}/{id}")


@post("/desk/alerts/{id:int}/corrections", may=Right.SEND_ALERTS)
async def correct(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    try:
        made = await drafts.correct(id, visitor_of(request).account)
    except Refused as refused:
        return await _alert_page(request, await _alert(id), str(refused))
    return see(f"{ALERTS}/{made.id}/edit")


@post("/desk/alerts/{id:int}/tests", may=Right.SEND_ALERTS)
async def test(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    typed = dict(await sent(request)).get("code", "")[:40]
    try:
        await drafts.test(id, visitor_of(request).account, typed)
    except Refused as refused:
        return await _alert_page(request, await _alert(id), str(refused), typed=typed)
    return await _alert_page(request, await _alert(id), tested=True)


async def _alert(id: int) -> Alert:
    """Raises CannotAnswer."""
    found = await drafts.with_id(id)
    if found is None:
        told = _("There is no such alert.")
        raise CannotAnswer(told, status=404, way_on=(ALERTS, _("Alerts")))
    return found


async def _alert_page(
    request: AnyRequest, alert: Alert, refused: str = "", *, typed: str = "", tested: bool = False
) -> Sent:
    visitor = visitor_of(request)
    asker: Any = alert.asked_by
    found, letters = await drafts.estimate(alert)
    context = {
        "alert": alert,
        "found": found,
        "letters": letters,
        "words": drafts.words_of(alert),
        "missing": drafts.missing(alert),
        "refused": refused,
        "typed": typed,
        "tested": tested,
        "seen": drafts.fingerprint(alert),
        "asked_by": asker.name if asker and asker.id else "",
        "is_mine": bool(asker) and asker.id == visitor.account.id,
        "second_person": settings.read().second_person,
        "ends_at": drafts.ends_at(alert),
        "kind_name": _(NAMES[alert.kind]) if alert.kind in NAMES else alert.kind,  # type: ignore[index]
        "county_names": [
            county.name for county in gazetteer.counties() if county.slug in alert.counties
        ],
        "topic_names": [hearing_wording.topic(topic) for topic in alert.topics],
        "language_names": [LANGUAGES[code].name for code in alert.languages if code in LANGUAGES],
        "states": _states(),
        "State": State,
        **await _progress(alert),
    }
    status = 409 if refused else 200
    return desk_page(request, Page("alerts/desk/alert.html", context, status=status))


async def _progress(alert: Alert) -> dict[str, Any]:
    news: Any = alert.news
    ring = getattr(news, "ring", None)
    id = getattr(ring, "id", ring)
    return {
        "alert": alert,
        "progress": await broadcasts.progress(id) if id else None,
        "mailed": getattr(news, "mailed", 0) or 0,
        "reasons": {name: _(words) for name, words in REASONS.items()},
    }


def _form_page(
    request: AnyRequest, form: AlertForm, alert: Alert | None = None, preview: bool = False
) -> Sent:
    told = {} if preview else form.mistakes
    context = {
        "form": form,
        "alert": alert,
        "preview_first": preview,
        **_preview(form, alert),
        "mistakes_told": told,
        "counties": gazetteer.counties(),
        "topics": [(topic.value, hearing_wording.topic(topic)) for topic in Topic],
        "kinds": [(kind.value, _(words)) for kind, words in NAMES.items()],
        "readers": [each for code, each in LANGUAGES.items() if code != PSEUDO.code],
    }
    return desk_page(request, Page("alerts/desk/edit.html", context, status=422 if told else 200))


def _preview(form: AlertForm, alert: Alert | None) -> dict[str, Any]:
    """Each language's two notifications, as a lock screen has them, and how long each part is.
    What is not written yet is three dots."""
    typed = {
        code: {part: form.typed.get(f"{part}_{code}", "").strip() for part in wording.LONGEST}
        for code in drafts.NEEDED
    }
    written = {code: {part: each[part] or "…" for part in each} for code, each in typed.items()}
    words = drafts.words_of(Alert(words=written, corrects=alert.corrects if alert else None))
    return {
        "alert": alert,
        "shown": {
            code: [broadcasts.preview(words, code, kind) for kind in broadcasts.WORDINGS]
            for code in words
        },
        "lengths": {
            code: {part: len(said) for part, said in typed[code].items()} for code in typed
        },
        "longest": wording.LONGEST,
        "shown_by_all": wording.SHOWN_BY_ALL,
    }


async def _known(form: AlertForm) -> dict[str, Any]:
    """Without a hearing that is not there any more."""
    hearing = form.fields["hearing"]
    if hearing and await drafts.from_hearing(hearing) is None:
        return {**form.fields, "hearing": None}
    return form.fields


def _title(words: Any) -> str:
    said: str = hearing_wording.said({code: each.get("title", "") for code, each in words.items()})
    return said


def _states() -> dict[str, str]:
    return {state.value: _(label) for state, label in STATES.items()}
