"""Commands that reproduce a combination: with the API, the Python client, and the engine alone."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from batches.models import BatchSession
from batches.sweep.plan import plan_of

RULES = (
    "startDate", "endDate", "direction", "fees", "slippage", "initialCapital", "wholeShares", "flatAtSessionEnd",
    "sortBy",
)  # fmt: skip


def alone(session: BatchSession, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request of one combination of a batch, over the days that were tested."""
    tested = {name: value for name, value in session.tested_request.items() if name != "holdout"}
    request: dict[str, Any] = tested | {
        "symbols": [identity["symbol"]],
        "parameterRanges": {name: [value] for name, value in identity["parameters"].items()},
    }
    if request.get("timeframes"):
        request["timeframes"] = [identity["timeframe"]]
    if request["enableBetaScaling"]:
        request["coefficients"] = [identity["coefficient"]]
    return request


def snippets(session: BatchSession, played: dict[str, Any], address: str) -> list[dict[str, str]]:
    """address : of this server, without a trailing slash."""
    request = alone(session, played)
    rules = {name: request[name] for name in RULES if request.get(name) is not None}
    if request.get("timeframes"):
        rules |= {"timeframes": request["timeframes"]}
    if request["enableBetaScaling"]:
        rules |= {"enableBetaScaling": True, "coefficients": request["coefficients"]}
    result = address + reverse("api:result", args=[session.id, played["index"]])
    return [
        {"title": "Fetch this result", "text": f"curl -s {shlex.quote(result)}"},
        {"title": "Run only this combination", "text": _curl(request, rules, address)},
        {"title": "Python client", "text": _client(request, rules, address)},
        {"title": "Python, engine only", "text": _engine(session, request, played)},
    ]


def _curl(request: dict[str, Any], rules: dict[str, Any], address: str) -> str:
    body = {name: request[name] for name in ("strategy", "symbols", "parameterRanges")} | rules
    return (
        f"curl -s -X POST {shlex.quote(address + reverse('api:start'))} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body))}"
    )


def _client(request: dict[str, Any], rules: dict[str, Any], address: str) -> str:
    options = "".join(f"    {name}={value!r},\n" for name, value in rules.items())
    return (
        "from backtester.client import Client\n\n"
        f"client = Client({address!r})\n"
        "batch = client.start(\n"
        f"    {request['strategy']!r}, {request['symbols']!r}, {request['parameterRanges']!r},\n"
        f"{options})\n"
        "batch.wait()\n"
        "print(batch.results().T)"
    )


def _engine(session: BatchSession, request: dict[str, Any], played: dict[str, Any]) -> str:
    decoded = plan_of(session).grid.decode(played["index"]).parameters
    parameters = {name: [value] for name, value in decoded.items()}
    first, last = (repr(request[name]) if request[name] else "" for name in ("startDate", "endDate"))
    capital = request["initialCapital"]
    lines = [
        "import pandas as pd",
        "from backtester.engine import sweep",
        "",
        'prices = pd.read_csv("prices.csv", index_col="date", parse_dates=True)',
        f"prices = prices.loc[{first}:{last}, {request['symbols']!r}]",
        "table = sweep(",
        f"    {request['strategy']!r}, prices, {parameters!r},",
        f"    fees={request['fees']!r}, slippage={request['slippage']!r}, initial_capital={capital!r},",
        f"    direction={request['direction']!r}, whole_shares={request.get('wholeShares', False)!r},",
    ]
    if request.get("flatAtSessionEnd"):
        lines.append("    flat_at_session_end=True,")
    if request.get("timeframes"):
        lines.append(f"    timeframes={request['timeframes']!r},")
    if request["enableBetaScaling"]:
        betas = {played["symbol"]: played["beta"]}
        lines.append(f"    coefficients={request['coefficients']!r}, betas={betas!r},")
    return "\n".join([*lines, ")"])
