"""E-mail addresses and phone numbers: what can exist, and which are the same person's."""

from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

LONGEST = 254

# How providers deliver one mailbox's mail, by their own help pages: what follows this sign is
# ignored, and at Google dots are too. No other address is taken for another's alias.
SUBADDRESS = {
    "gmail.com": "+",
    "googlemail.com": "+",
    "outlook.com": "+",
    "hotmail.com": "+",
    "live.com": "+",
    "icloud.com": "+",
    "me.com": "+",
    "fastmail.com": "+",
    "proton.me": "+",
    "protonmail.com": "+",
    "pm.me": "+",
    "yahoo.com": "-",
}
SAME_DOMAIN = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "protonmail.com": "proton.me",
    "pm.me": "proton.me",
}


class NotAContact(Exception):
    """It can be neither an e-mail address nor a phone number. `kind` is what it was read as."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class Contact:
    """`kind` is `email` or `phone`; `address` what to write to or call (a phone in E.164), `same`
    what is equal for everyone who shares the mailbox or line."""

    kind: str
    address: str
    same: str


def read(text: str) -> Contact:
    """An e-mail address (whatever has an @) or a phone number, by default of the United States.

    Raises NotAContact. Nobody is asked whether the address exists.
    """
    text = text.strip()
    return _email(text) if "@" in text else _phone(text)


def _email(text: str) -> Contact:
    if len(text) > LONGEST:
        raise NotAContact("email")
    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise NotAContact("email") from None
    local, domain = found.local_part.casefold(), found.ascii_domain.casefold()
    sign = SUBADDRESS.get(domain)
    if sign is not None:
        local = local.partition(sign)[0] or local
    domain = SAME_DOMAIN.get(domain, domain)
    if domain == "gmail.com":
        local = local.replace(".", "") or local
    return Contact("email", found.normalized, f"{local}@{domain}")


def _phone(text: str) -> Contact:
    if len(text) > 40:
        raise NotAContact("phone")
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        raise NotAContact("phone") from None
    if not phonenumbers.is_valid_number(number):
        raise NotAContact("phone")
    number.extension = None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Contact("phone", written, written)
