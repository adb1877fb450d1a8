"""What is sent and what comes back, in their order, and the routes that were visited."""

import asyncio
import contextlib
import itertools
import json
import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient
from django.urls import Resolver404, URLPattern, get_resolver, resolve

from . import inside
from .normal import CHOSEN, Normalizer, document

BATCH, STREAM, INSTRUMENTS = "/api/backtest/batch", "/api/backtest/batch/stream", "/api/instruments"
DOCUMENT = "/api/openapi.json"
UNKNOWN = f"{CHOSEN}000000000000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECONDS = 20


class Wire:
    """Asks the site, and notes what was asked and what came."""

    def __init__(self):
        self.client = AsyncClient(raise_request_exception=False)
        self.normal = Normalizer()
        self.exchanges = []
        self.names = set()
        self.visited = set()
        self.ids = (f"{CHOSEN}{number:012}" for number in itertools.count(1))

    # ---- notes -------------------------------------------------------------------------------------------------------

    def note(self, name, **what):
        """Add an exchange; a name that is taken gets a number."""
        name = self.normal.text(name)
        unique = next(each for n in itertools.count(1) if (each := f"{name} #{n}" if n > 1 else name) not in self.names)
        self.names.add(unique)
        self.exchanges.append({"name": unique} | what)

    def note_events(self, name, events, **what):
        texts = {}
        body = [self.normal.value(event, texts, f"/{number}") for number, event in enumerate(events)]
        self.note(name, events=body, texts=texts, **what)

    def check_routes(self):
        """Note the routes of the API, and fail when one of them was not visited."""
        routes = sorted(route for route in all_routes() if is_wire(route))
        self.note("the routes", body=[re.sub(r"<[^>]*>", "<>", route).replace("^", "") for route in routes])
        missing = set(routes) - self.visited
        assert not missing, missing

    # ---- requests ----------------------------------------------------------------------------------------------------

    async def ask(self, method, path, body=None, *, about="", headers=None, record=True, **options):
        """Send a request and note it with its answer; return the answer's JSON value, if it has one.

        body : a JSON value, or bytes as they are
        """
        data, kind = encoded(body, options.pop("content_type", "application/json"))
        path_alone = path.partition("?")[0]
        response = await self.client.generic(method, path, data, kind, headers=headers, **options)
        content = await content_of(response)
        is_json = response.get("Content-Type", "").startswith("application/json")
        self.last = response
        with contextlib.suppress(Resolver404):
            self.visited.add(resolve(path_alone).route)
        if record:
            texts = {}
            is_document = path_alone == DOCUMENT and response.status_code == 200 and content
            kind = response.get("Content-Type", "")
            parsed = document(content) if is_document else self.normal.body(content, kind, texts)
            self.note(
                f"{method} {path[:300]}{f' ({about})' if about else ''}",
                status=response.status_code,
                headers=self.normal.headers(response.headers),
                body=parsed,
                texts=texts,
                sent=sent(body, headers),
            )
        return json.loads(content) if is_json and content else None

    async def upload(self, content, name="prices.csv", *, about="", token=None, **fields):
        """Send a file of prices."""
        data = content if isinstance(content, bytes) else content.encode()
        response = await self.client.post(
            INSTRUMENTS,
            {"file": SimpleUploadedFile(name, data), **fields},
            headers={"Authorization": f"Bearer {token}"} if token else None,
        )
        self.visited.add(resolve(INSTRUMENTS).route)
        texts = {}
        self.note(
            f"POST {INSTRUMENTS} ({about})",
            status=response.status_code,
            headers=self.normal.headers(response.headers),
            body=self.normal.body(response.content, response["Content-Type"], texts),
            texts=texts,
            sent={"file": name, "bytes": len(data)} | fields,
        )
        return response.json()

    # ---- batches -----------------------------------------------------------------------------------------------------

    async def submit(self, *, about="", record=True, token=None, **changes):
        """Start a batch under the next id; return the id."""
        body = start(**{"sessionId": next(self.ids)} | changes)
        headers = {"Authorization": f"Bearer {token}"} if token else None
        await self.ask("POST", BATCH, body, about=about, record=record, headers=headers)
        return body["sessionId"]

    async def finished(self, **changes):
        session_id = await self.submit(**changes)
        await inside.finish(session_id)
        return session_id

    # ---- events ------------------------------------------------------------------------------------------------------

    async def stream(self, session_id, *, about="", headers=None, query="sessionId"):
        """Read the stream of an ended batch to its end."""
        response = await self.client.get(f"{STREAM}?{query}={session_id}", headers=headers)
        self.visited.add(resolve(STREAM).route)
        async with asyncio.timeout(SECONDS):
            frames = [frame async for frame in frames_of(response)]
        self.note_events(
            f"SSE {session_id} ({about})",
            frames,
            status=response.status_code,
            headers=self.normal.headers(response.headers),
        )

    async def websocket(self, path, *, about="", **options):
        """Read a websocket until it is closed."""
        socket = inside.websocket(path, **options)
        accepted, code = await socket.connect(timeout=SECONDS)
        messages = []
        while accepted:
            sent = await socket.receive_output(timeout=SECONDS)
            if sent["type"] == "websocket.close":
                code = sent.get("code")
                break
            messages.append(json.loads(sent["text"]))
        await socket.disconnect()
        self.note_events(f"WS {path} ({about})", messages, accepted=accepted, code=code)


def encoded(body, content_type):
    if body is None:
        return b"", content_type
    return (body if isinstance(body, bytes) else json.dumps(body).encode()), content_type


def sent(body, headers):
    """Return a short note of what was sent."""
    text = "" if body is None else body.decode("latin1") if isinstance(body, bytes) else json.dumps(body)
    shown = {name: value for name, value in (headers or {}).items() if name not in {"Authorization", "If-None-Match"}}
    return {"body": text[:200], "headers": shown}


async def content_of(response):
    if not response.streaming:
        return response.content
    if response.is_async:
        return b"".join([part async for part in response])
    return b"".join(response)


async def frames_of(response):
    """Yield the events of a stream as an EventSource would have them, with their fields."""
    if not response.streaming:
        if response.content:
            yield {"data": json.loads(response.content)}
        return
    waiting = ""
    async for part in response:
        *blocks, waiting = (waiting + part.decode()).split("\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            fields.pop("retry", None)
            if "data" in fields:
                yield fields | {"data": json.loads(fields["data"])}


def all_routes(patterns=None, prefix=""):
    for each in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(each, URLPattern):
            yield prefix + str(each.pattern)
        else:
            yield from all_routes(each.url_patterns, prefix + str(each.pattern))


def is_wire(route):
    return route.startswith("api/") or route in {"healthz", "readyz", "metrics"}


def start(**changes):
    """Return the body of a request for 27 tests, 3 of which fail: CORE has too few bars for slow=70."""
    body = {
        "strategy": "sma_cross",
        "symbols": ["ACME", "BOLT", "CORE"],
        "parameterRanges": {"fast": [3, 5, 8], "slow": [10, 20, 70]},
        "sortBy": "sharpe",
        "fees": 0.001,
    }
    return {name: value for name, value in (body | changes).items() if value != "<left out>"}
