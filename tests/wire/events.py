"""Scenes: streams and sockets that are refused, and the events of a batch."""

import asyncio
import contextlib
import json

from asgiref.testing import ApplicationCommunicator
from django.test import override_settings

from . import inside
from .exchanges import BATCH, SECONDS, STREAM, UNKNOWN, frames_of


async def refused_streams(wire):
    queries = ("", "?sessionId=", "?sessionId=nonsense", "?sessionId=%00", "?sessionId[]=1", f"?sessionId={UNKNOWN}")
    for query in queries:
        await wire.ask("GET", STREAM + query)
    for method in ("POST", "DELETE", "OPTIONS"):
        await wire.ask(method, f"{STREAM}?sessionId={UNKNOWN}")
    session_id = await wire.finished(about="for streams", symbols=["ACME"])
    await wire.ask("HEAD", f"{STREAM}?sessionId={session_id}")
    answer = await wire.ask("GET", f"{BATCH}/{session_id}", about="for streams")
    last = answer["sequence"]
    for seen in (str(last), str(last - 1), str(last + 1), "0", "x", "-1", "9" * 400):
        about = f"seen {int(seen) - last if seen.isdigit() and len(seen) < 5 and seen != '0' else seen[:5]}"
        await wire.stream(session_id, headers={"Last-Event-ID": seen}, about=about)
    with override_settings(STREAMS_MAX=0):
        await wire.ask("GET", f"{STREAM}?sessionId={session_id}", about="STREAMS_MAX = 0")
        await wire.websocket(f"/ws/backtest/batch/{session_id}/", about="STREAMS_MAX = 0")
    with override_settings(STREAMS_MAX_PER_ADDRESS=0):
        await wire.websocket(f"/ws/backtest/batch/{session_id}/", about="STREAMS_MAX_PER_ADDRESS = 0")
        await by_server(wire, f"{STREAM}?sessionId={session_id}", "STREAMS_MAX_PER_ADDRESS = 0")
    await by_server(wire, f"{STREAM}?sessionId={session_id}", "as a server sees it")
    await by_server(wire, f"{STREAM}?sessionId={UNKNOWN}", "as a server sees it")
    for path in (f"/ws/backtest/batch/{UNKNOWN}/", "/ws/backtest/batch/nonsense/", "/ws/nothing", "/"):
        await wire.websocket(path, about="nothing there")
    for origin, host in (
        ("http://evil.example", "localhost"),
        (None, "evil.example"),
        ("http://localhost", "localhost"),
    ):
        about = f"from {origin} for {host}"
        await wire.websocket(f"/ws/backtest/batch/{session_id}/", origin=origin, host=host, about=about)
    session_id = await wire.submit(about="to be locked", symbols=["ACME"])
    with inside.broken_database("database is locked"):
        await wire.ask("GET", f"{STREAM}?sessionId={session_id}", about="database is locked")


async def by_server(wire, path, about, *, host="localhost", client="127.0.0.1"):
    """Ask the whole ASGI application, as a server does."""
    name, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": name, "raw_path": name.encode(),
        "query_string": query.encode(), "headers": [(b"host", host.encode())], "scheme": "http",
        "server": ("localhost", 80), "client": (client, 50_000),
    }  # fmt: skip
    server = ApplicationCommunicator(inside.application, scope)
    await server.send_input({"type": "http.request", "body": b"", "more_body": False})
    head, body, more = await server.receive_output(SECONDS), b"", True
    while more:
        message = await server.receive_output(SECONDS)
        body, more = body + message["body"], message.get("more_body", False)
    await server.send_input({"type": "http.disconnect"})
    await server.wait(SECONDS)
    headers = {key.decode().title(): value.decode() for key, value in head["headers"]}
    blocks = [block for block in body.decode().split("\n\n") if "data: " in block]
    events = [json.loads(block.partition("data: ")[2]) for block in blocks] or [json.loads(body)]
    wire.note_events(f"ASGI {path} ({about})", events, status=head["status"], headers=wire.normal.headers(headers))


async def live_events(wire):
    """Follow a batch from its start to its end, on both transports, and one that is deleted meanwhile."""
    for watching in (sse, socket):
        for ending in ("complete", "cancelled", "late", "deleted"):
            session_id = await wire.submit(record=False, symbols=["ACME", "CORE"], fees=0.002)
            async with asyncio.timeout(SECONDS), watching(wire, session_id) as following:
                seen = [await anext(following)]
                for chunks in (1, 2):
                    sequence = await inside.work_some(session_id, chunks)
                    seen.append(await newest(following, sequence))
                await end(session_id, ending)
                async for event in following:
                    newer = event
                seen.append(newer)
            wire.note_events(f"live {watching.__name__}, {ending}", seen)


async def end(session_id, ending):
    acts = {"complete": inside.finish, "cancelled": inside.cancel, "late": inside.expire, "deleted": inside.forget}
    await acts[ending](session_id)


async def newest(following, sequence):
    """Skip what was seen between two commits; return the event with this sequence."""
    async for event in following:
        if event["sequence"] >= sequence:
            return event
    raise AssertionError("the stream ended early")


@contextlib.asynccontextmanager
async def sse(wire, session_id):
    response = await wire.client.get(f"{STREAM}?sessionId={session_id}")

    async def events():
        async for frame in frames_of(response):
            assert frame["event"] == frame["data"]["type"]
            assert frame.get("id") == (str(frame["data"]["sequence"]) if "sequence" in frame["data"] else None)
            yield frame["data"]

    yield events()


@contextlib.asynccontextmanager
async def socket(wire, session_id):
    communicator = inside.websocket(f"/ws/backtest/batch/{session_id}/")
    await communicator.connect(timeout=SECONDS)

    async def events():
        while (sent := await communicator.receive_output(timeout=SECONDS))["type"] != "websocket.close":
            yield json.loads(sent["text"])

    yield events()
    await communicator.disconnect()


async def pings(wire):
    session_id = await wire.submit(record=False, symbols=["ACME"])
    communicator = inside.websocket(f"/ws/backtest/batch/{session_id}/")
    await communicator.connect(timeout=SECONDS)
    messages = [json.loads(await communicator.receive_from(timeout=SECONDS))]
    for text in ("nonsense", '{"type": "ping", "x": 1}', '{"type": "ping"}'):
        await communicator.send_to(text_data=text)
    messages.append(json.loads(await communicator.receive_from(timeout=SECONDS)))
    await communicator.disconnect()
    wire.note_events("WS pings", messages)
