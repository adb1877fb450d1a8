"""One order for each query of a large batch, in a cache of bounded size; an export keeps the order and nothing else."""

import gc
import threading

import numpy as np
import pytest

from batches.results import cache, exports, judged, query
from batches.results.array_cache import ArrayCache
from batches.results.cache import MetricTable
from batches.results.columns import columns_of
from batches.results.query import ResultsQuery, order_of, page
from tests.support import jobs

KILOBYTE = 256  # positions


@pytest.fixture
def kept(monkeypatch):
    """An empty cache that also keeps the orders of small batches."""
    made = ArrayCache(64 * KILOBYTE * 4)
    monkeypatch.setattr(query, "LARGE", 0)
    monkeypatch.setattr(query, "cache", made)
    monkeypatch.setattr(judged, "cache", made)
    return made


def asked(session, **given):
    return ResultsQuery.parse(session, given)


def kilobyte():
    return np.arange(KILOBYTE, dtype=np.int32)


def never():
    raise AssertionError("it is known")


def test_an_order_is_computed_once_also_when_many_ask_at_the_same_time():
    made, computed = ArrayCache(10**6), []

    def compute():
        computed.append(1)
        return kilobyte()

    threads = [threading.Thread(target=made.get, args=("key", compute)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1


def test_the_cache_counts_bytes_and_drops_what_was_used_longest_ago():
    made = ArrayCache(3 * 4 * KILOBYTE)
    for key in "abc":
        made.get(key, kilobyte)
    made.get("a", never)
    made.get("d", kilobyte)
    assert set(made.arrays) == set("acd")


def test_an_order_that_is_too_large_for_the_cache_is_returned_and_not_kept():
    made = ArrayCache(4)
    assert len(made.get("key", kilobyte)) == KILOBYTE
    assert not made.arrays


def test_what_nobody_uses_is_dropped(finished, kept):
    order_of(columns_of(finished), asked(finished))
    table = cache.cache.table_of(finished)
    for each, entries in ((kept, kept.arrays), (cache.cache, cache.cache.tables)):
        each.drop_unused(table.used_at)
        assert entries
        each.drop_unused(table.used_at + 2 * cache.UNUSED_S)
        assert not entries


@pytest.mark.parametrize(
    "given", [{}, {"sort": "-sharpe"}, {"sort": "fast"}, {"symbol": "BOLT"}, {"min.sharpe": "0"}, {"page": "3"}]
)
def test_a_page_is_the_same_with_and_without_the_order_in_the_cache(finished, kept, given):
    before = page(finished, asked(finished, pageSize="5", **given))
    order_of(columns_of(finished), asked(finished, **{name: given[name] for name in given if name != "page"}))
    assert len(kept.arrays) == 1
    assert page(finished, asked(finished, pageSize="5", **given)) == before


def test_a_batch_that_has_moved_on_has_another_order(halfway, kept):
    first = order_of(columns_of(halfway), asked(halfway))
    session = jobs.finish(halfway)
    assert len(order_of(columns_of(session), asked(session))) > len(first)
    assert len(kept.arrays) == 2


@pytest.mark.parametrize("parts", [exports.csv_parts, exports.json_parts, exports.parquet_parts])
def test_a_download_whose_client_sleeps_holds_no_column(finished, kept, monkeypatch, parts):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 5)
    download = parts(finished, asked(finished, sort="-sharpe"))
    next(download)
    next(download)
    cache.cache.tables.clear()
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, MetricTable) and thing.columns]
    rest = sum(1 for _ in download)
    assert rest >= finished.total // 5 - 2


def test_a_sorted_download_has_the_rows_of_all_pages_in_their_order(finished, kept, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 4)
    expected = [row["index"] for row in page(finished, asked(finished, sort="-sharpe", pageSize="1000")).rows]
    table = list(exports.tables(finished, asked(finished, sort="-sharpe")))
    assert [index for part in table for index in part["index"].to_pylist()] == expected
