"""What staff may write about themselves and each other, and what they are told when it is wrong."""

import unicodedata

from backend.staff.roles import Role
from backend.web.language import gettext as _
from backend.web.responses import AnyRequest

LONGEST_NAME = 60
# A form may come with anything: this much of a field is read, and told about.
LONGEST_FIELD = 20_100


async def field(request: AnyRequest, name: str) -> str:
    """A field of the form that was sent, empty when it is missing."""
    return str((await request.form()).get(name) or "")[:LONGEST_FIELD]


async def fields(request: AnyRequest, name: str) -> list[str]:
    """A field that may come several times."""
    given = (await request.form()).getall(name, [])
    return [str(each)[:LONGEST_FIELD] for each in given[:100]]


def tidy(text: str) -> str:
    """One composed form for what looks the same, and single spaces."""
    return " ".join(filter(None, unicodedata.normalize("NFC", text).split(" ")))


def mistake_in_name(name: str) -> str | None:
    """What is wrong with the name of a person or a passkey, in a sentence; None if nothing."""
    if not name:
        return _("Write a name.")
    if len(name) > LONGEST_NAME:
        return _("The name is too long: %(count)d letters are the most.") % {"count": LONGEST_NAME}
    if any(unicodedata.category(sign)[0] in "CZ" and sign != " " for sign in name):
        return _("The name holds signs that cannot be seen. Write it anew.")
    return None


def mistake_in_roles(roles: list[str]) -> str | None:
    if not roles:
        return _("Choose at least one role.")
    if unknown := [role for role in roles if role not in list(Role)]:
        return _("There is no role “%(role)s”. There are: %(roles)s.") % {
            "role": unknown[0][:40],
            "roles": ", ".join(Role),
        }
    return None
