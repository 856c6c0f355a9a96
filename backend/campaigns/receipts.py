"""Receipt codes: eight characters with which a signer comes back, without an account.

The alphabet is Crockford's base 32: no I, L, O or U, and whoever types them is understood. Eight
characters are 40 bits; a wrong one tells nothing and is counted, so guessing takes years.
"""

import hashlib
import hmac
import secrets
from uuid import UUID

from backend.web import keyring
from backend.web.sealing import blind_index

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
MISTAKEN = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", " ": "", "-": "", ".": ""})
MOST_TRIES = 5
MOST_ROUNDS = 4


def new() -> str:
    return "".join(ALPHABET[byte % 32] for byte in secrets.token_bytes(LENGTH))


def read(text: str) -> str | None:
    """The code as it was given out, from what somebody typed; None when it cannot be one."""
    code = text[:60].upper().translate(MISTAKEN)
    return code if len(code) == LENGTH and not set(code) - set(ALPHABET) else None


def in_words(code: str) -> str:
    """K7QM-X9RT: two halves are easier to copy."""
    return f"{code[:4]}-{code[4:]}"


def index(code: str) -> bytes:
    return blind_index("receipt", code)


def six_digits(pledge: UUID, round: int) -> str:
    """The code in the mail. It is worked out when needed and kept nowhere."""
    key = keyring.newest("codes").secret
    digest = hmac.digest(key, f"{pledge}|{round}".encode(), hashlib.sha256)
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"


def is_six_digits(pledge: UUID, round: int, typed: str) -> bool:
    typed = "".join(letter for letter in typed[:40] if letter.isdecimal() and letter.isascii())
    return hmac.compare_digest(typed.encode(), six_digits(pledge, round).encode())
