"""A session with the site that visits every route of the API, every kind of event and as many refusals as it can."""

import asyncio
import contextlib
import gzip
import io
import itertools
import json
import re

import pandas as pd
from asgiref.testing import ApplicationCommunicator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, override_settings
from django.urls import Resolver404, URLPattern, get_resolver, resolve

from . import inside
from .normal import CHOSEN, Normalizer, document

BATCH, STREAM, INSTRUMENTS = "/api/backtest/batch", "/api/backtest/batch/stream", "/api/instruments"
DOCUMENT = "/api/openapi.json"
UNKNOWN = f"{CHOSEN}000000000000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECONDS = 20


async def play():
    """Return the exchanges of the whole session, in their order."""
    wire = Wire()
    with inside.steady(), override_settings(CORS_ALLOWED_ORIGINS=["http://friend.example"]):
        for scene in SCENES:
            await scene(wire)
    wire.check_routes()
    return wire.exchanges


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


# ---- prices ----------------------------------------------------------------------------------------------------------

LONG = "symbol,date,close\nBOX,2020-01-03,20.5\nAXE,2020-01-02,10\nAXE,2020-01-03,11\nBOX,2020-01-02,20\n"
WIDE = "Date,axe,BOX\n2020-01-03,11,20.5\n2020-01-02,10,20\n"
OHLC = "Date,Open,High,Low,Close,Volume\n2020-01-02,1,3,0.5,2,100\n2020-01-03,2,4,1,3,200\n2020-01-20,2,4,1,3,200\n"


def parquet(frame):
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


async def good_files(wire):
    await wire.ask("GET", INSTRUMENTS, about="before any prices")
    await wire.upload(inside.prices_csv(), about="the market")
    await wire.upload(inside.prices_csv(), about="the market again", source="the same source")
    await wire.upload(LONG, about="long")
    await wire.upload(LONG.replace("11", "12"), about="long, changed")
    await wire.upload(WIDE, about="wide")
    await wire.upload(WIDE + "2020-01-06,12,\n", about="wide with a hole")
    await wire.upload(OHLC, "single.csv", about="one symbol, named by the file", source="a friend")
    await wire.upload(OHLC, "single.csv", about="one symbol, named by the field", symbol="OTHER", layout="single")
    await wire.upload(gzip.compress(LONG.encode(), mtime=0), "prices.csv.gz", about="gzip")
    await wire.upload("date;close\n02.01.2020;1,5\n13.01.2020;2,5\n", "euro.csv", about="semicolons and commas")
    await wire.upload("date,close\n01/02/2020,1\n01/03/2020,2\n", "us.csv", about="month first", dateOrder="mdy")
    frame = pd.DataFrame({"symbol": ["PAR", "PAR"], "date": ["2020-01-02", "2020-01-03"], "close": [1.5, 2.5]})
    await wire.upload(parquet(frame), "prices.parquet", about="parquet")
    await inside.set_manual_beta("BOLT", 2.5)
    await wire.ask("GET", INSTRUMENTS, about="after the imports")


BAD_FILES = {
    "empty": "",
    "blank": "  \n\n",
    "only a header": "symbol,date,close\n",
    "no date": "symbol,close\nACME,1\n",
    "no close": "symbol,date,price\nACME,2020-01-02,1\n",
    "no prices": "date\n2020-01-02\n",
    "a column without a name": "date,,A\n2020-01-02,1,2\n",
    "a column twice": "date,ACME,acme\n2020-01-02,1,2\n",
    "a formula": "date,=cmd()\n2020-01-02,1\n",
    "a path": LONG.replace("BOX,2020-01-02", "../B,2020-01-02"),
    "a word": LONG.replace("11", "eleven"),
    "many words": "symbol,date,close\n" + "".join(f"ACME,2020-01-{day:02},x\n" for day in range(1, 21)),
    "a cell too many": LONG.replace("11", "1,5"),
    "a missing price": LONG.replace("11", ""),
    "zero": LONG.replace("11", "0"),
    "negative": LONG.replace("11", "-3"),
    "infinite": LONG.replace("11", "inf"),
    "no such day": LONG.replace("2020-01-03,11", "2020-02-30,11"),
    "another order": LONG.replace("2020-01-03,11", "01/03/2020,11"),
    "no day": LONG.replace("2020-01-03,11", ",11"),
    "a day twice": LONG + "AXE,2020-01-02,10\n",
    "an open order": "date,close\n01/02/2020,1\n01/03/2020,1\n",
    "low above high": "date,open,high,low,close\n2020-01-02,1,1,2,1\n",
    "an empty symbol": "date,ACME,BOLT\n2020-01-02,1,\n",
    "not UTF-8": b"\xff\xfe\x00",
    "a NUL": b"symbol,date,close\nA\0,2020-01-02,1\n",
    "gzip cut off": gzip.compress(LONG.encode(), mtime=0)[:-10],
    "gzip damaged": b"\x1f\x8b" + b"junk" * 10,
    "parquet damaged": b"PAR1" + b"junk" * 10,
}
BAD_WORDS = {
    "layout": {"layout": "tall"},
    "decimal": {"decimal": ";"},
    "column": {"column.close": "clsoe"},
    "role": {"column.nothing": "close"},
    "time zone": {"timeZone": "America/NewYork"},
    "date order": {"dateOrder": "ydm"},
    "one column for two": {"column.open": "close"},
}


async def bad_files(wire):
    for about, content in BAD_FILES.items():
        await wire.upload(content, about=about)
    for about, fields in BAD_WORDS.items():
        await wire.upload(LONG, about=f"wrong {about}", **fields)
    await wire.ask("POST", INSTRUMENTS, about="no form")
    await wire.ask("POST", INSTRUMENTS, {"file": "x"}, about="JSON")
    await wire.ask("POST", INSTRUMENTS, b"junk", content_type="multipart/form-data; boundary=x", about="broken form")
    await wire.ask("POST", INSTRUMENTS, b"junk", content_type="multipart/form-data", about="no boundary")
    with override_settings(PRICES_MAX_BYTES=10):
        await wire.upload(LONG, about="too many bytes")
    with override_settings(PRICES_MAX_UNPACKED_BYTES=1000):
        await wire.upload(gzip.compress(b"a" * 100_000, mtime=0), about="unpacks to too much")
    with override_settings(PRICES_MAX_CELLS=10):
        await wire.upload(LONG, about="too many cells")
    with override_settings(PRICES_MAX_SYMBOLS=1):
        await wire.upload(LONG, about="too many symbols")


# ---- what there is ---------------------------------------------------------------------------------------------------


async def catalogue(wire):
    await wire.ask("GET", "/api/strategies")
    await wire.ask("GET", DOCUMENT)
    for path in ("/api/docs", "/api/", "/api", "/api/nothing", "/api/backtest", "/healthz", "/readyz", "/metrics"):
        await wire.ask("GET", path)
    for query in (
        "symbol=ACME", "symbol=acme", "symbol=ACME&benchmark=BOLT&startDate=2020-01-02&endDate=2020-12-31",
        "symbol=CORE&benchmark=ACME", "symbol=AXE", "symbol=SP500", "symbol=NOPE", "", "symbol=",
        "symbol=ACME&benchmark=NOPE", "symbol=ACME&startDate=2020-02-30", "symbol=ACME&startDate=x",
        "symbol=ACME&startDate=2021-01-02&endDate=2020-01-02", "symbol=ACME&startDate=1990-01-01&endDate=1990-02-01",
        "symbol=ACME&nothing=1", "symbol=%00", "symbol=ACME&symbol=BOLT",
    ):  # fmt: skip
        await wire.ask("GET", f"/api/instruments/beta?{query}")
    json_please = {"Accept": "application/json"}
    for path in (f"/batches/{UNKNOWN}/", "/nothing", "/prices/of/NOPE/"):
        await wire.ask("GET", path, headers=json_please, about="a page as JSON")


# ---- refused requests ------------------------------------------------------------------------------------------------

NUMBERS = [True, "1", [], {}, -1, 1e308, 10**30, 2**53 + 0.5, "NaN"]
NAMES = ["", " ", "x" * 100, "../../etc/passwd", "A\x00B", "<img src=x>", "АCME", 1, [], {}]
RANGES = [
    {"start": 9, "stop": 3, "step": 1}, {"start": 1, "stop": 9, "step": 0}, {"start": 1, "stop": 9, "step": -1},
    {"start": 1, "stop": 9, "step": 1e-300}, {"start": 1, "stop": 10**9, "step": 1}, {"start": 1, "stop": 9},
    {"start": 1, "stop": 9, "step": 1, "x": 1}, {}, [], [0], [-5], [10**9], [[1]], [None], [True], ["5"], "5", 5, [1.5],
]  # fmt: skip
DATES = ["0000-01-01", "2020-02-30", "20200101", "2020-01-01T00:00", "x", 5, True, "9999-12-31"]
BAD_FIELDS = [
    *(("fees", value) for value in NUMBERS),
    *(("slippage", value) for value in (0.6, "1")),
    *(("abortFailureShare", value) for value in (1.1, -1, "x")),
    *((name, value) for name in ("initialCapital", "timeoutSeconds", "abortMinimumTests") for value in (0, "1", 1e30)),
    *((name, 1) for name in ("enableBetaScaling", "includeComparison", "wholeShares")),
    *(("symbols", [name]) for name in NAMES),
    *(("symbols", value) for value in ([], "ACME", {"a": 1}, ["ACMF", "BOLT", "ZZZZ"], [f"X{n}" for n in range(50)])),
    *(("symbols", value) for value in (None, "<left out>")),
    *(("strategy", value) for value in [*NAMES, "sma_crss", None, "<left out>"]),
    *(("sortBy", value) for value in ["", "sharp", 1, []]),
    *(("direction", value) for value in ["", "shrt", 1, []]),
    *(("parameterRanges", {"fast": value}) for value in RANGES),
    *(("parameterRanges", value) for value in ([], "x", 1, {"": [1]}, {"fats": [1]}, {"fast": [1], "Fast": [1]})),
    ("parameterRanges", {"fast": [50, 60], "slow": [10, 50]}),
    ("parameterRanges", {"fast": {"start": 1, "stop": 5000, "step": 1}, "slow": {"start": 2, "stop": 5000, "step": 1}}),
    *(("startDate", value) for value in DATES),
    *(("endDate", value) for value in DATES[:-1]),
    *(("sessionId", value) for value in ["x", 1, [], "0" * 33, "g" * 32]),
    *(("nothing", value) for value in [None, 1]),
    ("symbol", "ACME"),
]  # fmt: skip
BAD_BODIES = {
    "coefficients": [{"enableBetaScaling": True, "coefficients": each} for each in ([], [0], [101], ["1"], [True], 1)],
    "dates": [
        {"startDate": "2020-05-01", "endDate": "2020-04-01"},
        {"startDate": "1999-01-01", "endDate": "1999-12-31"},
        {"startDate": "2019-07-01", "endDate": "2019-12-31"},
    ],
    "no beta": [{"symbols": ["AXE"], "enableBetaScaling": True}],
    "direction of the strategy": [{"strategy": "grid_dca", "parameterRanges": {}, "direction": "short"}],
    "many problems": [
        {"fees": 9, "slippage": 9, "symbols": [], "sortBy": "x", "strategy": "x"},
        {f"x{n}": 1 for n in range(50)},
    ],
}
MALFORMED = {
    "nothing": b"",
    "a word": b"hello",
    "cut off": b'{"strategy": "sma_cross"',
    "NaN": b'{"fees": NaN}',
    "Infinity": b'{"fees": -Infinity}',
    "too large a number": b'{"fees": 1e400}',
    "too many digits": b'{"fees": ' + b"9" * 1000 + b"}",
    "a key twice": b'{"fees": 1, "fees": 2}',
    "too deep": b"[" * 40 + b"]" * 40,
    "far too deep": b"[" * 5000,
    "half a surrogate": b'{"strategy": "\\ud800"}',
    "not UTF-8": b"\xff\xfe{}",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "a number": b"1",
}


async def refusals(wire):
    for name, value in BAD_FIELDS:
        await wire.ask("POST", BATCH, start(**{name: value}), about=f"{name} = {json.dumps(value)[:100]}")
    for about, bodies in BAD_BODIES.items():
        for body in bodies:
            await wire.ask("POST", BATCH, start(**body), about=about)
    for path in (BATCH, f"{BATCH}/estimate"):
        for about, body in MALFORMED.items():
            await wire.ask("POST", path, body, about=about)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-8"):
            await wire.ask("POST", path, b"{}", content_type=kind, about=f"type {kind!r}")
        with override_settings(BATCH_MAX_BODY_BYTES=100, DATA_UPLOAD_MAX_MEMORY_SIZE=100):
            await wire.ask("POST", path, start(), about="too many bytes")
        for query in ("async=maybe", "async=", "async=true&async=false", "x=1"):
            await wire.ask("POST", f"{path}?{query}", start(symbols=["NOPE"]))
        for limit in ("BATCH_MAX_COMBINATIONS", "BATCH_MAX_SYMBOLS", "BATCH_MAX_AXIS_VALUES"):
            with override_settings(**{limit: 2}):
                await wire.ask("POST", path, start(), about=f"{limit} = 2")
    for name, value in (("fees", 9), ("symbols", ["NOPE"]), ("strategy", "x"), ("nothing", 1)):
        await wire.ask("POST", f"{BATCH}/estimate", start(**{name: value}), about=f"{name} = {json.dumps(value)}")
    with override_settings(BATCH_MAX_RUNNING=0):
        await wire.ask("POST", BATCH, start(), about="BATCH_MAX_RUNNING = 0")
    with override_settings(DISK_RESERVE_BYTES=10**18):
        await wire.ask("POST", BATCH, start(), about="no room on the disk")


async def doors(wire):
    """Foreign hosts, pages and addresses; too many requests; a database that is away."""
    for method, path in (("GET", "/api/strategies"), ("POST", BATCH)):
        for origin in ("http://evil.example", "null", "http://friend.example", "http://testserver"):
            await wire.ask(method, path, headers={"Origin": origin}, about=f"from {origin}")
    await by_server(wire, "/api/strategies", "a foreign host", host="evil.example")
    await by_server(wire, "/api/strategies", "a far address", client="10.0.0.1")
    for origin in ("http://evil.example", "http://friend.example"):
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        await wire.ask("OPTIONS", BATCH, headers=preflight, about=f"preflight from {origin}")
    with override_settings(WRITES_PER_MINUTE=1):
        for _ in range(2):
            await wire.ask("POST", f"{BATCH}/estimate", start(), about="one writing request a minute")
    wire.client = AsyncClient(raise_request_exception=False)
    paths = (INSTRUMENTS, f"{BATCH}/{UNKNOWN}", "/healthz", "/readyz")
    for words in ("database is locked", "database or disk is full"):
        for path in paths:
            with inside.broken_database(words):
                await wire.ask("GET", path, about=words)
        with inside.broken_database(words):
            await wire.ask("POST", BATCH, start(), about=words)
    for path in paths[:2]:
        with inside.broken_program():
            await wire.ask("GET", path, about="a bug")


# ---- batches ---------------------------------------------------------------------------------------------------------


async def estimates(wire):
    for about, changes in {
        "plain": {},
        "excluded": {"parameterRanges": {"fast": [5, 20, 40], "slow": [10, 30, 50]}},
        "scaled": {"enableBetaScaling": True, "coefficients": [0.5, 1]},
        "defaults": {"parameterRanges": {}},
        "dates": {"symbols": ["ACME"], "startDate": "2020-01-02", "endDate": "2020-06-30"},
        "legacy": {"symbols": None, "parameterRanges": {"symbols": ["ACME"], "fast": [3], "startDate": "2020-01-02"}},
    }.items():
        await wire.ask("POST", f"{BATCH}/estimate", start(**changes), about=about)


# Some chunks, whose tests all fail: the first one ends the batch.
ABORTED = {
    "symbols": ["CORE"],
    "parameterRanges": {"fast": [3, 5, 8], "slow": {"start": 70, "stop": 95, "step": 1}},
    "abortFailureShare": 0,
    "abortMinimumTests": 1,
}


async def life(wire):
    """Look at batches in every state, and move them to the others."""
    queued = await wire.submit(about="queued")
    await look(wire, queued, "queued")
    running = await wire.submit(about="running", symbols=["ACME", "BOLT"])
    await inside.work_some(running, 3)
    await look(wire, running, "running")
    await move(wire, running, "running", "resume", "retry", "delete", "pause")
    await look(wire, running, "paused")
    await move(wire, running, "paused", "pause", "retry", "delete", "resume")
    await inside.finish(running)
    await look(wire, running, "complete")
    await move(wire, running, "complete", "pause", "resume", "cancel", "retry")
    await move(wire, queued, "queued", "pause", "resume", "cancel")
    await look(wire, queued, "cancelled before it ran")
    half = await wire.submit(about="to be cancelled")
    await inside.work_some(half, 4)
    await move(wire, half, "running", "cancel", "cancel", "pause", "resume")
    await look(wire, half, "cancelled")
    await retried(wire, half, "cancelled")
    late = await wire.submit(about="to be late", timeoutSeconds=60)
    await inside.work_some(late, 2)
    await inside.expire(late)
    await look(wire, late, "late")
    await move(wire, late, "late", "cancel")
    failing = await wire.finished(about="to be aborted", **ABORTED)
    await look(wire, failing, "aborted")
    await retried(wire, failing, "aborted")
    nothing = await wire.finished(about="all fail", symbols=["CORE"], parameterRanges={"fast": [3], "slow": [70, 80]})
    await look(wire, nothing, "without a result")
    await retried(wire, nothing, "without a result")
    await move(wire, nothing, "without a result", "delete", "delete")
    await look(wire, nothing, "deleted")


async def move(wire, session_id, state, *words):
    for word in words:
        if word == "delete":
            await wire.ask("DELETE", f"{BATCH}/{session_id}", about=state)
        else:
            await wire.ask("POST", f"{BATCH}/{session_id}/{word}", about=state)


async def retried(wire, session_id, state):
    """Retry a batch, look at the new one before and after its end."""
    answer = await wire.ask("POST", f"{BATCH}/{session_id}/retry", about=state)
    new = answer["sessionId"]
    await wire.ask("GET", f"{BATCH}/{new}", about=f"retry of {state}")
    await inside.finish(new)
    await wire.ask("GET", f"{BATCH}/{new}", about=f"end of the retry of {state}")
    await wire.ask("POST", f"{BATCH}/{new}/retry", about=f"retry of the retry of {state}")
    await wire.stream(new, about=f"retry of {state}") if wire.last.status_code != 202 else None


async def look(wire, session_id, state):
    """Ask for everything that can be read of a batch."""
    one = f"{BATCH}/{session_id}"
    for rest in (
        "", "/results?pageSize=3", "/results.csv", "/results.json", "/results.parquet", "/heatmap", "/results/0",
    ):  # fmt: skip
        await wire.ask("GET", one + rest, about=state)
    if state not in {"queued", "running", "paused"}:
        await wire.stream(session_id, about=state)
        await wire.websocket(f"/ws/backtest/batch/{session_id}/", about=state)


async def starts(wire):
    """Start in every way; wait for the end in every way."""
    await wire.finished(about="defaults", parameterRanges={}, symbols=["acme", "ACME"])
    generated = await wire.ask("POST", BATCH, start(symbols=["ACME"]), about="no id")
    await wire.ask("GET", f"{BATCH}/{generated['sessionId']}", about="no id")
    same = await wire.submit(about="an id", symbols=["ACME"])
    await wire.ask("POST", BATCH, start(sessionId=same, symbols=["ACME"]), about="the same again")
    await wire.ask("POST", BATCH, start(sessionId=same, symbols=["BOLT"]), about="another under the same id")
    await wire.ask("POST", BATCH, start(sessionId=same.replace("-", "").upper()), about="another spelling of the id")
    await wire.ask("POST", f"{BATCH}?async=true", start(sessionId=next(wire.ids)))
    for prefer in ("respond-async", "wait=0", "wait=1", "respond-async, wait=1", "wait=x", "return=minimal"):
        body = start(sessionId=next(wire.ids), symbols=["ACME"])
        await wire.ask("POST", BATCH, body, headers={"Prefer": prefer}, about=f"Prefer: {prefer}")
    await waited(wire, inside.finish, "finished")
    await waited(wire, inside.finish, "finished in time", path=BATCH, headers={"Prefer": "respond-async, wait=15"})
    await waited(wire, inside.expire, "late")
    await waited(wire, inside.finish, "aborted", **ABORTED)
    await waited(wire, inside.cancel, "cancelled")
    whole = {"includeComparison": False, "wholeShares": True, "slippage": 0.001, "initialCapital": 5000}
    session_id = await wire.finished(about="other rules", direction="both", sortBy="maxDrawdown", **whole)
    await look(wire, session_id, "other rules")
    legacy = {"symbols": ["ACME"], "fast": [3, 5], "slow": [10], "startDate": "2020-01-02", "endDate": "2020-06-30"}
    session_id = await wire.finished(about="legacy", symbols=None, parameterRanges=legacy)
    await wire.ask("GET", f"{BATCH}/{session_id}", about="legacy")


async def waited(wire, act, about, *, path=f"{BATCH}?async=false", headers=None, **changes):
    """Start a batch, act on it while the request waits for its end."""
    body = start(sessionId=next(wire.ids), **changes)
    asking = asyncio.create_task(wire.ask("POST", path, body, headers=headers, about=about))
    async with asyncio.timeout(SECONDS):
        while not await inside.exists(body["sessionId"]):
            await asyncio.sleep(0.01)
        await act(body["sessionId"])
        await asking


async def unknown_batches(wire):
    for name in (UNKNOWN, "nonsense", "%00", UNKNOWN.replace("-", "")):
        for rest in ("", "/results", "/results.csv", "/results.json", "/results.parquet", "/heatmap", "/results/0"):
            await wire.ask("GET", f"{BATCH}/{name}{rest}")
        for rest in ("/cancel", "/pause", "/resume", "/retry", "/nothing"):
            await wire.ask("POST", f"{BATCH}/{name}{rest}")
        await wire.ask("DELETE", f"{BATCH}/{name}")
    await wire.ask("POST", f"{BATCH}/{UNKNOWN}/retry?async=maybe")


# ---- results ---------------------------------------------------------------------------------------------------------

GOOD_QUERIES = (
    "", "sort=-fast", "sort=slow&page=2&pageSize=5", "sort=index", "sort=-index&pageSize=1", "sort=maxDrawdown",
    "sort=sharpe", "symbol=ACME", "symbol=core", "min.fast=5", "minFast=5&maxFast=5", "max.sharpe=0", "min.sharpe=",
    "symbol=BOLT&min.trades=1&sort=-trades&pageSize=4", "page=99", "min.fast=100", "sort=-finalEquity&symbol=CORE",
    "page=&pageSize=&sort=&symbol=",
)  # fmt: skip
BAD_QUERIES = (
    "sort=nope", "sort=--fast", "sort=shapre", "sort=coefficient", "symbol=NOPE", "page=0", "page=-1", "page=x",
    "page=１", "page=1e3", "page=1&page=2", "pageSize=0", "pageSize=1001", "pageSize=x", "min.nope=1", "min.fast=x",
    "min.fast=NaN", "max.fast=1e400", "min.=1", "nothing=1", "srot=fast", "page[]=1", "__proto__=1", "sort=%00",
    "min.fast=%F0%9F%98%80", "sort=" + "x" * 100,
)  # fmt: skip
HEATMAPS = (
    "", "x=slow&y=fast", "x=fast&y=fast", "x=slow", "y=fast", "metric=trades", "metric=maxDrawdown", "symbol=ACME",
    "symbol=core&aggregate=mean", "aggregate=median", "aggregate=best", "x=&y=&metric=&symbol=&aggregate=",
    "x=nope", "y=fats", "metric=nope", "symbol=NOPE", "aggregate=max", "nothing=1", "x=fast&x=slow", "x=%00",
)  # fmt: skip
INDICES = (
    "0",
    "5",
    "8",
    "20",
    "26",
    "27",
    "1000000",
    "-1",
    "x",
    "1.5",
    "００",
    "99999999999",
    "999999999999999",
    "007",
)


async def results(wire):
    session_id = await wire.finished(about="for its results")
    one = f"{BATCH}/{session_id}"
    for query in (*GOOD_QUERIES, *BAD_QUERIES):
        await wire.ask("GET", f"{one}/results?{query}")
    for kind in ("csv", "json", "parquet"):
        for query in (
            "sort=-sharpe&symbol=ACME&min.fast=5",
            "symbol=CORE",
            "min.fast=100",
            "sort=nope",
            "page=x",
            "x=1",
        ):
            await wire.ask("GET", f"{one}/results.{kind}?{query}")
    for query in HEATMAPS:
        await wire.ask("GET", f"{one}/heatmap?{query}")
    for index in INDICES:
        await wire.ask("GET", f"{one}/results/{index}")
    for rest in ("", "/results", "/heatmap", "/results/0"):
        await wire.ask("GET", one + rest, record=False)
        etag = wire.last["ETag"]
        for method in ("GET", "HEAD"):
            await wire.ask(method, one + rest, headers={"If-None-Match": etag}, about="nothing new")
        await wire.ask("GET", one + rest, headers={"If-None-Match": '"other"'}, about="another tag")


async def scaled_results(wire):
    """Strategies that buy in lots, scaled by beta and coefficients; a manual beta comes first."""
    changes = {
        "strategy": "grid_dca",
        "symbols": ["ACME", "BOLT"],
        "parameterRanges": {"gridInterval": [0.02, 0.05], "profitRequirement": [0.05, 0.1]},
        "enableBetaScaling": True,
        "coefficients": [0.5, 1],
    }
    session_id = await wire.finished(about="scaled", **changes)
    await look(wire, session_id, "scaled")
    one = f"{BATCH}/{session_id}"
    for query in ("sort=-coefficient", "sort=gridInterval&min.coefficient=1", "sort=beta"):
        await wire.ask("GET", f"{one}/results?{query}")
    for query in ("x=gridInterval&y=profitRequirement", "x=coefficient"):
        await wire.ask("GET", f"{one}/heatmap?{query}")
    for index in (5, 9, 15):
        await wire.ask("GET", f"{one}/results/{index}")
    strategies = ("periodic_dca", "rsi_reversal", "bollinger_reversal", "donchian_breakout", "ema_cross", "macd")
    for strategy in strategies:
        session_id = await wire.finished(about=strategy, strategy=strategy, symbols=["ACME"], parameterRanges={})
        if (await wire.ask("GET", f"{BATCH}/{session_id}", about=strategy))["type"] == "complete":
            await wire.ask("GET", f"{BATCH}/{session_id}/results/0", about=strategy)


# ---- methods ---------------------------------------------------------------------------------------------------------


async def methods(wire):
    """Ask every route with every method, last with DELETE, on a batch that has ended."""
    session_id = await wire.finished(about="for every method", symbols=["ACME"])
    paths = sorted({filled(route, session_id) for route in all_routes() if is_wire(route)})
    for method in sorted(METHODS, key=lambda each: each == "DELETE"):
        for path in paths:
            if method == "GET" or (method, path) == ("DELETE", f"{BATCH}/{session_id}"):
                continue
            body = b"" if method in {"HEAD", "OPTIONS"} else b"{}"
            await wire.ask(method, path, body)
    await wire.ask("DELETE", f"{BATCH}/{session_id}")


def filled(route, session_id):
    path = re.sub(r"<(\w+:)?session_id>", session_id, route)
    return "/" + re.sub(r"[\^$]", "", re.sub(r"<[^>]*>", "0", path))


# ---- events ----------------------------------------------------------------------------------------------------------


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


# ---- people ----------------------------------------------------------------------------------------------------------


async def team(wire):
    """Ask as nobody, with wrong tokens, and as people with and without rights."""
    with override_settings(ACCESS_MODE="team"):
        tokens = await inside.people_with_tokens()
        anns = await wire.submit(token=tokens["ann"], about="ann", symbols=["ACME"])
        await inside.finish(anns)
        callers = {"nobody": None, "a wrong token": "bt_wrong", "ann": tokens["ann"], "bob": tokens["bob"]}
        callers |= {"vic": tokens["vic"], "olga": tokens["olga"], "eve": tokens["eve"]}
        reading = (INSTRUMENTS, "/healthz", f"{BATCH}/{anns}", f"{BATCH}/{anns}/results?pageSize=1")
        for name, token in callers.items():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            for path in reading:
                await wire.ask("GET", path, headers=headers, about=name)
            for word in ("cancel", "pause", "resume", "retry"):
                await wire.ask("POST", f"{BATCH}/{anns}/{word}", headers=headers, about=name)
            if name not in {"ann", "olga"}:
                await wire.ask("DELETE", f"{BATCH}/{anns}", headers=headers, about=name)
                await wire.stream(anns, headers=headers, about=name)
                await wire.websocket(f"/ws/backtest/batch/{anns}/", token=token, about=name)
                await wire.ask("POST", BATCH, start(sessionId=anns), headers=headers, about=f"{name}, the id of ann")
            await wire.ask("POST", f"{BATCH}/estimate", start(), headers=headers, about=name)
            await wire.upload(LONG, about=name, token=token)
        for scheme in ("Basic YTpi", "Bearer", "bearer  " + tokens["ann"]):
            await wire.ask("GET", INSTRUMENTS, headers={"Authorization": scheme}, about=f"scheme {scheme[:6]}")
        ann = {"Authorization": f"Bearer {tokens['ann']}"}
        with override_settings(OWNER_MAX_RUNNING=0):
            await wire.ask("POST", BATCH, start(), headers=ann, about="OWNER_MAX_RUNNING = 0")
        with override_settings(OWNER_MAX_COMBINATIONS_PER_DAY=10):
            await wire.ask("POST", BATCH, start(), headers=ann, about="OWNER_MAX_COMBINATIONS_PER_DAY = 10")
        for path in ("/api/docs", "/api/openapi.json", "/metrics", "/"):
            await wire.ask("GET", path, about="nobody")
        await wire.ask("DELETE", f"{BATCH}/{anns}", headers=ann, about="ann")


SCENES = (
    good_files, bad_files, catalogue, refusals, doors, estimates, life, starts, unknown_batches, results,
    scaled_results, methods, refused_streams, live_events, pings, team,
)  # fmt: skip
