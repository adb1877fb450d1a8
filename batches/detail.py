"""One combination in full, computed again from its index: curves, trades, and buy and hold beside it."""

from dataclasses import asdict
from typing import Any

import numpy as np

from backtester.engine import METRIC_NAMES, EngineError, buy_and_hold, buy_and_hold_equity, replay, undefined_reasons
from batches.errors import BatchError, NotFound
from batches.models import BatchSession
from batches.plan import metrics_json, plan_of
from batches.schemas import wire_name


def combination(session: BatchSession, index: int) -> dict[str, Any]:
    """Parameters, metrics, curves, trades, buy and hold, in the wire form. NotFound outside of 0..total-1."""
    if not 0 <= index < session.total:
        raise NotFound("combination")
    plan = plan_of(session)
    identity = plan.identity(index)
    number = plan.grid.symbols.index(identity["symbol"])
    prices = plan.prices(number)
    try:
        played = replay(plan.grid, prices, index, plan.rules, beta=plan.betas[number])
    except EngineError as error:
        raise BatchError(error.message, code="TEST_FAILED", status=422) from error
    held = buy_and_hold(prices, plan.rules)
    return identity | {
        "effectiveParameters": {wire_name(name): value for name, value in played.effective_parameters.items()},
        "metrics": metrics_json(np.array([played.metrics[name] for name in METRIC_NAMES])),
        "undefined": {
            wire_name(name): {"code": reason.code, "sentence": reason.sentence}
            for name, reason in undefined_reasons(played.metrics).items()
        },
        "dates": [str(day) for day in played.dates],
        "equity": played.equity.tolist(),
        "drawdown": played.drawdown.tolist(),
        "exposure": played.exposure.tolist(),
        "trades": [_trade(trade) for trade in played.trades],
        "buyAndHold": {
            "metrics": metrics_json(np.array([held[name] for name in METRIC_NAMES])),
            "equity": buy_and_hold_equity(prices, plan.rules).tolist(),
        },
    }


def _trade(trade: Any) -> dict[str, Any]:
    values = {wire_name(name.rstrip("_")): value for name, value in asdict(trade).items()}
    return values | {name: values[name] and str(values[name]) for name in ("entryDate", "exitDate")}
