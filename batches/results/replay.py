"""Replay one combination: curves, trades, and buy and hold for comparison."""

from dataclasses import asdict
from typing import Any

from backtester.engine import (
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
from batches.sweep.plan import Plan, plan_of, wire_metrics
from batches.sweep.wire_names import wire_name


def combination(session: BatchSession, index: int) -> dict[str, Any]:
    """Return the replayed combination in its wire form, or raise NotFound."""
    if not 0 <= index < session.total:
        raise NotFound("combination")
    plan = plan_of(session)
    identity = plan.identity(index)
    number = plan.grid.symbols.index(identity["symbol"])
    prices = plan.prices(number)
    try:
        replayed = replay(plan.grid, prices, index, plan.rules, beta=plan.betas[number])
    except EngineError as error:
        raise BatchError(error.message, code="TEST_FAILED", status=422) from error
    return identity | {
        "effectiveParameters": {wire_name(name): value for name, value in replayed.effective_parameters.items()},
        "metrics": wire_metrics(replayed.metrics),
        "undefined": {
            wire_name(name): {"code": reason.code, "sentence": reason.sentence}
            for name, reason in undefined_reasons(replayed.metrics).items()
        },
        "dates": [str(day) for day in replayed.dates],
        "equity": replayed.equity.tolist(),
        "drawdown": replayed.drawdown.tolist(),
        "exposure": replayed.exposure.tolist(),
        "trades": [_trade(trade) for trade in replayed.trades],
        "buyAndHold": {
            "metrics": wire_metrics(buy_and_hold(prices, plan.rules)),
            "equity": buy_and_hold_equity(prices, plan.rules).tolist(),
            **_holders_in_lots(plan, prices, replayed),
        },
    }


def _holders_in_lots(plan: Plan, prices: Prices, replayed: Replay) -> dict[str, Any]:
    """Return `samePurchases` and `equalInstalments`, never sold, for a strategy that buys in lots."""
    if plan.grid.strategy.kind != "path":
        return {}
    return {
        wire_name(name): {"metrics": wire_metrics(held.metrics), "equity": held.equity.tolist()}
        for name, held in hold_instalments(prices, plan.rules, replayed.shares).items()
    }


def _trade(trade: Any) -> dict[str, Any]:
    values = {wire_name(name.rstrip("_")): value for name, value in asdict(trade).items()}
    return values | {name: values[name] and str(values[name]) for name in ("entryDate", "exitDate")}
