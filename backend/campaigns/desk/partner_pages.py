"""Coalition partners at the desk: the tokens with which their programs read who agreed to that."""

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.campaigns import lifecycle, osdi_api, partners
from backend.campaigns.tables import Campaign, PartnerToken
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import now
from backend.web.errors import CannotAnswer
from backend.web.forms import sent, typed_of
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

PARTNERS = "/desk/partners"
EVERY = "all"


@get(PARTNERS, may=Right.RUN_THE_HOUSE)
async def list_tokens(request: AnyRequest) -> ASGIResponse:
    return await _page(request)


@post(PARTNERS, may=Right.RUN_THE_HOUSE, fresh=True, back=PARTNERS)
async def make_token(request: AnyRequest) -> ASGIResponse:
    typed = typed_of(await sent(request))
    name, scope = typed.get("name", ""), typed.get("campaign", "")
    if name not in await partners.names():
        told = {"name": _("Choose a partner that a campaign’s page names.")}
        return await _page(request, typed, told)
    campaign: Campaign | None = None
    if scope != EVERY:
        number = int(scope) if scope.isascii() and scope.isdecimal() and len(scope) < 11 else 0
        campaign = await lifecycle.with_id(number)
        if campaign is None or name not in partners.named_on(campaign):
            told = {"campaign": _("Choose a campaign whose page names this partner.")}
            return await _page(request, typed, told)
    token = await partners.make(name, campaign, visitor_of(request).account)
    return await _page(request, token=token, made_for=name)


@post("/desk/partners/{id:int}/revoke", may=Right.RUN_THE_HOUSE, fresh=True, back=PARTNERS)
async def revoke_token(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    if not await partners.revoke(id, visitor_of(request).account):
        told = _("This token was ended already, or it is not there.")
        raise CannotAnswer(told, status=404, way_on=(PARTNERS, _("Partners")))
    return see(PARTNERS)


async def _page(
    request: AnyRequest,
    typed: dict[str, str] | None = None,
    mistakes: dict[str, str] | None = None,
    token: str = "",
    made_for: str = "",
) -> Sent:
    tokens = await (
        PartnerToken.objects(PartnerToken.campaign)
        .order_by(PartnerToken.id, ascending=False)
        .limit(200)
    )
    context = {
        "tokens": tokens,
        "now": now(),
        "names": await partners.names(),
        "campaigns": await partners.public_campaigns(),
        "typed": typed or {},
        "mistakes_told": mistakes or {},
        "token_shown": token,
        "made_for": made_for,
        "address": f"{settings.read().site_url}{osdi_api.BASE}/",
    }
    status = 422 if mistakes else 200
    return desk_page(request, Page("campaigns/desk/partners.html", context, status=status))
