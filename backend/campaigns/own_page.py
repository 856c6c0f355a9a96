"""How a signer comes back to their own pledge: by the receipt code, typed once, and then by a
cookie that lasts an hour. No address holds the code.

The cookie says what it leads to under a mark of ours, so that only who has shown the code has one,
and looking again costs nobody a try.
"""

import hashlib
import hmac

from backend.campaigns import receipts
from backend.web import cookies, keyring
from backend.web.responses import AnyRequest, Sent

COOKIE = "pledge"
HERE = "/pledges/mine"
SECONDS = 3600
MARK = 20


def remember(answer: Sent, receipt: str, form: str = "", digits: str = "") -> Sent:
    """Let this browser come back. `form` is the mark of the form that was signed, `digits` the six
    from a letter, to be shown in their field."""
    said = f"{receipt}.{form}.{digits}"
    answer.add("Set-Cookie", cookies.keep(COOKIE, f"{said}.{_mark('cookie', said)}", SECONDS))
    return answer


def forget(answer: Sent) -> Sent:
    answer.add("Set-Cookie", cookies.keep(COOKIE, "", 0))
    return answer


def remembered(request: AnyRequest) -> tuple[str, str, str] | None:
    """The receipt this browser may come back to, the mark of its form and the digits."""
    said, _dot, mark = cookies.read(request, COOKIE).rpartition(".")
    parts = said.split(".")
    if len(parts) != 3 or not hmac.compare_digest(_mark("cookie", said).encode(), mark.encode()):
        return None
    receipt = receipts.read(parts[0])
    return (receipt, parts[1], parts[2]) if receipt else None


def mark_of_form(*said: str) -> str:
    """The same for the same form, and nothing without our key: pressing twice shall sign once."""
    return _mark("form", "\0".join(said))


def mark_of(receipt: str) -> str:
    """What the forms of the page bear, so that none acts on a pledge opened elsewhere meanwhile."""
    return _mark("page", receipt)


def _mark(what: str, said: str) -> str:
    key = keyring.newest("codes").secret
    return hmac.digest(key, f"{what}|{said}".encode(), hashlib.sha256).hex()[:MARK]
