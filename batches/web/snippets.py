"""A combination as commands that compute it again: the API, the client in Python, and the engine alone."""

import json
import shlex
from typing import Any

from batches.models import BatchSession
from batches.sweep.plan import plan_of

RULES = ("startDate", "endDate", "direction", "fees", "slippage", "initialCapital", "wholeShares", "sortBy")


def alone(session: BatchSession, identity: dict[str, Any]) -> dict[str, Any]:
    """The stored request of a batch, for one of its combinations only."""
    found: dict[str, Any] = session.request | {
        "symbols": [identity["symbol"]],
        "parameterRanges": {name: [value] for name, value in identity["parameters"].items()},
    }
    if found["enableBetaScaling"]:
        found["coefficients"] = [identity["coefficient"]]
    return found


def snippets(session: BatchSession, played: dict[str, Any], address: str) -> list[dict[str, str]]:
    """`address`: where this server answers, without a slash at the end."""
    asked = alone(session, played)
    rules = {name: asked[name] for name in RULES if asked.get(name) is not None}
    if asked["enableBetaScaling"]:
        rules |= {"enableBetaScaling": True, "coefficients": asked["coefficients"]}
    fetched = shlex.quote(f"{address}/api/backtest/batch/{session.id}/results/{played['index']}")
    return [
        {"title": "Fetch it again", "text": f"curl -s {fetched}"},
        {"title": "Run only this combination", "text": _curl(asked, rules, address)},
        {"title": "In Python, on this server", "text": _client(asked, rules, address)},
        {"title": "In Python, the engine alone", "text": _engine(session, asked, played)},
    ]


def _curl(asked: dict[str, Any], rules: dict[str, Any], address: str) -> str:
    body = {name: asked[name] for name in ("strategy", "symbols", "parameterRanges")} | rules
    return (
        f"curl -s -X POST {shlex.quote(f'{address}/api/backtest/batch')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body))}"
    )


def _client(asked: dict[str, Any], rules: dict[str, Any], address: str) -> str:
    options = "".join(f"    {name}={value!r},\n" for name, value in rules.items())
    return (
        "from backtester.client import Client\n\n"
        f"client = Client({address!r})\n"
        "batch = client.start(\n"
        f"    {asked['strategy']!r}, {asked['symbols']!r}, {asked['parameterRanges']!r},\n"
        f"{options})\n"
        "batch.wait()\n"
        "print(batch.results().T)"
    )


def _engine(session: BatchSession, asked: dict[str, Any], played: dict[str, Any]) -> str:
    decoded = plan_of(session).grid.decode(played["index"]).parameters
    parameters = {name: [value] for name, value in decoded.items()}
    first, last = (repr(asked[name]) if asked[name] else "" for name in ("startDate", "endDate"))
    lines = [
        "import pandas as pd",
        "from backtester.engine import sweep",
        "",
        'prices = pd.read_csv("prices.csv", index_col="date", parse_dates=True)',
        f"prices = prices.loc[{first}:{last}, {asked['symbols']!r}]",
        "table = sweep(",
        f"    {asked['strategy']!r}, prices, {parameters!r},",
        f"    fees={asked['fees']!r}, slippage={asked['slippage']!r}, initial_capital={asked['initialCapital']!r},",
        f"    direction={asked['direction']!r}, whole_shares={asked.get('wholeShares', False)!r},",
    ]
    if asked["enableBetaScaling"]:
        betas = {played["symbol"]: played["beta"]}
        lines.append(f"    coefficients={asked['coefficients']!r}, betas={betas!r},")
    return "\n".join([*lines, ")"])
