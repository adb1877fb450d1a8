"""Arrays derived from a series: made once, counted, and gone with it."""

import gc
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from backtester.engine import Grid, Rules, get_strategy, run_slice
from backtester.engine import derived as module
from backtester.engine.derived import SERIES, derived, derived_bytes
from tests.engine import synthetic


@pytest.fixture(autouse=True)
def _no_other_series(monkeypatch):
    """Those of other tests may still be alive."""
    monkeypatch.setattr(module, "_kept", WeakKeyDictionary())


def series(seed):
    return synthetic.prices(synthetic.walk(300, seed=seed))


def zeros(prices):
    return np.zeros(prices.n_bars)


def test_an_array_is_made_once_for_a_series():
    prices, other = series(1), series(2)
    assert derived(prices, "zeros", zeros) is derived(prices, "zeros", zeros)
    assert derived(prices, "zeros", zeros) is not derived(other, "zeros", zeros)
    assert derived(prices, "ones", lambda prices: zeros(prices) + 1)[0] == 1


def test_arrays_are_kept_for_the_series_used_last_and_die_with_them():
    many = [series(seed) for seed in range(SERIES + 3)]
    first = [derived(prices, "zeros", zeros) for prices in many]
    assert derived_bytes() == SERIES * 8 * 300
    assert derived(many[-SERIES], "zeros", zeros) is first[-SERIES]
    assert derived(many[0], "zeros", zeros) is not first[0]
    del many
    gc.collect()
    assert derived_bytes() == 0


@pytest.mark.parametrize(
    ("name", "doubles"),
    [("sma_cross", 2), ("bollinger_breakout", 4), ("volatility_target", 4), ("donchian_breakout", 0)],
)
def test_sums_that_a_strategy_needs_of_a_series_are_counted(name, doubles):
    many = [series(seed) for seed in range(SERIES)]
    for prices in many:
        for start in (0, 1):
            grid = Grid(get_strategy(name), ["TEST"], {}, [1.0, 2.0])
            run_slice(grid, prices, start, start + 1, Rules(), beta=1.0)
    assert derived_bytes() == SERIES * doubles * 8 * 301
