"""Scenes: rows, heatmaps and exports, and the methods that a route does not have."""

import re

from .batches import look
from .exchanges import BATCH, METHODS, all_routes, is_wire

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
