"""The key pair by which push services know us (RFC 8292): P-256. Browsers get the public half."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def new_secret() -> bytes:
    """The private number, 32 bytes, big end first: what `keyring` keeps."""
    pair = ec.generate_private_key(ec.SECP256R1())
    return pair.private_numbers().private_value.to_bytes(32, "big")


def private_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError when these are not the bytes of a P-256 key."""
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


def public_half(secret: bytes) -> bytes:
    """The uncompressed point, 65 bytes."""
    public = private_key(secret).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def for_browsers(point: bytes) -> str:
    """A public half as `applicationServerKey` takes it: in base64url."""
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
