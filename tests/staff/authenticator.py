"""A passkey in software: signs as a phone would, and wrongly where a test wants that."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORIGIN = "http://localhost:8000"


@dataclass
class Authenticator:
    """`count` is what it says of its uses; `verifies` whether it knows its owner; `origin` the page
    it believes to be on."""

    verifies: bool = True
    count: int = 0
    origin: str = ORIGIN
    host: str = "localhost"
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, asked: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.create`, as the page sends it."""
        self.handle = to_bytes(asked["user"]["id"])
        known = len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(self._public_key())
        data = self._data(ATTESTED) + bytes(16) + known
        response = {
            "clientDataJSON": self._client("webauthn.create", asked["challenge"]),
            "attestationObject": to_text(
                cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
            ),
            "transports": ["internal", "carrier pigeon", 7],
        }
        return self._answer(response)

    def show(self, asked: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.get`."""
        client = self._client("webauthn.get", asked["challenge"])
        data = self._data()
        signed = data + hashlib.sha256(to_bytes(client)).digest()
        response = {
            "clientDataJSON": client,
            "authenticatorData": to_text(data),
            "signature": to_text(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": to_text(self.handle),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> str:
        id = to_text(self.id)
        return json.dumps({"id": id, "rawId": id, "type": "public-key", "response": response})

    def _data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, type: str, challenge: str) -> str:
        said = {"type": type, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return to_text(json.dumps(said).encode())

    def _public_key(self) -> dict[int, Any]:
        point = self.key.public_key().public_numbers()
        return {
            1: 2,
            3: -7,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }


def to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def to_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "===")
