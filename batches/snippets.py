"""A combination as commands that compute it again: a call of the API, and the engine in Python."""

import json
import shlex
from typing import Any

from batches.models import BatchSession
from batches.plan import plan_of


def snippets(session: BatchSession, played: dict[str, Any], address: str) -> list[dict[str, str]]:
    """`address`: where this server answers, without a slash at the end."""
    return [
        {"title": "Fetch it again", "text": f"curl -s {shlex.quote(_url(session, played, address))}"},
        {"title": "Run only this combination", "text": _start(session, played, address)},
        {"title": "In Python", "text": _python(session, played)},
    ]


def _url(session: BatchSession, played: dict[str, Any], address: str) -> str:
    return f"{address}/api/backtest/batch/{session.id}/results/{played['index']}"


def _start(session: BatchSession, played: dict[str, Any], address: str) -> str:
    asked = session.request
    body = {
        name: asked[name]
        for name in ("strategy", "startDate", "endDate", "direction", "fees", "slippage", "initialCapital", "sortBy")
        if asked[name] is not None
    }
    body |= {
        "symbols": [played["symbol"]],
        "parameterRanges": {name: [value] for name, value in played["parameters"].items()},
    }
    if asked["enableBetaScaling"]:
        body |= {"enableBetaScaling": True, "coefficients": [played["coefficient"]]}
    return (
        f"curl -s -X POST {address}/api/backtest/batch \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body))}"
    )


def _python(session: BatchSession, played: dict[str, Any]) -> str:
    asked = session.request
    parameters = {name: [value] for name, value in plan_of(session).grid.decode(played["index"]).parameters.items()}
    lines = [
        "import pandas as pd",
        "from backtester.engine import sweep",
        "",
        'prices = pd.read_csv("prices.csv", index_col="date", parse_dates=True)',
        f'prices = prices.loc[{_bound(asked["startDate"])}:{_bound(asked["endDate"])}, ["{played["symbol"]}"]]',
        "table = sweep(",
        f'    "{session.strategy}", prices, {json.dumps(parameters)},',
        f"    fees={asked['fees']!r}, slippage={asked['slippage']!r}, initial_capital={asked['initialCapital']!r},",
        f'    direction="{asked["direction"]}",',
    ]
    if asked["enableBetaScaling"]:
        betas = json.dumps({played["symbol"]: played["beta"]})
        lines.append(f"    coefficients=[{played['coefficient']!r}], betas={betas},")
    return "\n".join([*lines, ")"])


def _bound(day: str | None) -> str:
    return f'"{day}"' if day else ""
