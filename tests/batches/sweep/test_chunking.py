"""Chunks cover a batch exactly once, each of a single symbol, symbols interleaved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.engine import Grid, get_strategy
from batches.sweep.chunking import LEAST_TESTS, plan_chunks

SYMBOLS = [f"S{n}" for n in range(12)]


def planned(bars, cost_ns, values=10):
    grid = Grid(get_strategy("grid_dca"), SYMBOLS[: len(bars)], {"max_lots": list(range(1, values + 1))})
    return grid, list(plan_chunks(grid, bars, cost_ns))


@given(
    bars=st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
    cost_ns=st.floats(0.1, 1e6),
    values=st.integers(1, 60),
)
def test_chunks_cover_every_combination_exactly_once_and_hold_one_symbol_each(bars, cost_ns, values):
    grid, chunks = planned(bars, cost_ns, values)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    by_start = sorted(chunks, key=lambda chunk: chunk.start)
    assert [chunk.start for chunk in by_start] == [0, *(chunk.stop for chunk in by_start[:-1])]
    assert by_start[-1].stop == grid.size
    for chunk in chunks:
        first, last = grid.span(chunk.symbol_number)
        assert first <= chunk.start < chunk.stop <= last


@given(symbols=st.integers(2, 12), cost_ns=st.floats(1, 1e6))
def test_symbols_take_turns(symbols, cost_ns):
    _, chunks = planned([500] * symbols, cost_ns, 40)
    numbers = [chunk.symbol_number for chunk in chunks]
    for turn in range(0, len(numbers), symbols):
        assert sorted(numbers[turn : turn + symbols]) == list(range(symbols))


def test_a_long_history_is_cut_into_more_chunks_than_a_short_one(settings):
    settings.CHUNK_TARGET_S = 0.3
    _, chunks = planned([10_000, 100], 10_000.0, 50)
    sizes = [[chunk.stop - chunk.start for chunk in chunks if chunk.symbol_number == number] for number in (0, 1)]
    assert len(sizes[0]) > len(sizes[1])


def test_a_chunk_takes_about_the_wanted_time(settings):
    settings.CHUNK_TARGET_S = 0.3
    _, chunks = planned([10_000], 10_000.0, 60)
    seconds = [(chunk.stop - chunk.start) * 10_000 * 10_000 / 1e9 for chunk in chunks]
    assert max(seconds) <= 0.3


@pytest.mark.parametrize("tests", [1, 100, 300, 383, 384, 4_900])
def test_no_chunk_of_a_long_history_has_fewer_tests_than_its_tables_are_worth(settings, tests):
    settings.CHUNK_TARGET_S = 0.3
    grid = Grid(get_strategy("sma_cross"), SYMBOLS[:2], {"fast": [2], "slow": list(range(3, 3 + tests))})
    chunks = list(plan_chunks(grid, [2_600_000, 1_000], 100.0))
    sizes = [chunk.stop - chunk.start for chunk in chunks if chunk.symbol_number == 0]
    assert sum(sizes) == tests
    assert min(tests, 0.75 * LEAST_TESTS) <= min(sizes) <= max(sizes) <= 1.5 * LEAST_TESTS


def test_a_tiny_batch_is_not_cut_below_what_claiming_costs(settings):
    settings.CHUNK_TARGET_S = 0.3
    _, chunks = planned([400], 2.5)
    assert len(chunks) == 1
