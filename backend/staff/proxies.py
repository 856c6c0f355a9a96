"""A proxy of ours that does not say whom it asks for: then all the world is one client, and limits
by network are none. The staff hear of it once, whoever watches at /readyz."""

from typing import Any

from litestar.connection import ASGIConnection

from backend import settings
from backend.staff.tables import Alarm
from backend.web.language import later
from backend.web.rate_limits import OURSELVES, Limit, address_of

ALARM = "proxy without X-Forwarded-For"
# These are asked by what watches over us, past the proxy.
PAST_THE_PROXY = ("/healthz", "/readyz", "/metrics")
# One alarm an hour, from all processes together, and none for somebody's own try on the server.
SOME = 10
TOLD = Limit(ALARM, 1, 3600, closed=True)


class _Seen:
    number = 0


async def look(request: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Note it when this request should have come with an address and did not."""
    if not settings.trusted_proxies() or request.scope["path"] in PAST_THE_PROXY:
        return
    if request.scope.get("client") == OURSELVES or address_of(request) is not None:
        return
    _Seen.number += 1
    if _Seen.number >= SOME:
        _Seen.number = 0
        if await TOLD.take(b""):
            await Alarm.raise_(
                ALARM,
                later(
                    "Requests come without the header X-Forwarded-For, though TRUSTED_PROXIES says "
                    "that a proxy of ours stands before the site. We cannot tell clients apart, "
                    "and limits by network do not hold."
                ),
                later(
                    "Let the proxy send it: nginx does with proxy_set_header X-Forwarded-For "
                    "$proxy_add_x_forwarded_for. If there is no proxy, set TRUSTED_PROXIES=0."
                ),
            )


async def are_silent() -> bool:
    """Whether such an alarm stands."""
    return bool(await Alarm.exists().where(Alarm.standing == ALARM))
