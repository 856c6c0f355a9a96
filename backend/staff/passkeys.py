"""Making passkeys and recognizing them again (WebAuthn): the browser asks the person's phone, we
check what it signed. Nobody comes in whose finger, face or PIN the phone did not check."""

import json
from typing import Any, Protocol
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from backend import settings
from backend.staff.tables import Account, Passkey
from backend.web.language import gettext as _

TIME_TO_ANSWER = 120_000
LONGEST_ANSWER = 8000
LONGEST_CREDENTIAL_ID = 1023
MOST_PASSKEYS = 20
TRANSPORTS = {each.value for each in AuthenticatorTransport}


class Asker(Protocol):
    """What keeps a question until it is answered: a session, or `asking.Question`."""

    async def keep_challenge(self, purpose: str, challenge: str) -> None: ...
    async def take_challenge(self, purpose: str) -> str | None: ...
    async def is_first_answer(self) -> bool: ...


class NotAccepted(Exception):
    """What a browser sent opens nothing. `reason` is for the audit trail, never for who sent it;
    `name` is whose passkey it was, where that is known."""

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.name = name


async def ask_to_make(session: Asker, account: Account, purpose: str) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked, as JSON; the session keeps its challenge."""
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name=settings.read().app_name,
        user_name=account.name,
        user_id=account.handle,
        timeout=TIME_TO_ANSWER,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(await Passkey.of(account)),
    )
    await session.keep_challenge(purpose, bytes_to_base64url(options.challenge))
    return options_to_json_dict(options)


async def ask_to_show(
    session: Asker, purpose: str, account: Account | None = None
) -> dict[str, Any]:
    """What `navigator.credentials.get` is asked, as JSON. Without an account any passkey of this
    site will do: the phone offers those it has."""
    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        timeout=TIME_TO_ANSWER,
        allow_credentials=_named(await Passkey.of(account)) if account else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    await session.keep_challenge(purpose, bytes_to_base64url(options.challenge))
    return options_to_json_dict(options)


async def read_new(session: Asker, account: Account, purpose: str, answer: str) -> Passkey:
    """The passkey that a browser made for this account, not saved yet. Raises NotAccepted."""
    challenge = await _challenge(session, purpose)
    try:
        made = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=settings.read().site_url,
            require_user_verification=True,
        )
    except Exception as error:  # whatever its parsers stumble over in a stranger's bytes
        raise NotAccepted("not_verified", account.name) from error
    if len(made.credential_id) > LONGEST_CREDENTIAL_ID:
        raise NotAccepted("not_verified", account.name)
    return Passkey(
        account=account.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=_transports(answer),
        backed_up=made.credential_backed_up,
    )


async def keep(passkey: Passkey, account: Account, name: str = "") -> None:
    """Save a new passkey under that name, or a number. Raises NotAccepted when it is no new one,
    or one too many."""
    others = len(await Passkey.of(account))
    if others >= MOST_PASSKEYS:
        raise NotAccepted("too_many", account.name)
    passkey.name = name or _("Passkey %(number)d") % {"number": others + 1}
    new = await Passkey.insert(passkey).on_conflict(action="DO NOTHING").returning(Passkey.id)
    if not new:
        raise NotAccepted("known_already", account.name)
    passkey.id = new[0]["id"]


async def recognize(session: Asker, purpose: str, answer: str) -> tuple[Account, Passkey]:
    """Whose passkey signed this session's challenge, and which. Raises NotAccepted."""
    challenge = await _challenge(session, purpose)
    credential = _read(answer)
    passkey = await _known(credential)
    account: Account = passkey.account
    try:
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=settings.read().site_url,
            credential_public_key=passkey.public_key,
            # We compare the counts ourselves, below: in one step with keeping the new one.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # whatever its parsers stumble over in a stranger's bytes
        raise NotAccepted("not_verified", account.name) from error
    handle = credential["response"].get("userHandle")
    if handle and base64url_to_bytes(handle) != account.handle:
        raise NotAccepted("not_verified", account.name)
    if account.closed_at is not None:
        raise NotAccepted("account_closed", account.name)
    if not await session.is_first_answer():
        raise NotAccepted("answered_already", account.name)
    if not await passkey.count_use(shown.new_sign_count, shown.credential_backed_up):
        raise NotAccepted("count_went_back", account.name)
    return account, passkey


async def _challenge(session: Asker, purpose: str) -> bytes:
    challenge = await session.take_challenge(purpose)
    if challenge is None:
        raise NotAccepted("not_asked")
    return base64url_to_bytes(challenge)


def _read(answer: str) -> dict[str, Any]:
    """The browser's answer. Raises NotAccepted unless it is a JSON object of sensible size."""
    try:
        found = json.loads(answer) if len(answer) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotAccepted("not_readable")
    return found


async def _known(credential: dict[str, Any]) -> Passkey:
    try:
        id = base64url_to_bytes(credential["rawId"])
    except (KeyError, ValueError, TypeError):
        raise NotAccepted("not_readable") from None
    passkey = await Passkey.objects(Passkey.account).where(Passkey.credential_id == id).first()
    if passkey is None:
        raise NotAccepted("unknown_passkey")
    return passkey


def _named(passkeys: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=each.credential_id,
            transports=[AuthenticatorTransport(way) for way in each.transports],
        )
        for each in passkeys
    ]


def _transports(answer: str) -> list[str]:
    """How the browser says this passkey can be reached: a hint, nothing rests on it."""
    said = _read(answer).get("response", {}).get("transports")
    given = said if isinstance(said, list) else []
    return sorted({way for way in given if isinstance(way, str)} & TRANSPORTS)


def _host() -> str:
    """What passkeys of this house are bound to: another host cannot even ask for them."""
    return urlsplit(settings.read().site_url).hostname or "localhost"
