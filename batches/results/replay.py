"""Replay one combination: curves, trades, and buy and hold for comparison."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine import (
    EngineError,
    Prices,
    Replay,
    buy_and_hold,
    buy_and_hold_equity,
    error_text,
    hold_instalments,
    is_built_in,
    replay,
    undefined_reasons,
)
from backtester.engine.arrays import Ints
from batches.errors import BatchError, NotFound
from batches.models import BatchSession
from batches.prices.series import require_series
from batches.results.columns import finished_chunks
from batches.results.failures import Failures
from batches.results.windows import Window, moment_text
from batches.sweep.plan import Plan, plan_of, wire_metrics
from batches.sweep.wire_names import wire_name
from batches.sweep.wire_types import Identity
from batches.validators import wire_limit

WHOLE = Window()


@dataclass(frozen=True, eq=False)
class Played:
    """A replayed combination: its identity on the wire, the bars it was tested on, and what came out."""

    plan: Plan
    identity: Identity
    prices: Prices
    replay: Replay


def combination(session: BatchSession, index: int, window: Window = WHOLE) -> dict[str, Any]:
    """Return the replayed combination in its wire form, or raise NotFound. window : the part of it that is sent"""
    return on_the_wire(played(session, index), window)


def played(session: BatchSession, index: int) -> Played:
    """Return the combination computed again, or raise NotFound, PricesGone, or TEST_FAILED with the reason."""
    if not 0 <= index < session.total:
        raise NotFound("combination")
    plan = plan_of(session)
    if not is_built_in(session.strategy):
        require_success(session, index)
    number = plan.grid.series_of(index)
    require_series([plan.series_id(number)])
    prices = plan.prices(number)
    with failures_refused(session.strategy):
        replayed = replay(plan.grid, prices, index, plan.rules, beta=plan.beta(number))
    return Played(plan, plan.identity(index), prices, replayed)


@contextmanager
def failures_refused(strategy: str) -> Iterator[None]:
    """Raise TEST_FAILED for an error of the engine, and for any error of a user's own strategy."""
    try:
        yield
    except BatchError:
        raise
    except EngineError as error:
        raise BatchError(error.message, code="TEST_FAILED", status=422) from error
    except Exception as error:
        if is_built_in(strategy):
            raise
        raise BatchError(error_text(error), code="TEST_FAILED", status=422) from error


def on_the_wire(played: Played, window: Window) -> dict[str, Any]:
    plan, prices, replayed = played.plan, played.prices, played.replay
    bars, n_bars = window.bars(prices, replayed.equity)
    shown, pages = window.trades(len(replayed.trade_table))
    dates = moment_text(replayed.dates[bars])
    return {
        **played.identity,
        "effectiveParameters": {wire_name(name): value for name, value in replayed.effective_parameters.items()},
        "metrics": wire_metrics(replayed.metrics),
        "undefined": wire_reasons(replayed.metrics),
        "range": {"from": dates[0], "to": dates[-1], "bars": n_bars, "points": len(bars)},
        "dates": dates,
        "equity": replayed.equity[bars].tolist(),
        "drawdown": replayed.drawdown[bars].tolist(),
        "exposure": replayed.exposure[bars].tolist(),
        "trades": [_trade(trade) for trade in replayed.trades_of(shown)],
        "tradePages": pages,
        "buyAndHold": {
            "metrics": wire_metrics(buy_and_hold(prices, plan.rules)),
            "equity": buy_and_hold_equity(prices, plan.rules)[bars].tolist(),
            **_holders_in_lots(plan, prices, replayed, bars),
        },
    }


def wire_reasons(metrics: Mapping[str, float]) -> dict[str, dict[str, str]]:
    """Return why metrics are undefined, by wire name."""
    reasons = undefined_reasons(metrics).items()
    return {wire_name(name): {"code": reason.code, "sentence": reason.sentence} for name, reason in reasons}


def require_success(session: BatchSession, index: int) -> None:
    """Refuse a test of a user's strategy that no worker has passed: its code may loop, and this is the server."""
    if not finished_chunks(session).filter(start__lte=index, stop__gt=index).exists():
        raise BatchError("This test has not run yet.", code="TEST_FAILED", status=422)
    (reason,) = Failures.of(session).messages(np.array([index])).to_pylist()
    if reason is not None:
        raise BatchError(reason, code="TEST_FAILED", status=422)


def _holders_in_lots(plan: Plan, prices: Prices, replayed: Replay, bars: Ints) -> dict[str, Any]:
    """Return `samePurchases` and `equalInstalments`, never sold, for a strategy that buys in lots."""
    if plan.grid.strategy.kind != "path":
        return {}
    return {
        wire_name(name): {"metrics": wire_metrics(held.metrics), "equity": held.equity[bars].tolist()}
        for name, held in hold_instalments(prices, plan.rules, replayed.shares).items()
    }


def _trade(trade: Any) -> dict[str, Any]:
    values = {wire_name(name.rstrip("_")): value for name, value in vars(trade).items()}
    return values | {name: values[name] and wire_limit(values[name]) for name in ("entryDate", "exitDate")}
