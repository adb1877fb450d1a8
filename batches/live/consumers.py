"""WebSocket: one watcher of one batch."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from backtester.accounts.credentials import scope_credential
from batches.errors import BatchError, NotFound
from batches.live.follow import follow, refusal
from batches.live.subscriptions import Event
from batches.ops.counters import open_streams

NORMAL, SERVER_ERROR = 1000, 1011
CLOSE_CODES = {401: 4401, 404: 4404, 429: 4429}
PONG = '{"type":"pong"}'
LONGEST_PING = 100  # characters; what is longer is not even parsed


class BatchConsumer(AsyncConsumer):
    """Sends what `follow` yields, and closes after the terminal event. The server's own pings are the heartbeat."""

    pump: asyncio.Task[None]

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[..., Any]
    ) -> None:
        """From message to handler, without the layer channel and the two tasks of the stock consumer: the hub's one
        channel serves every watcher of the process, and thousands of them wait here."""
        self.scope, self.base_send = scope, send
        with contextlib.suppress(StopConsumer):
            while True:
                await self.dispatch(await receive())

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Straight to the handler: the stock one does database housekeeping in a thread for every message."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def websocket_connect(self, _: dict[str, Any]) -> None:
        """Accept, then follow."""
        await self.send({"type": "websocket.accept"})
        self.pump = asyncio.create_task(self._forward())

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        """Nothing is expected from clients, except the ping of those that cannot see protocol pings, as browsers."""
        text = message.get("text") or "null"
        with contextlib.suppress(orjson.JSONDecodeError, TypeError):
            if len(text) <= LONGEST_PING and orjson.loads(text) == {"type": "ping"}:
                await self.send({"type": "websocket.send", "text": PONG})

    async def websocket_disconnect(self, _: dict[str, Any]) -> None:
        """The client left, or we closed."""
        self.pump.cancel()
        raise StopConsumer

    async def _forward(self) -> None:
        open_streams["websocket"] += 1
        try:
            events = follow(self._session_id(), scope_credential(self.scope), send=self._send_event)
            async with contextlib.aclosing(events):
                async for event in events:
                    if event is not None:
                        await self._send_event(event)
            await self.send({"type": "websocket.close", "code": NORMAL})
        except BatchError as error:
            await self.send({"type": "websocket.send", "text": refusal(error)})
            code = CLOSE_CODES.get(error.status, SERVER_ERROR)
            await self.send({"type": "websocket.close", "code": code, "reason": error.message})
        except Exception:
            await self.send({"type": "websocket.close", "code": SERVER_ERROR})  # clients try again
            raise
        finally:
            open_streams["websocket"] -= 1

    async def _send_event(self, event: Event) -> None:
        await self.base_send({"type": "websocket.send", "text": event.text})

    def _session_id(self) -> uuid.UUID:
        try:
            return uuid.UUID(self.scope["url_route"]["kwargs"].get("session_id", ""))
        except ValueError:
            raise NotFound from None
