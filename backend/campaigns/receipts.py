"""Receipt codes: ten characters with which a signer comes back, without an account.

The alphabet is Crockford's base 32: no I, L, O or U, and whoever types them is understood. Ten
characters are 50 bits; wrong ones are counted, and above a threshold each costs a sum, so guessing
takes years. Codes from before have eight, as have those of shifts and sheets (`via`), which are no
secret.
"""

import hashlib
import hmac
import secrets
from uuid import UUID

from backend.web import keyring
from backend.web.sealing import blind_index

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
OLD_LENGTH = 8
VIA_LENGTH = 8
MISTAKEN = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", " ": "", "-": "", ".": ""})
# Digits typed for one pledge in a day.
MOST_TRIES = 10
# Letters with digits for one pledge.
MOST_ROUNDS = 4


def new() -> str:
    return _code(LENGTH)


def new_via() -> str:
    """A code for a shift or a sheet of paper."""
    return _code(VIA_LENGTH)


def read(text: str) -> str | None:
    """The code as it was given out, from what somebody typed; None when it cannot be one."""
    return _read(text, (LENGTH, OLD_LENGTH))


def read_via(text: str) -> str | None:
    return _read(text, (VIA_LENGTH,))


def in_words(code: str) -> str:
    """K7QM3-X9RTA: two halves are easier to copy."""
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}"


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


def _code(length: int) -> str:
    return "".join(ALPHABET[byte % 32] for byte in secrets.token_bytes(length))


def _read(text: str, lengths: tuple[int, ...]) -> str | None:
    code = text[:60].upper().translate(MISTAKEN)
    return code if len(code) in lengths and not set(code) - set(ALPHABET) else None
