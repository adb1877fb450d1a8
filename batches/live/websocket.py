"""WebSocket: an ASGI application that sends the events of one batch."""

import asyncio
import contextlib
import uuid

import orjson

from backtester.accounts.credentials import scope_credential
from batches.errors import BatchError, NotFound
from batches.live.asgi_types import Message, Receive, Scope, Send
from batches.live.follow import follow
from batches.live.subscriptions import Event
from batches.ops.counters import open_streams
from batches.sweep.encoding import encode

NORMAL, SERVER_ERROR = 1000, 1011
CLOSE_CODES = {401: 4401, 404: 4404, 429: 4429}
PONG = '{"type":"pong"}'
MAX_PING = 100  # characters; longer messages are not parsed


async def watch(scope: Scope, receive: Receive, send: Send) -> None:
    """Send events until the terminal one. The server's pings are the heartbeat; browsers, which do not see them, ping.

    Not a consumer of Channels: that one has a channel, two tasks and a hop to a thread for each message, and thousands
    of clients wait here for the one channel of the hub.
    """
    forwarding = None
    try:
        while (message := await receive())["type"] != "websocket.disconnect":
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
                forwarding = asyncio.create_task(_forward(scope, send))
            elif _is_ping(message):
                await send({"type": "websocket.send", "text": PONG})
    finally:
        if forwarding is not None:
            forwarding.cancel()


async def _forward(scope: Scope, send: Send) -> None:
    async def send_event(event: Event) -> None:
        await send({"type": "websocket.send", "text": event.text})

    open_streams["websocket"] += 1
    try:
        events = follow(_session_id(scope), scope_credential(scope), send=send_event)
        async with contextlib.aclosing(events):
            async for event in events:
                if event is not None:
                    await send_event(event)
        await send({"type": "websocket.close", "code": NORMAL})
    except BatchError as error:
        await send({"type": "websocket.send", "text": encode({"type": "error"} | error.as_json())})
        code = CLOSE_CODES.get(error.status, SERVER_ERROR)
        await send({"type": "websocket.close", "code": code, "reason": error.message})
    except Exception:
        await send({"type": "websocket.close", "code": SERVER_ERROR})  # clients reconnect
        raise
    finally:
        open_streams["websocket"] -= 1


def _is_ping(message: Message) -> bool:
    text = message.get("text") or ""
    try:
        return len(text) <= MAX_PING and orjson.loads(text) == {"type": "ping"}
    except (orjson.JSONDecodeError, TypeError):
        return False


def _session_id(scope: Scope) -> uuid.UUID:
    try:
        return uuid.UUID(scope["url_route"]["kwargs"].get("session_id", ""))
    except ValueError:
        raise NotFound from None
