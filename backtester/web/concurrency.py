"""Limit how many requests are computed at the same time. Those that wait cost no thread, no memory and no connection.

Django takes a thread for each request, and each request for the results of a large batch allocates its own arrays. A
turn ends when the response starts: it is computed then, so that slow clients do not block the others.
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable

import orjson
from django.conf import settings
from django.db import DatabaseError

from backtester.web.headers import error_headers
from backtester.web.uploads import has_credential
from batches.errors import Busy
from batches.live.asgi_types import Application, Message, Receive, Scope, Send
from batches.live.reads import read
from batches.models import BatchSession

MAX_COMPUTED, MAX_COMPUTED_WAITING = 32, 1_000
MAX_LARGE, MAX_LARGE_WAITING = 2, 50
LARGE = 100_000  # tests
UUID = r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}"
READS_COLUMNS = re.compile(
    rf"/(?:api/backtest/batch/{UUID}/(?:results|heatmap)|batches/(?:{UUID}/(?:$|results|heatmap|parallel|spread)|compare/))"
)
MAX_IDS = 25  # of one request
MAX_TOTALS = 1_000
totals: dict[uuid.UUID, int] = {}  # of the batches that were requested


class InTurn:
    """An ASGI application that computes at most `limit` of some requests at the same time, and refuses a long queue."""

    def __init__(
        self, application: Application, *, limit: int, max_waiting: int, concerns: Callable[[Scope], Awaitable[bool]]
    ) -> None:
        self.application = application
        self.turns = asyncio.Semaphore(limit)
        self.max_waiting = max_waiting
        self.waiting = 0
        self.concerns = concerns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await self.concerns(scope):
            await self.application(scope, receive, send)
        elif self.waiting >= self.max_waiting:
            await refuse(send)
        else:
            await self._wait()
            await self._compute(scope, receive, send)

    async def _wait(self) -> None:
        self.waiting += 1
        try:
            await self.turns.acquire()
        finally:
            self.waiting -= 1

    async def _compute(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_turn = True

        def end_turn() -> None:
            nonlocal has_turn
            if has_turn:
                has_turn = False
                self.turns.release()

        async def send_after_turn(message: Message) -> None:
            end_turn()
            await send(message)

        try:
            await self.application(scope, receive, send_after_turn)
        finally:
            end_turn()


def limited(application: Application) -> Application:
    """Return the application with both limits: of all requests, and of those that read the columns of large batches."""
    computed = InTurn(application, limit=MAX_COMPUTED, max_waiting=MAX_COMPUTED_WAITING, concerns=is_computed)
    return InTurn(computed, limit=MAX_LARGE, max_waiting=MAX_LARGE_WAITING, concerns=reads_large_columns)


async def refuse(send: Send) -> None:
    error = Busy("Too many requests wait for the server. Try again later.")
    await send({"type": "http.response.start", "status": error.status, "headers": error_headers(error)})
    await send({"type": "http.response.body", "body": orjson.dumps(error.as_json())})


async def is_computed(scope: Scope) -> bool:
    return bool(scope["path"] != "/healthz")  # must answer at any load: the supervisor polls it


async def reads_large_columns(scope: Scope) -> bool:
    path = scope["path"].lower()
    if not READS_COLUMNS.match(path) or (settings.ACCESS_MODE == "team" and not has_credential(scope["headers"])):
        return False
    ids = re.findall(UUID, path + scope["query_string"].decode("latin1").lower())
    return sum([await total_of(uuid.UUID(text)) for text in dict.fromkeys(ids[:MAX_IDS])]) > LARGE


async def total_of(session_id: uuid.UUID) -> int:
    """Return the number of tests of a batch, which never changes; 0 if it cannot be found."""
    if session_id not in totals:
        try:
            totals[session_id] = await read(_read_total, session_id)
        except (BatchSession.DoesNotExist, DatabaseError):  # the view answers that
            return 0
        if len(totals) > MAX_TOTALS:
            del totals[next(iter(totals))]
    return totals[session_id]


def _read_total(session_id: uuid.UUID) -> int:
    return BatchSession.objects.values_list("total", flat=True).get(pk=session_id)
