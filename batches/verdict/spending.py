"""Spend a locked tail: evaluate one row of a batch on the locked days, or none, once, on the record."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from backtester.engine import Prices, Replay, buy_and_hold, buy_and_hold_equity, is_built_in, replay, tail_metrics
from batches.errors import BatchError, Conflict, NotFound
from batches.models import BatchSession, Holdout
from batches.prices.series import load_prices, require_series
from batches.results.replay import failures_refused, require_success, wire_reasons
from batches.results.windows import POINTS, moment_text, thinned
from batches.sweep.plan import plan_of, wire_metrics
from batches.sweep.start_request import StartRequest
from batches.verdict.holdouts import seen_of

SMALLEST_CAPITAL = 1e-6
GIVEN_UP = "The locked days of this batch were given up: no row was evaluated on them, and none can be."
SPENT = "The locked days of this batch were spent before; they can be evaluated only once."


def state_of(session: BatchSession) -> dict[str, Any]:
    """Return what is locked, and what it was spent on, in the form of the wire."""
    holdout = session.holdout
    if holdout is None:
        return {"status": "none", "firstDate": None, "lastDate": None, "spentAt": None, "notes": [], "result": None}
    return {
        "status": "spent" if holdout.spent_at else "locked",
        "firstDate": str(holdout.first_date),
        "lastDate": str(holdout.last_date),
        "spentAt": holdout.spent_at and holdout.spent_at.isoformat(),
        "notes": seen_of(holdout),
        "result": holdout.answer,
    }


def spend(session: BatchSession, index: int, now: datetime) -> dict[str, Any]:
    """Evaluate a row on the locked days and store the answer. Of two at the same moment, one is answered."""
    holdout = require_spendable(session)
    if not 0 <= index < session.total:
        raise NotFound("combination")
    answer = _evaluated(session, index)
    if not Holdout.objects.filter(pk=holdout.pk, spent_at=None).update(spent_at=now, answer=answer):
        raise Conflict(SPENT, code="HOLDOUT_SPENT")
    return answer


def give_up(session: BatchSession, now: datetime) -> None:
    """Spend the locked days on no row: other sweeps may use them, and no row is evaluated on them. Idempotent."""
    if session.holdout and session.holdout.spent_at and session.holdout.answer is None:
        return
    holdout = require_spendable(session)
    if not Holdout.objects.filter(pk=holdout.pk, spent_at=None).update(spent_at=now):
        raise Conflict(SPENT, code="HOLDOUT_SPENT")


def require_spendable(session: BatchSession) -> Holdout:
    if session.holdout is None:
        raise Conflict("This batch has no locked days: its request has no holdout.", code="NO_HOLDOUT")
    if session.holdout.spent_at:
        raise Conflict(SPENT if session.holdout.answer else GIVEN_UP, code="HOLDOUT_SPENT")
    if not session.state.is_terminal:
        raise Conflict("The batch is still active; its locked days can be spent after its end.", code="STILL_ACTIVE")
    return session.holdout


@dataclass(frozen=True, eq=False)
class _Tail:
    """prices : all bars, the locked ones from `first` on"""

    prices: Prices
    first: int
    replayed: Replay

    @property
    def part(self) -> Prices:
        return self.prices.part(self.first - 1, self.prices.n_bars)


def _evaluated(session: BatchSession, index: int) -> dict[str, Any]:
    tail = _replayed(session, index)
    part, plan = tail.part, plan_of(session)
    metrics = tail_metrics(tail.prices, tail.replayed, tail.first)
    equity = tail.replayed.equity[tail.first - 1 :]
    # The holder begins with what the row has at the edge; nothing is left of either if that is zero.
    rules = replace(plan.rules, initial_capital=max(float(equity[0]), SMALLEST_CAPITAL))
    held = buy_and_hold_equity(part, rules)
    bars = thinned(equity, part.dates, POINTS)
    dates = moment_text(part.dates)
    return {
        **plan.identity(index),
        "range": {"from": dates[1], "to": dates[-1], "bars": part.n_bars - 1},
        "metrics": wire_metrics(metrics),
        "undefined": wire_reasons(metrics),
        "curve": {
            "dates": [dates[bar] for bar in bars],
            "equity": equity[bars].tolist(),
            "holding": held[bars].tolist(),
        },
        "buyAndHold": {"metrics": wire_metrics(buy_and_hold(part, rules))},
    }


def _replayed(session: BatchSession, index: int) -> _Tail:
    """Replay the row over the tested days and the locked ones; those begin after the last bar of the sweep."""
    plan, request = plan_of(session), StartRequest.from_json(session.request)
    number = plan.grid.series_of(index)
    if not is_built_in(session.strategy):
        require_success(session, index)
    with failures_refused(session.strategy):
        series, timeframe = plan.series_id(number), plan.grid.timeframe_of(number)
        require_series([series])
        prices = load_prices(series, request.start_date, request.end_date, timeframe)
        assert session.holdout is not None
        first = max(plan.prices(number).n_bars, prices.positions(session.holdout.first_date, None)[0])
        if first >= prices.n_bars:
            symbol = plan.grid.decode(index).symbol
            raise BatchError(f"{symbol} has no bars on the locked days.", code="NO_LOCKED_BARS", status=422)
        return _Tail(prices, first, replay(plan.grid, prices, index, plan.rules, beta=plan.beta(number)))
