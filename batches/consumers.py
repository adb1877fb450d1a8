"""WebSocket: one watcher of one batch."""

import asyncio
import contextlib
import uuid
from typing import Any

import orjson
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from batches.errors import NotFound
from batches.live import follow

UNKNOWN_SESSION, SERVER_ERROR = 4404, 1011
PONG = '{"type":"pong"}'


class BatchConsumer(AsyncConsumer):
    """Sends what `follow` yields, and closes after the terminal event. Daphne's own pings are the heartbeat."""

    channel_layer_alias = (
        "none"  # not configured, on purpose: the hub's one channel serves every watcher of the process
    )
    pump: asyncio.Task[None]

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Straight to the handler: the stock one does database housekeeping in a thread for every message."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def websocket_connect(self, _: dict[str, Any]) -> None:
        """Accept, then follow."""
        await self.send({"type": "websocket.accept"})
        self.pump = asyncio.create_task(self._forward())

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        """Nothing is expected from clients, except the ping of those that cannot see protocol pings, as browsers."""
        with contextlib.suppress(orjson.JSONDecodeError, TypeError):
            if orjson.loads(message.get("text") or "null") == {"type": "ping"}:
                await self.send({"type": "websocket.send", "text": PONG})

    async def websocket_disconnect(self, _: dict[str, Any]) -> None:
        """The client left, or we closed."""
        self.pump.cancel()
        raise StopConsumer

    async def _forward(self) -> None:
        try:
            async with contextlib.aclosing(follow(self._session_id())) as events:
                async for event in events:
                    if event is not None:
                        await self.send({"type": "websocket.send", "text": event.text})
            await self.send({"type": "websocket.close", "code": 1000})
        except NotFound as error:
            await self.send({"type": "websocket.send", "text": orjson.dumps(error.as_json()).decode()})
            await self.send({"type": "websocket.close", "code": UNKNOWN_SESSION, "reason": error.message})
        except Exception:
            await self.send({"type": "websocket.close", "code": SERVER_ERROR})  # clients try again
            raise

    def _session_id(self) -> uuid.UUID:
        try:
            return uuid.UUID(self.scope["url_route"]["kwargs"].get("session_id", ""))
        except ValueError:
            raise NotFound from None
