"""The answer of a verdict, from the work of all its steps."""

import math
from typing import Any

import numpy as np

from backtester.engine import Metric, buy_and_hold
from backtester.engine.arrays import Floats, Ints
from backtester.engine.statistics.bootstrap import p_value
from backtester.engine.statistics.luck import (
    Tally,
    deflated_sharpe,
    luck_line,
    minimum_backtest_years,
    tries_allowed,
    tries_of_maximum,
)
from backtester.engine.statistics.overfitting import overfitting
from backtester.engine.statistics.plateau import neighbor_median
from backtester.engine.statistics.sharpe import minimum_track_record, moments, probabilistic_sharpe
from batches.models import BatchSession
from batches.results.columns import ResultColumns, columns_of
from batches.results.ranking import best_position, ranked
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.verdict import ledger
from batches.verdict.calendar import returns_of
from batches.verdict.layout import FEWEST_YEARS, Layout
from batches.verdict.matrix import matrix
from batches.verdict.paths import Paths, walk_forward
from batches.verdict.sentence import Findings, judge
from batches.verdict.shuffles import finished_draws, outcome, sign_of
from batches.verdict.work import Work

COMPUTED = ("best", "luck", "holding", "shuffle", "pbo", "walkForward", "stability", "plateau")
BINS = 41
NOISE_BAND = {True: (0.25, 0.70), False: (0.23, 0.79)}  # of 500 rows and more; measured on pure noise
MOST_STABILITY_POINTS = 2_000
LOSS_OF_MOST = 1e12


def conclude(session: BatchSession, layout: Layout, work: Work, rows: Floats, over_budget: bool) -> dict[str, Any]:
    """Return the whole answer in the form of the wire, with its state and sentence. rows : of all judged tests"""
    columns = columns_of(session, keep=False)
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    values = ranked(columns, metric)
    position = best_position(values, metric)
    reasons: dict[str, str] = {}
    tried = ledger.tried(session.tested_request, layout.plan, session.instruments, session.owner)
    ever = max(tried.trials, work.defined)
    tally = Tally.of(columns.metric("sharpe"))
    parts: dict[str, Any] = {
        "trials": {
            "tried": session.successful,
            "defined": work.defined,
            "different": len(np.unique(rows[3].view(np.uint64)[~np.isnan(rows[1])])),
            "ever": ever,
            "earlierBatches": max(0, ledger.sweeps_on(ledger.periods_of(session), session.owner) - 1),
            "behaveLike": None,
        },
        "minBacktestYears": minimum_backtest_years(ever),
        "triesAllowed": min(tries_allowed(layout.calendar.years), LOSS_OF_MOST),
        **dict.fromkeys(COMPUTED),
    }
    if position is None or not work.defined:
        return _finished(session, layout, parts, dict.fromkeys(COMPUTED, "no_variation"))
    index, paths = int(columns.index[position]), Paths(layout)
    parts["best"] = _best(layout, paths, columns, position, tally, ever)
    parts["luck"] = _luck(layout, work, tally, ever, parts["trials"], reasons)
    parts["holding"] = _holding(layout, paths, work, index, reasons)
    parts["shuffle"] = _shuffle(layout, work, float(values[position]), metric.name, reasons, over_budget)
    parts["pbo"] = _pbo(layout, work, reasons)
    parts["walkForward"] = _walk(layout, work, paths, index, reasons)
    parts["stability"] = _stability(rows, layout.indices, reasons)
    parts["plateau"] = _plateau(layout, columns, metric, position, reasons)
    return _finished(session, layout, parts, reasons)


def _best(
    layout: Layout, paths: Paths, columns: ResultColumns, position: int, tally: Tally, ever: int
) -> dict[str, Any]:
    index = int(columns.index[position])
    played = paths.replay(index)
    of = moments(returns_of(played.equity))
    periods = layout.series[paths.number(index)].periods_per_year
    is_defined = not math.isnan(of.sharpe)
    record, variance = minimum_track_record(of), tally.variance / periods
    return {
        "index": index,
        "symbol": played.combination.symbol,
        "sharpe": _or_none(of.sharpe * math.sqrt(periods)),
        "skew": _or_none(of.skew),
        "kurtosis": _or_none(of.kurtosis),
        "psr": _or_none(probabilistic_sharpe(of)),
        "deflatedSharpe": _or_none(deflated_sharpe(of, variance, ever)) if is_defined and tally.n > 1 else None,
        "minTrackRecordBars": record if math.isfinite(record) else None,
        "closedTrades": int(played.metrics["trades"]) if math.isfinite(played.metrics["trades"]) else None,
    }


def _luck(
    layout: Layout, work: Work, tally: Tally, ever: int, trials: dict[str, Any], reasons: dict[str, str]
) -> dict[str, Any] | None:
    if tally.n < 2:
        reasons["luck"] = "one_trial"
        return None
    luck = {"line": luck_line(tally.variance, ever), "mean": None, "p95": None, "p": None, "histogram": None}
    if layout.is_too_short:
        reasons["luck.p"] = "too_short"
        return luck
    mean = float(work.maxima.mean())
    noise = math.sqrt(np.mean([prices.periods_per_year / prices.n_bars for prices in layout.series.values()]))
    trials["behaveLike"] = min(tries_of_maximum(mean / noise), float(work.defined))
    return luck | {
        "mean": mean,
        "p95": float(np.quantile(work.maxima, 0.95)),
        "p": p_value(work.maxima, work.best),
        "histogram": _histogram(work.maxima, work.best),
    }


def _holding(layout: Layout, paths: Paths, work: Work, index: int, reasons: dict[str, str]) -> dict[str, Any] | None:
    held = buy_and_hold(layout.series[paths.number(index)], layout.plan.rules)["sharpe"]
    if math.isnan(held):
        reasons["holding"] = "no_variation"
        return None
    if layout.is_too_short or work.leader < 0:
        reasons["holding.p"] = "too_short" if layout.is_too_short else "no_variation"
        return {"sharpe": held, "p": None, "rowsAhead": None}
    return {"sharpe": held, "p": p_value(work.lead_maxima, work.lead), "rowsAhead": work.ahead}


def _shuffle(
    layout: Layout, work: Work, best: float, metric: str, reasons: dict[str, str], over_budget: bool
) -> dict[str, Any] | None:
    test = outcome(layout, work, best, metric) if layout.options.shuffles else None
    if layout.is_too_short or test is None:
        reasons["shuffle"] = "too_short" if layout.is_too_short else "over_budget" if over_budget else "not_requested"
        return None
    draws = finished_draws(layout, work, metric)[: test.draws]  # those that another worker ran meanwhile do not count
    draws = draws[np.isfinite(draws)]
    return {
        "p": test.p,
        "draws": test.draws,
        "stoppedEarly": test.stopped_early,
        "metric": wire_name(metric),
        "best": best,
        "betas": "frozen" if layout.plan.grid.coefficients else None,
        "p95": float(np.quantile(draws, 0.95 if sign_of(metric) > 0 else 0.05)) if draws.size else None,
        "histogram": _histogram(draws, best) if draws.size else None,
    }


def _pbo(layout: Layout, work: Work, reasons: dict[str, str]) -> dict[str, Any] | None:
    if work.defined < 2 or layout.blocks is None or layout.is_too_short:
        reasons["pbo"] = "one_trial" if work.defined < 2 else "too_short"
        return None
    result = overfitting(work.winners, work.below, work.equal, work.defined)
    blocks = len(layout.blocks) - 1
    return {
        "value": result.probability,
        "noiseBand": list(NOISE_BAND[work.defined >= 500]),
        "splits": len(layout.splits),
        "of": math.comb(blocks, blocks // 2),
        "blocks": blocks,
        "probLoss": result.loss,
        "logits": _histogram(result.logits, 0.0),
    }


def _walk(layout: Layout, work: Work, paths: Paths, index: int, reasons: dict[str, str]) -> dict[str, Any] | None:
    walk = None if layout.is_too_short else walk_forward(layout, paths, work.picks, index)
    if walk is None:
        reasons["walkForward"] = "too_short"
        return None
    cells = matrix(layout, work, paths)
    if cells is None:
        reasons["walkForward.matrix"] = "too_short" if layout.options.train is None else "not_requested"
    return walk | {"matrix": cells, "judgedBy": "sharpe"}


def _stability(rows: Floats, index: Ints, reasons: dict[str, str]) -> dict[str, Any] | None:
    both = np.flatnonzero(np.isfinite(rows[0]) & np.isfinite(rows[2]))
    if len(both) < 3:
        reasons["stability"] = "one_trial" if rows.shape[1] < 2 else "no_variation"
        return None
    early, late = _ranks(rows[0, both]), _ranks(rows[2, both])
    if early.std() == 0 or late.std() == 0:
        reasons["stability"] = "no_variation"
        return None
    chosen = np.random.RandomState(1).permutation(len(both))[:MOST_STABILITY_POINTS]
    chosen = np.union1d(chosen, np.argsort(-early, kind="stable")[:50])[: MOST_STABILITY_POINTS + 50]
    winner = int(np.argmax(rows[0, both]))
    return {
        "rankCorrelation": float(np.corrcoef(early, late)[0, 1]),
        "earlyWinner": {
            "index": int(index[both[winner]]),
            "early": float(rows[0, both[winner]]),
            "late": float(rows[2, both[winner]]),
            "lateRank": int(len(both) + 1 - late[winner]),
            "of": len(both),
        },
        "points": [[float(early[at]), float(late[at])] for at in chosen.tolist()],
    }


def _ranks(values: Floats) -> Floats:
    """Return the ranks from 1 for the lowest; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[places]


def neighbor_medians(layout: Layout, index: Ints, values: Floats) -> Floats:
    """Return float64[n], the median of the neighbors of each test within its series."""
    grid = layout.plan.grid
    decoded = grid.decode_many(index)
    axes = {name: np.asarray(tested) for name, tested in grid.axes.items()}
    columns = dict(decoded.parameters)
    if grid.coefficients and decoded.coefficient is not None:
        axes["coefficient"], columns["coefficient"] = np.asarray(grid.coefficients), decoded.coefficient
    positions = []
    for name, tested in axes.items():
        order = np.argsort(tested, kind="stable")
        positions.append(np.searchsorted(tested[order], columns[name]))
    medians = np.full(len(index), np.nan)
    series = np.asarray(decoded.symbol_number) * grid.n_timeframes + np.asarray(decoded.timeframe_number)
    edges = np.flatnonzero(np.diff(series, prepend=-1, append=-1))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        cut = [position[first:last] for position in positions]
        medians[first:last] = neighbor_median(values[first:last], cut, [len(tested) for tested in axes.values()])
    return medians


def _plateau(
    layout: Layout, columns: ResultColumns, metric: Metric, position: int, reasons: dict[str, str]
) -> dict[str, Any] | None:
    values = ranked(columns, metric)
    medians = neighbor_medians(layout, columns.index, columns.metric(metric.name))
    both = np.where(np.isnan(values), np.nan, medians)
    if np.isnan(both).all():
        reasons["plateau"] = "one_trial"
        return None
    top = int(np.nanargmax(both) if metric.higher_is_better else np.nanargmin(both))
    own = float(medians[position])
    combination = layout.plan.grid.decode(int(columns.index[position]))
    on_edge = [
        name
        for name, tested in layout.plan.grid.axes.items()
        if len(tested) > 2 and combination.parameters[name] in (min(tested), max(tested))
    ]
    return {
        "index": int(columns.index[top]),
        "neighbourMedian": float(medians[top]),
        "peakMedian": _or_none(own),
        "bestRatio": _or_none(own / float(values[position])) if values[position] > 0 else None,
        "onEdge": bool(on_edge),
    }


def _finished(session: BatchSession, layout: Layout, parts: dict[str, Any], reasons: dict[str, str]) -> dict[str, Any]:
    best, shuffle, holding, luck = (parts[name] for name in ("best", "shuffle", "holding", "luck"))
    rival = holding if layout.options.benchmark == "hold" else None  # against zero, no lead over holding is needed
    p_values = [part["p"] for part in (luck, rival) if part and part["p"] is not None]
    years, bars = layout.calendar.years, len(layout.calendar)
    walk = parts["walkForward"]
    findings = Findings(
        tries=parts["trials"]["defined"],
        bars=bars,
        years=years,
        trades=best and best["closedTrades"],
        symbol=best["symbol"] if best else "",
        sharpe=best and best["sharpe"],
        held=rival and rival["sharpe"],
        p=shuffle["p"] if shuffle else max(p_values, default=None),
        p_holding=rival and rival["p"],
        shuffled=shuffle is not None,
        long_only=layout.plan.rules.direction == "long" and layout.options.benchmark == "hold",
        pbo=parts["pbo"] and parts["pbo"]["value"],
        outside=walk and walk["sharpe"],
        efficiency=walk and walk["efficiency"],
        years_needed=parts["minBacktestYears"],
        too_short=layout.is_too_short or years < FEWEST_YEARS,
    )
    state, sentence = judge(findings)
    if shuffle:
        shuffle["pWithEarlier"] = 1.0 - (1.0 - shuffle["p"]) ** (parts["trials"]["earlierBatches"] + 1)
    if best and best["closedTrades"] is not None and best["closedTrades"] < 10:
        reasons["state"] = "few_trades"
    return {"state": state, "sentence": sentence, **parts, "reasons": reasons, "engineVersion": session.engine_version}


def _histogram(values: Floats, mark: float) -> dict[str, Any]:
    """Return counts in BINS equal bins that reach to the mark, which the picture shows as a line."""
    low, high = min(float(values.min()), mark), max(float(values.max()), mark)
    counts, edges = np.histogram(values, bins=BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5))
    return {"from": float(edges[0]), "to": float(edges[-1]), "counts": counts.tolist(), "mark": mark}


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
