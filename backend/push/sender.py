"""Sender: one go at a batch; each device is sent its message, and whoever is done is struck off.

Nobody is lost when a worker dies: a device is struck off only after the push service has answered.

A refusal has two possible causes. While the same service takes what this process sends to others,
it is the device: anybody can register one that is always refused, so it must cost the others
nothing. While nothing is taken it is we, and no device may suffer for that.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog

from backend import database, settings
from backend.push import (
    answers,
    endpoints,
    fan_out,
    payload,
    push_services,
    quiet_hours,
    single,
    timing,
    tuning,
    vapid,
)
from backend.push.answers import Verdict
from backend.push.batch import COUNTED, Batch
from backend.push.http_client import Answer, Client, NoAnswer
from backend.web import keyring
from backend.web.keyring import NoKey
from backend.web.sealing import CannotOpen, DataKey

log = structlog.get_logger()

LINGER = 0.1

# How often the database is told that a service takes messages, in seconds.
OFTEN = 1.0

# Silences in a row at each service, and when it last took a message under a key: in this process.
# Another machine's settings or line may be fine where ours are not.
_silent: Counter[str] = Counter()
_took: dict[tuple[str, str], float] = {}
_told: dict[str, float] = {}


class Run:
    """One go at a batch. `window` messages are under way at once; what came of them is noted all
    together whenever the database has taken the notes before. A `probe` sends one message to a
    service that stands still."""

    def __init__(
        self, batch: Batch, client: Client, pauses: int, end: float, probe: bool = False
    ) -> None:
        self.batch = batch
        self.client = client
        self.pauses = pauses
        self.end = end
        self.probe = probe
        here = settings.read()
        self.contact = here.push_contact
        self.test_hosts = here.push_test_hosts
        self.pace = here.push_pace.get(batch.host)
        self.find = cache(keyring.named)
        self.stopped = False  # nothing more is sent
        self.lost = False  # another lane has taken the batch
        self.closed = False  # nothing more comes to be noted
        self.struck: dict[int, str] = {}
        self.in_vain: set[int] = set()  # to be tried again, but not at once
        self.forget: list[tuple[int, bytes]] = []
        self.fresh: list[int] = []
        self.blamed: list[tuple[int, bytes]] = []
        self.refused = 0  # while nothing was taken that would show it was the devices
        self.why = ""
        self.took_any = False
        self.under_way = 0
        self.doubt = ""  # why the service may have to be left alone, once all under way are back
        self.sure = asyncio.Event()
        self.sure.set()
        self.proof = asyncio.Event()  # that it takes what we send, or that nobody is left
        if batch.tells_of_the_service:
            self.proof.set()
        self.step = asyncio.Lock()
        self.to_note = asyncio.Event()
        self.noted = asyncio.Event()
        self.due = 0.0
        self.unnoted = 0

    async def ring(self) -> None:
        """Send all that can be sent now. What remains stays with the batch."""
        batch = self.batch
        if batch.cancelled or batch.life() <= 0:
            self.strike_all("skipped" if batch.cancelled else "failed")
            return
        devices = await self._awake()
        if not devices:
            return
        if self.probe:
            devices = devices[:1]
        if self.pace is not None:
            # No more than fits into this shift: the room would be lost.
            devices = devices[: max(1, int((self.end - time.monotonic()) * self.pace / 60))]
            self.due = time.monotonic() + await push_services.reserve(
                batch.host, len(devices), self.pace
            )
        notes = asyncio.create_task(self._keep_notes())
        line = iter(devices)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(min(tuning.current.window, len(devices))):
                    group.create_task(self._send_some(line, number < tuning.current.refusals))
        finally:
            self.closed = True
            self.to_note.set()
            await notes
        if self.refused and not self.took_any and await push_services.took_nothing(batch.host):
            tell = push_services.refuses_new if batch.trial else push_services.refuses_all
            await tell(batch.host, self.why)

    async def put_down(self) -> None:
        """Note the rest, and give the batch back or delete it."""
        if self.lost:
            return
        batch = self.batch
        async with database.connection() as connection:
            if not await self._note(connection):
                return
            if self.fresh:
                await connection.execute(ACCEPTED, self.fresh)
            if not batch.remaining:
                gone = await connection.fetchval(
                    "DELETE FROM ring_batch WHERE id = $1 AND holder = $2 RETURNING id",
                    batch.id,
                    batch.holder,
                )
                if gone is not None:
                    counts = [batch.counts[name] for name in COUNTED]
                    await connection.execute(ADD_UP, batch.ring, *counts)
                    await connection.execute(fan_out.FINISH, batch.ring)
                return
            await self._put_off(connection)

    async def _put_off(self, connection: Any) -> None:
        """What was not begun is due at once, what was tried in vain after a while."""
        batch = self.batch
        in_vain = self.in_vain & batch.remaining
        if not in_vain:
            await connection.execute(GIVE_BACK, batch.id, batch.holder, timedelta(), batch.tries)
            return
        wait = tuning.current.first_wait * 2 ** min(batch.tries, 20)
        wait = min(wait, tuning.current.longest_wait) * random.uniform(0.8, 1.2)  # noqa: S311
        tries = min(batch.tries + 1, 1000)
        if in_vain == batch.remaining:
            await connection.execute(GIVE_BACK, batch.id, batch.holder, wait, tries)
            return
        await connection.execute(MOVE, batch.id, batch.holder, sorted(batch.remaining - in_vain))
        until = timing.now() + wait
        more = (batch.ring, batch.host, batch.urgent, sorted(in_vain), batch.trial, until, tries)
        await connection.execute(ADD, *more)
        await connection.execute(GIVE_BACK, batch.id, batch.holder, timedelta(), batch.tries)

    @property
    def _witness(self) -> float:
        return tuning.current.witness.total_seconds()

    def strike_all(self, as_what: str) -> None:
        for id in list(self.batch.remaining):
            self._strike(id, as_what)

    async def _awake(self) -> list[dict[str, Any]]:
        """The devices that may ring now. Those whose owners sleep get a batch of their own, due
        when the first of them wakes; whoever unsubscribed meanwhile is skipped."""
        batch = self.batch
        async with _no_transaction() as connection:
            rows: list[Any] = await connection.fetch(DEVICES, list(batch.remaining))
        for id in batch.remaining - {row["id"] for row in rows}:
            self._strike(id, "skipped")
        if batch.urgent:
            return rows
        awake: list[dict[str, Any]] = []
        asleep: dict[datetime, list[int]] = {}
        now = timing.now()
        for row in rows:
            until = quiet_hours.until(row["quiet_from"], row["quiet_until"], now)
            if until is None:
                awake.append(row)
            elif until >= batch.expires_at:
                self._strike(row["id"], "skipped")
            else:
                asleep.setdefault(until, []).append(row["id"])
        if asleep:
            await self._put_to_bed(asleep)
        return awake

    async def _put_to_bed(self, asleep: dict[datetime, list[int]]) -> None:
        batch = self.batch
        async with database.connection() as connection:
            for until, ids in asleep.items():
                left = sorted(batch.remaining - set(ids))
                moved = await connection.execute(MOVE, batch.id, batch.holder, left)
                if moved == "UPDATE 0":
                    self.lost = self.stopped = True
                    return
                batch.remaining -= set(ids)
                about = (batch.ring, batch.host, batch.urgent, ids, batch.trial)
                await connection.execute(ADD, *about, until, batch.tries)

    async def _send_some(self, line: Iterator[dict[str, Any]], first: bool) -> None:
        if not first:
            await self.proof.wait()
        for device in line:
            if self.pace is not None:
                await self._turn()
            # A crash shall not ring thousands twice.
            while self.unnoted >= tuning.current.unnoted and not self.stopped:
                self.noted.clear()
                await self.noted.wait()
            await self.sure.wait()
            if self.refused >= tuning.current.refusals and not self.took_any:
                async with self.step:
                    await asyncio.sleep(tuning.current.walk)
            if self.stopped or time.monotonic() > self.end:
                return
            self.under_way += 1
            try:
                await self._send(device)
            finally:
                self.under_way -= 1
            if self.doubt and not self.under_way:
                reason, self.doubt = self.doubt, ""
                await self._pause(reason)
        self.proof.set()

    async def _turn(self) -> None:
        assert self.pace is not None
        wait = self.due - time.monotonic()
        self.due += 60 / self.pace
        if wait > 0:
            await asyncio.sleep(wait)

    async def _send(self, device: dict[str, Any]) -> None:
        batch, id = self.batch, device["id"]
        life = batch.life()
        if life <= 0:
            self._strike(id, "failed")
            return
        try:
            answer, size = await self._ask(device, life)
        except (NoKey, CannotOpen, endpoints.NotAnEndpoint, payload.NotAKey, ValueError) as error:
            log.warning("a phone cannot be rung", row=id, host=batch.host, why=type(error).__name__)
            self._strike(id, "failed")
            return
        except NoAnswer as error:
            log.info("no answer", row=id, host=batch.host, why=str(error))
            await self._silence(id)
            return
        await self._hear(device, answer, size)

    async def _ask(self, device: dict[str, Any], life: int) -> tuple[Answer, int]:
        """What the push service says to this message, and how many bytes that was."""
        batch = self.batch
        key = DataKey.unwrap(device["data_key"], "subscription", device["id"], self.find)
        to = endpoints.read(key.open("endpoint", device["endpoint"]), self.test_hosts)
        p256dh, auth = device["p256dh"], bytes.fromhex(key.open("auth", device["auth"]))
        plain = batch.message(device["language"], device["wording"])
        signed = vapid.authorization(device["vapid_key"], to.origin, self.contact)
        if batch.single:
            headers = {"Authorization": signed, **batch.headers(life)}
            seconds = self.client.seconds
            answer = await single.send(to, p256dh, auth, plain, headers, life, seconds)
            return answer, len(plain)
        request = batch.request(to, signed, life, payload.seal(plain, p256dh, auth))
        return await self.client.ask(to.host, to.port, to.secure, request), len(request)

    async def _hear(self, device: dict[str, Any], answer: Answer, size: int) -> None:
        batch, id = self.batch, device["id"]
        verdict = answers.judge(answer)
        if verdict is Verdict.ACCEPTED:
            if device["stale"] or device["refused"]:
                self.fresh.append(id)
            self._strike(id, "accepted")
            await self._taken(device["vapid_key"])
            return
        if verdict is Verdict.GONE:
            _silent[batch.host] = 0
            self.forget.append((id, device["place"]))
            self._strike(id, "gone")
        elif verdict is Verdict.TOO_LARGE:
            self._strike(id, "failed")
            log.error("a message was too large", row=id, host=batch.host, bytes=size)
            await push_services.too_large(batch.host, answers.reason(answer), size)
        elif verdict is Verdict.REFUSED:
            log.warning("refused", row=id, host=batch.host, status=answer.status)
            await self._refusal(device, answers.reason(answer))
        elif verdict is Verdict.BUSY:
            await self._pause("busy", answers.how_long(answer.retry_after))
        else:
            log.info("not now", row=id, host=batch.host, status=answer.status)
            await self._silence(id)

    async def _taken(self, key: str) -> None:
        host = self.batch.host
        self.took_any = True
        self.proof.set()
        _silent[host] = 0
        at = _took[host, key] = time.monotonic()
        self._believe()
        if at - _told.get(host, 0.0) > OFTEN:
            _told[host] = at
            await push_services.took(host)
        if self.probe:
            await push_services.resume(host)
        if self.pauses:
            self.pauses = 0
            await push_services.well(host)

    async def _refusal(self, device: dict[str, Any], why: str) -> None:
        id, host = device["id"], self.batch.host
        self.why = why
        if not self.probe:
            self.in_vain.add(id)
        witness = _took.get((host, device["vapid_key"]))
        if witness is not None and time.monotonic() - witness < self._witness:
            self._blame(device)
            return
        self.refused += 1
        if self.probe or self.stopped or not self.batch.tells_of_the_service:
            return
        if await push_services.refused(host) and not self.took_any:
            self._doubt("refused")

    def _blame(self, device: dict[str, Any]) -> None:
        """It is the device. It gets a few chances in this ring, then one by each."""
        id = device["id"]
        self.blamed.append((id, device["place"]))
        if device["refused"] + 1 >= tuning.current.aside:
            self._strike(id, "failed")

    async def _silence(self, id: int) -> None:
        host = self.batch.host
        if self.probe:
            return
        self.in_vain.add(id)
        if not self.batch.tells_of_the_service:
            return
        _silent[host] += 1
        if _silent[host] >= tuning.current.silences and not self.stopped:
            _silent[host] = 0
            self._doubt("down")

    def _doubt(self, reason: str) -> None:
        """Send nothing more until those under way are back: what is refused may be answered sooner
        than what is taken."""
        self.doubt = reason
        self.sure.clear()

    def _believe(self) -> None:
        self.doubt = ""
        self.sure.set()

    async def _pause(self, reason: str, time: timedelta | None = None) -> None:
        if self.stopped:
            return
        self._stop()
        await push_services.pause(self.batch.host, reason, time)
        log.warning("a push service is left alone", host=self.batch.host, reason=reason)

    def _stop(self) -> None:
        self.stopped = True
        self.noted.set()
        self.sure.set()
        self.proof.set()

    def _strike(self, id: int, as_what: str) -> None:
        self.struck[id] = as_what
        self.unnoted += 1
        # One note for several: taking it costs the database as much as a message costs us.
        if self.unnoted * 3 >= tuning.current.unnoted:
            self.to_note.set()

    async def _keep_notes(self) -> None:
        """Also when there is nothing to note: it keeps the batch ours."""
        often = tuning.current.lease.total_seconds() / 3
        noted = time.monotonic()
        try:
            while not (self.closed and not self.struck) and not self.lost:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.to_note.wait(), often if self.closed else LINGER)
                self.to_note.clear()
                if self.struck or time.monotonic() - noted > often:
                    await self._note(None)
                    noted = time.monotonic()
                self.noted.set()
        except BaseException:
            # Nobody may wait for notes that are taken no more; another lane finds the batch.
            self.lost = True
            self._stop()
            raise

    async def _note(self, connection: Any) -> bool:
        """Strike off those who are done. False when the batch is not ours any more. `connection` is
        that of the open transaction, if there is one."""
        batch = self.batch
        struck, self.struck = self.struck, {}
        forget, self.forget = self.forget, []
        blamed, self.blamed = self.blamed, []
        batch.remaining -= struck.keys()
        batch.counts.update(struck.values())
        values = (
            batch.id,
            batch.holder,
            list(batch.remaining),
            tuning.current.lease,
            *(batch.counts[name] for name in COUNTED),
            [id for id, _place in forget],
            [place for _id, place in forget],
        )
        if connection is None:
            async with _no_transaction() as own:
                row = await own.fetchrow(NOTE, *values)
        else:
            row = await connection.fetchrow(NOTE, *values)
        self.unnoted -= len(struck)
        if blamed:
            await self._note_blamed(connection, blamed)
        if row is None:
            self.lost = True
            self._stop()
            return False
        if row["cancelled"] and not batch.cancelled:
            batch.cancelled = True
            self._stop()
        if row["paused"] and not self.probe:
            self._stop()
        if self.closed and batch.cancelled and batch.remaining:
            self.strike_all("skipped")
            return await self._note(connection)
        return True

    async def _note_blamed(self, connection: Any, blamed: list[tuple[int, bytes]]) -> None:
        values = ([id for id, _place in blamed], [place for _id, place in blamed])
        here = tuning.current
        if connection is None:
            async with _no_transaction() as own:
                rows = await own.fetch(BLAME, *values, here.struck)
        else:
            rows = await connection.fetch(BLAME, *values, here.struck)
        aside = sum(row["refused"] == here.aside for row in rows)
        if aside:
            await push_services.refuses_some(self.batch.host, self.why, aside)


@contextlib.asynccontextmanager
async def _no_transaction() -> Any:
    """A connection whose every statement stands by itself: one round trip in place of three."""
    if database.DB.current_transaction.get() is not None or database.DB.pool is None:
        async with database.connection() as connection:
            yield connection
        return
    async with database.DB.pool.acquire() as connection:
        yield connection


DEVICES = """
SELECT id, data_key, endpoint, auth, p256dh, place, vapid_key, language, wording,
       quiet_from, quiet_until, refused,
       accepted_at IS NULL OR (accepted_at AT TIME ZONE 'UTC')::date
           < (clock_timestamp() AT TIME ZONE 'America/Los_Angeles')::date AS stale
FROM subscription WHERE id = ANY($1::bigint[]) ORDER BY random()
"""

# A lost note rings a few twice, so it need not be on the disk before we go on.
NOTE = """
WITH fast AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
forgotten AS (
    DELETE FROM subscription WHERE (id, place) IN (SELECT * FROM unnest($9::bigint[], $10::bytea[]))
)
UPDATE ring_batch SET remaining = $3, held_until = clock_timestamp() + $4::interval,
       accepted = $5, gone = $6, failed = $7, skipped = $8
FROM fast WHERE id = $1 AND holder = $2
RETURNING (SELECT cancelled_at IS NOT NULL FROM ring WHERE ring.id = ring_batch.ring) AS cancelled,
          coalesce((SELECT paused_until > clock_timestamp() FROM push_host
                    WHERE push_host.host = ring_batch.host), false) AS paused
"""

GIVE_BACK = """
UPDATE ring_batch SET holder = NULL, held_until = NULL, due_at = clock_timestamp() + $3::interval,
       tries = $4
WHERE id = $1 AND holder = $2
"""

MOVE = "UPDATE ring_batch SET remaining = $3 WHERE id = $1 AND holder = $2"

ADD = """
INSERT INTO ring_batch (ring, host, urgent, remaining, trial, due_at, tries, accepted, gone, failed,
                        skipped, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, clock_timestamp())
"""

ACCEPTED = """
UPDATE subscription SET refused = 0, accepted_at =
    (clock_timestamp() AT TIME ZONE 'America/Los_Angeles')::date::timestamp AT TIME ZONE 'UTC'
WHERE id = ANY($1::bigint[])
"""

# Only the endpoint that was refused is to blame, not one that its phone has got since.
BLAME = """
WITH those AS (SELECT * FROM unnest($1::bigint[], $2::bytea[])),
struck AS (
    DELETE FROM subscription WHERE (id, place) IN (TABLE those) AND refused + 1 >= $3
)
UPDATE subscription SET refused = refused + 1
WHERE (id, place) IN (TABLE those) AND refused + 1 < $3
RETURNING refused
"""

ADD_UP = """
UPDATE ring SET accepted = accepted + $2, gone = gone + $3, failed = failed + $4,
       skipped = skipped + $5
WHERE id = $1
"""
