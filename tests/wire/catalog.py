"""Scenes: what there is to test."""

from .exchanges import DOCUMENT, UNKNOWN


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
