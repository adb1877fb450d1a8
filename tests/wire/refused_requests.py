"""Scenes: starts that are refused, and bodies that are no request."""

import json

from django.test import AsyncClient, override_settings

from . import inside
from .events import by_server
from .exchanges import BATCH, INSTRUMENTS, UNKNOWN, start

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
