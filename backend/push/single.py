"""One message to one phone, through PyPI `pywebpush`: a test that somebody waits for, and what
staff ring on a phone of their own. Many at once go over `http_client`, which is much faster."""

import asyncio
from base64 import urlsafe_b64encode
from typing import Any

import requests
from pywebpush import WebPusher
from urllib3.exceptions import HTTPError

from backend.push import payload
from backend.push.endpoints import Endpoint
from backend.push.http_client import Answer, NoAnswer

# Of an answer's body: its own word for what is wrong stands at the beginning.
MOST_BODY = 4096


class _Session(requests.Session):
    """Follows no redirect, which would carry the message to whoever it names, asks no proxy of the
    environment, and reads no more of an answer than is needed."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        # What comes packed all the same is not unpacked: its status says what matters.
        self.headers["Accept-Encoding"] = "identity"

    def post(self, url: Any, data: Any = None, json: Any = None, **more: Any) -> requests.Response:
        answer = super().post(url, data, json, **more, allow_redirects=False, stream=True)
        # As `requests` itself keeps a body that was read; pywebpush asks for all of it.
        answer._content = answer.raw.read(MOST_BODY, decode_content=False)
        answer.close()
        return answer


async def send(
    to: Endpoint,
    p256dh: bytes,
    auth: bytes,
    plain: bytes,
    headers: dict[str, str],
    life: int,
    seconds: float,
) -> Answer:
    """Seal `plain` for this phone and send it, for `life` seconds. Raises NoAnswer and
    payload.NotAKey."""
    payload.check_keys(p256dh, auth)
    phone = {
        "endpoint": to.origin + to.path,
        "keys": {"p256dh": _without_padding(p256dh), "auth": _without_padding(auth)},
    }

    def post() -> requests.Response:
        with _Session() as session:
            pusher = WebPusher(phone, requests_session=session)
            answer = pusher.send(plain, headers, life, timeout=seconds)
            assert isinstance(answer, requests.Response)
            return answer

    try:
        async with asyncio.timeout(2 * seconds):
            answer = await asyncio.to_thread(post)
    except (requests.RequestException, HTTPError, TimeoutError, OSError) as error:
        # Its words may hold the address, which is the phone's.
        raise NoAnswer(type(error).__name__) from None
    return Answer(answer.status_code, answer.headers.get("retry-after", ""), answer.content)


def _without_padding(key: bytes) -> str:
    return urlsafe_b64encode(key).rstrip(b"=").decode()
