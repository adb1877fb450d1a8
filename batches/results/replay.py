"""One combination in full, computed again from its index: curves, trades, and buy and hold beside it."""

from dataclasses import asdict
from typing import Any

import numpy as np

from backtester.engine import (
    METRIC_NAMES,
    EngineError,
    Prices,
    Replay,
    buy_and_hold,
    buy_and_hold_equity,
    hold_instalments,
    replay,
    undefined_reasons,
)
from batches.errors import BatchError, NotFound
from batches.models import BatchSession
from batches.sweep.plan import Plan, metrics_json, plan_of
from batches.sweep.wire_names import wire_name


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
    return identity | {
        "effectiveParameters": {wire_name(name): value for name, value in played.effective_parameters.items()},
        "metrics": _metrics(played.metrics),
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
            "metrics": _metrics(buy_and_hold(prices, plan.rules)),
            "equity": buy_and_hold_equity(prices, plan.rules).tolist(),
            **_holders_in_lots(plan, prices, played),
        },
    }


def _holders_in_lots(plan: Plan, prices: Prices, played: Replay) -> dict[str, Any]:
    """What a strategy that buys in lots is compared with too: `samePurchases` and `equalInstalments`, never sold."""
    if plan.grid.strategy.kind != "path":  # the others are all in at once
        return {}
    return {
        wire_name(name): {"metrics": _metrics(held.metrics), "equity": held.equity.tolist()}
        for name, held in hold_instalments(prices, plan.rules, played.shares).items()
    }


def _metrics(values: dict[str, float]) -> dict[str, float | int | None]:
    return metrics_json(np.array([values[name] for name in METRIC_NAMES]))


def _trade(trade: Any) -> dict[str, Any]:
    values = {wire_name(name.rstrip("_")): value for name, value in asdict(trade).items()}
    return values | {name: values[name] and str(values[name]) for name in ("entryDate", "exitDate")}
