"""The verdict of a batch, from its end to its sentence."""

import math

import numpy as np
import pytest
from django.utils import timezone

from backtester.engine import replay, run_slice
from backtester.engine.statistics.sharpe import moments, probabilistic_sharpe
from backtester.engine.statistics.shuffling import draw_order
from backtester.engine.time_blocks import shuffled
from batches.models import Verdict
from batches.running import lifecycle, retrying
from batches.sweep.plan import plan_of
from batches.verdict import jobs as verdict_jobs
from batches.verdict import steps
from batches.verdict.calendar import returns_of
from batches.verdict.options import Options
from tests.batches.verdict.conftest import judge, store_prices, trend, walk
from tests.support import jobs
from tests.support.jobs import METRIC_COLUMNS

pytestmark = pytest.mark.usefixtures("queued", "published")
PARTS = ("best", "luck", "holding", "shuffle", "pbo", "walkForward", "stability", "plateau")


def returns_matrix(session):
    """Return float64[bars, tests] by replaying each test."""
    plan = plan_of(session)
    prices = plan.prices(0)
    return np.array([returns_of(replay(plan.grid, prices, i, plan.rules).equity) for i in range(session.total)]).T


def test_every_part_is_there_and_agrees_with_replays(noise):
    answer = judge(noise)
    assert answer["status"] == "ready"
    assert all(answer[part] for part in PARTS), answer["reasons"]
    returns = returns_matrix(noise)
    sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * math.sqrt(252)
    best = answer["best"]
    assert best["index"] == int(np.argmax(sharpes)) == noise.leaders[0]["index"]
    assert best["sharpe"] == pytest.approx(sharpes.max(), rel=1e-9)
    assert best["psr"] == pytest.approx(probabilistic_sharpe(moments(returns[:, best["index"]])), rel=1e-9)
    assert answer["trials"]["tried"] == answer["trials"]["defined"] == answer["trials"]["ever"] == 20
    assert answer["trials"]["different"] == len(np.unique(returns.round(15), axis=1).T)
    assert answer["luck"]["line"] == pytest.approx(noise.luck["sharpe"], rel=1e-9)


def test_the_shuffle_test_is_the_same_sweep_on_shuffled_days(noise):
    found = judge(noise)["shuffle"]
    plan = plan_of(noise)
    prices = plan.prices(0)
    best = []
    for draw in range(found["draws"]):
        order = np.concatenate(([0], 1 + draw_order(prices.n_bars - 1, 1, draw)))
        result = run_slice(plan.grid, shuffled(prices, order), 0, noise.total, plan.rules)
        best.append(np.nanmax(result.metrics[3]))
    reached = int(np.sum(np.array(best) >= found["best"]))
    assert found["p"] == pytest.approx(10 / found["draws"] if found["stoppedEarly"] else (1 + reached) / 200)
    assert sum(found["histogram"]["counts"]) == found["draws"]


@pytest.mark.parametrize("metric", ["annualizedReturn", "maxDrawdown", "exposure"])
def test_a_test_that_never_held_a_position_is_not_judged_in_place_of_the_winner(sweep, metric):
    """It has neither lost nor fallen, on shuffled days as on the true ones."""
    store_prices("FALL", walk(11, drift=-0.001))
    ranges = {"exit_window": [3, 5], "entry_window": [20, 60, 900]}
    session = sweep(["FALL"], strategy="donchian_breakout", parameterRanges=ranges, sortBy=metric, fees=0.002)
    winner = session.results["summary"]["overallBest"]
    idle = [row for row in session.results["results"] if row["exposure"] == 0.0]
    assert [row["parameters"]["entryWindow"] for row in idle] == [900, 900]
    assert all(row[metric] == 0.0 != winner[metric] for row in idle)
    answer = judge(session)
    assert answer["best"]["index"] == winner["index"]
    assert answer["plateau"]["index"] not in [row["index"] for row in idle]
    assert "nothing traded" not in answer["sentence"]
    assert answer["shuffle"]["best"] == winner[metric]
    plan, reached = plan_of(session), 0
    prices, column, sign = plan.prices(0), METRIC_COLUMNS.index(metric), -1 if metric == "exposure" else 1
    for draw in range(answer["shuffle"]["draws"]):
        order = np.concatenate(([0], 1 + draw_order(prices.n_bars - 1, 1, draw)))
        metrics = run_slice(plan.grid, shuffled(prices, order), 0, session.total, plan.rules).metrics
        traded = metrics[METRIC_COLUMNS.index("exposure")] > 0
        reached += bool(np.max(sign * metrics[column, traded]) >= sign * winner[metric])
    assert reached == 10
    assert answer["shuffle"]["p"] == 10 / answer["shuffle"]["draws"]


def test_walk_forward_picks_what_was_best_before_each_window(noise):
    walked, returns = judge(noise)["walkForward"], returns_matrix(noise)
    joined = []
    for number, window in enumerate(walked["windows"]):
        train = returns[number * 105 : number * 105 + 525]
        sharpes = train.mean(axis=0) / train.std(axis=0, ddof=1)
        assert window["index"] == int(np.argmax(sharpes))
        assert window["sharpe"] == pytest.approx(sharpes.max() * math.sqrt(252), rel=1e-9)
        joined.append(returns[number * 105 + 525 : number * 105 + 630, window["index"]])
    out = np.concatenate(joined)
    assert len(out) == 1299 - 525
    assert walked["sharpe"] == pytest.approx(out.mean() / out.std(ddof=1) * math.sqrt(252), rel=1e-9)
    assert walked["totalReturn"] == pytest.approx(np.prod(1 + out) - 1, rel=1e-9)
    assert len(walked["curve"]["equity"]) == len(walked["curve"]["dates"]) == len(out)


def test_a_symbol_is_picked_once_it_has_half_of_a_training_window(sweep):
    """Forty rising days after a listing have a Sharpe ratio that no long history reaches."""
    store_prices("LONG", walk(11))
    days = np.busday_offset(np.datetime64("2000-01-03"), np.arange(560, 1300), roll="forward")
    rise = np.exp(np.concatenate((np.linspace(0, 0.3, 80), np.linspace(0.3, -0.8, 660))))
    store_prices("LATE", rise * walk(3, bars=740, deviation=0.002), days=days)
    session = sweep(["LONG", "LATE"], direction="long", parameterRanges={"fast": [3, 5], "slow": [10, 20]})
    walked = judge(session)["walkForward"]
    picked = {window["trainFrom"]: window["symbol"] for window in walked["windows"]}
    calendar = np.busday_offset(np.datetime64("2000-01-03"), np.arange(1, 1300), roll="forward")
    starts = {str(calendar[start]): start for start in range(0, 1299 - 525, 105)}
    assert list(picked) == list(starts)
    for first, symbol in picked.items():
        if starts[first] + 525 - 560 < 525 / 2:
            assert symbol == "LONG"
    assert "LATE" in picked.values()


def test_a_flat_market_without_costs_is_no_trial_and_no_pick(sweep):
    """Its equity varies by rounding alone, which is no Sharpe ratio."""
    store_prices("FALL", walk(1, drift=-0.0006))
    store_prices("FLAT", np.full(1300, 7.3))
    ranges = {"every": [2, 3, 5], "instalments": [7, 10, 12]}
    rule = {"strategy": "periodic_dca", "parameterRanges": ranges, "fees": 0.0, "initialCapital": 1.0}
    session = sweep(["FALL", "FLAT"], **rule)
    assert {row["symbol"] for row in session.results["results"] if row["sharpe"] is not None} == {"FALL"}
    answer = judge(session)
    assert answer["trials"]["tried"] == 18
    assert answer["trials"]["defined"] == 9
    assert {window["symbol"] for window in answer["walkForward"]["windows"]} == {"FALL"}


def test_the_matrix_walks_with_windows_of_other_lengths(noise):
    matrix, returns = judge(noise)["walkForward"]["matrix"], returns_matrix(noise)
    assert (matrix["train"], matrix["test"]) == ([315, 420, 525, 630], [52, 105, 157, 210])
    at = lambda half: half * 105 // 2  # noqa: E731
    for row, train in enumerate((6, 8, 10, 12)):
        for column, test in enumerate((1, 2, 3, 4)):
            joined = []
            for first in range(0, 30, test):
                inside = returns[at(first) : at(first + train)]
                outside = returns[at(first + train) : at(first + train + test)]
                if len(outside):
                    deviation = inside.std(axis=0, ddof=1)
                    sharpes = inside.mean(axis=0) / np.where(deviation > 0, deviation, np.inf)
                    pick = np.flatnonzero(sharpes >= sharpes.max() - 1e-12)[0]  # two rows are equal there
                    joined.append(outside[:, pick])
            out = np.concatenate(joined)
            assert len(out) == 1299 - at(train)
            expected = out.mean() / out.std(ddof=1) * math.sqrt(252)
            assert matrix["sharpe"][row][column] == pytest.approx(expected, rel=1e-9)
    assert matrix["median"] == pytest.approx(np.median(matrix["sharpe"]))


def test_a_walk_with_drift_is_no_better_than_holding(sweep):
    states = []
    for seed in (1, 2, 3, 4, 5, 6):
        store_prices(f"WALK{seed}", walk(seed, bars=3000, drift=0.0006))
        answer = judge(sweep([f"WALK{seed}"]))
        states.append(answer["state"])
    assert states.count("no_better_than_holding") >= 5
    assert "holds_up" not in states
    assert answer["sentence"].startswith("No better than holding WALK6: the best of 20 has a Sharpe ratio of ")


def test_against_zero_no_lead_over_holding_is_asked_for(sweep):
    store_prices("WALK", walk(6, bars=3000, drift=0.0006))
    session = sweep(["WALK"])
    against_holding = judge(session)
    assert against_holding["state"] == "no_better_than_holding"
    verdict_jobs.request(session, Options(benchmark="zero"), timezone.now())
    against_zero = judge(session)
    assert against_zero["state"] in ("weak", "likely_luck")
    assert "holding" not in against_zero["sentence"]
    assert against_zero["holding"] == against_holding["holding"]


def test_a_market_with_trends_holds_up(sweep):
    store_prices("TRND", trend(5, bars=4000))
    answer = judge(sweep(["TRND"]))
    assert answer["state"] == "holds_up", answer["sentence"]
    assert answer["sentence"].startswith("Holds up: beyond luck (p 0.005), ahead of holding, and ")
    assert answer["pbo"]["value"] <= 0.2


def test_each_winner_is_equal_to_itself_out_of_sample(noise, monkeypatch):
    monkeypatch.setattr(steps, "FIRST_TESTS", 3)
    monkeypatch.setattr(steps, "MOST_TESTS", 3)
    steps._judges.clear()
    judging = steps.judge_of(noise, Verdict.objects.get(session=noise))
    work = judging.begin()
    for stage in ("family", "settling", "ranks"):
        part, _ = judging.compute(stage, work, 0, judging.size(stage, work), math.inf)
        work.merge(part)
    assert judging.size("settling", work) > 1
    assert work.equal.min() >= 1


def test_symbols_with_other_histories_share_one_calendar(sweep):
    store_prices("LONG", walk(11))
    store_prices("LATE", walk(12, bars=900), first="2001-07-02")
    answer = judge(sweep(["LONG", "LATE"]))
    assert answer["status"] == "ready"
    assert answer["trials"]["defined"] == 40
    assert all(answer[part] for part in PARTS), answer["reasons"]


def test_each_timeframe_is_a_series_of_its_own(sweep):
    store_prices("BARS", walk(11, bars=3000))
    session = sweep(["BARS"], timeframes=["1d", "1w"])
    answer = judge(session)
    assert answer["status"] == "ready"
    assert answer["trials"]["defined"] == 40 == session.successful
    assert answer["best"]["index"] == session.leaders[0]["index"]
    assert answer["best"]["sharpe"] == pytest.approx(session.leaders[0]["sharpe"], rel=1e-9)
    again = sweep(["BARS"], timeframes=["1d"])
    assert again.luck["trialsEver"] == 40


def test_copies_of_a_symbol_change_no_p(sweep):
    closes = walk(11)
    store_prices("ONE", closes)
    store_prices("TWO", closes)
    one, two = judge(sweep(["ONE"])), judge(sweep(["ONE", "TWO"]))
    for part in ("luck", "holding", "shuffle"):
        assert one[part]["p"] == two[part]["p"]
    assert two["trials"]["different"] == one["trials"]["different"]


@pytest.mark.parametrize(
    ("closes", "state"),
    [
        (np.full(1300, 50.0), "too_short"),  # flat: nothing trades
        (walk(1, bars=90), "too_short"),
        (np.linspace(50, 60, 1300), "too_short"),  # one trade that never ends
    ],
)
def test_what_cannot_be_judged_has_no_number(sweep, closes, state):
    store_prices("POOR", closes)
    answer = judge(sweep(["POOR"]))
    assert answer["status"] == "ready"
    assert answer["state"] == state
    for part in PARTS:
        assert answer[part] is not None or answer["reasons"][part] in (
            "too_short", "one_trial", "no_variation", "few_trades", "over_budget",
        )  # fmt: skip


def test_one_test_has_no_luck_of_choice_and_a_psr(sweep):
    store_prices("SOLO", walk(11))
    answer = judge(sweep(["SOLO"], parameterRanges={"fast": [5], "slow": [30]}))
    assert answer["luck"] is None
    assert answer["pbo"] is None
    assert answer["reasons"]["luck"] == answer["reasons"]["pbo"] == answer["reasons"]["plateau"] == "one_trial"
    assert 0 < answer["best"]["psr"] < 1
    assert answer["shuffle"]["draws"] > 0


def test_a_cancelled_batch_is_judged_by_what_it_finished(sweep, settings):
    store_prices("PART", walk(11))
    body = {"strategy": "sma_cross", "symbols": ["PART"], "sortBy": "sharpe"}
    ranges = {"parameterRanges": {"fast": [3, 5, 8, 12], "slow": [20, 30, 45]}}
    session = jobs.work_some(jobs.submit(body | ranges), 4)
    assert 0 < session.current < session.total
    lifecycle.cancel(session.pk, timezone.now())
    answer = judge(session)
    assert answer["trials"]["defined"] == session.successful
    again = jobs.finish(retrying.retry(jobs.reread(session), now=timezone.now()))
    assert judge(again)["trials"]["defined"] == 12


@pytest.mark.parametrize("sort_by", ["totalReturn", "maxDrawdown", "annualizedVolatility"])
def test_any_metric_can_be_shuffled(sweep, sort_by):
    store_prices("METR", walk(11))
    answer = judge(sweep(["METR"], sortBy=sort_by))
    assert answer["shuffle"]["metric"] == sort_by
    assert 0 < answer["shuffle"]["p"] <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": "grid_dca", "parameterRanges": {"gridInterval": [0.02, 0.05], "profitRequirement": [0.02, 0.04]}},
        {"direction": "both", "parameterRanges": {"fast": [3, 8], "slow": [20, 30], "stopLoss": [0.02, 0.05]}},
    ],
)
def test_path_strategies_shorts_and_stops_are_judged(sweep, changes):
    store_prices("PATH", walk(11))
    answer = judge(sweep(["PATH"], **changes))
    assert answer["status"] == "ready"
    assert answer["luck"]["p"] is not None
    assert answer["shuffle"]["p"] is not None
