"""Who rings, each in a process of its own: our lanes, `webpush()` of PyPI `pywebpush` in a loop,
npm `web-push` (`ringers.js`), and the bound that cryptography alone sets.

`python tests/bench/ringers.py bound | webpush | ring | resolve …` prints a line of JSON.
"""

import asyncio
import base64
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(HOUSE))

BODY = json.dumps({"web_push": 8030, "notification": {"title": "New update"}}).ljust(1024)
WORDS = {"title": "New update", "body": "Open the app to read it"}
MEGABYTE = 1_048_576


def bound(number: int) -> dict[str, Any]:
    """One key pair, one key agreement, the HKDFs and one AES-GCM a message, and nothing else."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    curve, auth, text = ec.SECP256R1(), os.urandom(16), os.urandom(1025)
    theirs = ec.generate_private_key(curve).public_key()

    def once() -> None:
        shared = ec.generate_private_key(curve).exchange(ec.ECDH(), theirs)
        secret = HKDF(hashes.SHA256(), 32, auth, bytes(144)).derive(shared)
        key = HKDF(hashes.SHA256(), 16, auth, b"key").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, auth, b"nonce").derive(secret)
        AESGCM(key).encrypt(nonce, text, None)

    for _ in range(300):
        once()
    return _timed(number, lambda: [once() for _ in range(number)])


def webpush(number: int, host: str) -> dict[str, Any]:
    """As its README has it."""
    from py_vapid import Vapid02
    from pywebpush import webpush as send

    from tests.push.crowd import point

    signer = Vapid02()
    signer.generate_keys()
    about = {
        "endpoint": f"http://{host}/push/x",
        "keys": {"p256dh": _base64(point()), "auth": _base64(os.urandom(16))},
    }

    def ring(times: int) -> None:
        for _ in range(times):
            send(
                about,
                BODY,
                vapid_private_key=signer,
                vapid_claims={"sub": "mailto:bench@confianza.example.org"},
                ttl=3600,
            )

    ring(50)
    return _timed(number, lambda: ring(number))


def ring(host: str, what: str) -> dict[str, Any]:
    """Our own lanes, until the ring of that name is done, as the worker has them: on its loop, with
    everything imported. Another process may help."""
    import psutil
    import uvloop

    from backend import database
    from backend.push import broadcasts, delivery
    from backend.push.tables import Ring
    from backend.web import jobs

    async def run() -> dict[str, Any]:
        await database.DB.start_connection_pool(min_size=4, max_size=8)
        # What the others do by ringing a hundred first.
        await delivery.lane({"host": "nobody.example", "lane": 0})
        await jobs.enqueue("nothing", {}, key="to begin with")
        jobs.settle()
        id = (await Ring.objects().get(Ring.what == what)).id
        memory: list[float] = []
        me = psutil.Process()

        async def lane() -> None:
            while (await broadcasts.progress(id)).state != "finished":
                memory.append(me.memory_info().rss / MEGABYTE)
                await delivery.lane({"host": host, "lane": 0})
                await asyncio.sleep(0.005)

        begun, spent = time.perf_counter(), time.process_time()
        await asyncio.gather(lane(), lane())
        seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
        done = await broadcasts.progress(id)
        await database.DB.close_connection_pool()
        return {"number": done.accepted, "seconds": seconds, "cpu": cpu, "memory": memory}

    return uvloop.run(run())


def resolve(what: str) -> dict[str, Any]:
    """Writing down everybody who wants that ring, and the memory it takes, page by page."""
    import psutil

    from backend import database
    from backend.push import fan_out
    from backend.push.tables import Ring

    async def run() -> dict[str, Any]:
        await database.DB.start_connection_pool(min_size=1, max_size=2)
        id = (await Ring.objects().get(Ring.what == what)).id
        memory: list[float] = []
        me = psutil.Process()
        begun = time.perf_counter()
        while await fan_out._page(id):
            memory.append(me.memory_info().rss / MEGABYTE)
        seconds = time.perf_counter() - begun
        queued = (await Ring.objects().get(Ring.id == id)).queued
        await database.DB.close_connection_pool()
        return {"number": queued, "seconds": seconds, "cpu": 0.0, "memory": memory}

    return asyncio.run(run())


async def new_ring(what: str, audience: Any) -> int:
    from backend.push import broadcasts

    words = {"en": {"neutral": WORDS, "full": WORDS}}
    expires = datetime.now(UTC) + timedelta(hours=6)
    made = await broadcasts.ring(what, words, "/hearings/1", what, audience, expires)
    return int(made.id)


def _timed(number: int, work: Any) -> dict[str, Any]:
    begun, spent = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    return {"number": number, "seconds": seconds, "cpu": cpu, "memory": []}


def _base64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def main() -> None:
    what, *given = sys.argv[1:]
    if what == "bound":
        found = bound(int(given[0]))
    elif what == "webpush":
        found = webpush(int(given[0]), given[1])
    else:
        from backend import database, settings

        database.use(settings.read().database_url)
        found = ring(*given) if what == "ring" else resolve(*given)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
