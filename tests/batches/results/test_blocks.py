"""Columns and rows that are read in pieces, against the whole blocks."""

import numpy as np
import pytest

from backtester.engine import METRIC_NAMES
from batches.models import ChunkStatus, ResultChunk
from batches.results import columns as results
from batches.results.blocks import Piece, decode_block, read_pieces
from batches.results.cache import cache
from batches.results.columns import columns_of, columns_of_chunk
from tests.support import jobs


def whole(session):
    """The slow way: every block, decoded and put side by side; float64[n_metrics, finished tests]."""
    chunks = ResultChunk.objects.filter(session=session, status=ChunkStatus.DONE).order_by("start")
    return np.hstack([decode_block(chunk.block, chunk.stop - chunk.start) for chunk in chunks])


def test_pieces_come_in_the_order_they_were_asked_for_from_whichever_chunk(finished):
    first, second = ResultChunk.objects.filter(session=finished).order_by("start")[:2]
    a, b = bytes(first.block), bytes(second.block)
    asked = [Piece(second.pk, 8, 16), Piece(first.pk, 0, 8), Piece(second.pk, 0, 8), Piece(first.pk, 16, 8)]
    assert read_pieces(asked) == [b[8:24], a[:8], b[:8], a[16:24]]
    assert read_pieces([]) == []


def test_where_a_block_ends_or_is_gone_there_is_nothing(finished):
    chunk = ResultChunk.objects.filter(session=finished).first()
    size = len(bytes(chunk.block))
    nobody = ResultChunk.objects.order_by("-pk").first().pk + 1
    asked = [Piece(chunk.pk, size, 8), Piece(nobody, 0, 8), Piece(chunk.pk, size - 8, 8)]
    assert read_pieces(asked) == [b"", b"", bytes(chunk.block)[-8:]]


@pytest.mark.parametrize("few", [0, 1_000])
def test_rows_are_those_of_the_blocks_in_any_order_whether_few_are_asked_for_or_many(finished, monkeypatch, few):
    monkeypatch.setattr(results, "FEW", few)
    columns, expected = columns_of(finished), whole(finished)
    assert columns.index.tolist() == list(range(27))
    for positions in (np.arange(27), np.arange(27)[::-1], np.array([26, 3, 3, 11]), np.array([], dtype=np.int64)):
        np.testing.assert_array_equal(columns.metrics_at(positions), expected[:, positions])
        for name, row in zip(METRIC_NAMES, expected, strict=True):
            np.testing.assert_array_equal(columns.at(positions).metric(name), row[positions])


def test_a_column_grows_with_the_batch_and_old_views_of_it_stay_right(submitted):
    seen = []
    while ResultChunk.objects.filter(session=submitted).exclude(status=ChunkStatus.DONE).exists():
        jobs.work_some(submitted, 1)
        columns = columns_of(submitted)
        seen.append((columns, columns.metric("sharpe").copy(), columns.metrics_at(np.arange(len(columns.index)))))
        np.testing.assert_array_equal(columns.metric("sharpe"), whole(submitted)[METRIC_NAMES.index("sharpe")])
    assert len(seen) > 2
    for columns, sharpe, metrics in seen:
        np.testing.assert_array_equal(columns.metric("sharpe"), sharpe)
        np.testing.assert_array_equal(columns.metrics_at(np.arange(len(columns.index))), metrics)


@pytest.mark.parametrize("few", [0, 1_000])
def test_what_an_older_version_did_not_measure_and_what_failed_is_undefined(finished, monkeypatch, few):
    monkeypatch.setattr(results, "FEW", few)
    old, failed = ResultChunk.objects.filter(session=finished).order_by("start")[:2]
    size = old.stop - old.start
    ResultChunk.objects.filter(pk=old.pk).update(block=bytes(old.block)[: 12 * size * 8], crc32=None)
    ResultChunk.objects.filter(pk=failed.pk).update(status=ChunkStatus.FAILED, block=None)
    expected = decode_block(old.block, size)
    columns = columns_of(finished)
    rows = columns.metrics_at(np.arange(failed.stop))
    np.testing.assert_array_equal(rows[:12, old.start : old.stop], expected[:12])
    assert np.isnan(rows[12:, old.start : old.stop]).all()
    assert np.isnan(rows[:, failed.start : failed.stop]).all()
    assert np.isnan(columns.metric(METRIC_NAMES[-1])[: failed.stop]).all()


def test_a_page_reads_one_metric_and_a_chunk_alone_nothing_of_the_others(finished):
    columns = columns_of(finished)
    columns.metric("sharpe")
    columns.rows(np.arange(10))
    assert cache.size == 8 * finished.total
    chunk = ResultChunk.objects.filter(session=finished).order_by("start")[1]
    alone = columns_of_chunk(finished, chunk)
    np.testing.assert_array_equal(alone.metric("sharpe"), columns.metric("sharpe")[chunk.start : chunk.stop])
    assert cache.size == 8 * finished.total
