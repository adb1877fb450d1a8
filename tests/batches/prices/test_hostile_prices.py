"""Hostile files are refused with a message, and reading them takes bounded memory."""

import gc
import re
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings

from batches.prices.importing import read_prices
from batches.prices.tables import BadPriceFile

MB = 1024 * 1024
UNPACKED = settings.PRICES_MAX_UNPACKED_BYTES
CLEAR_REFS = Path("/proc/self/clear_refs")


def bomb_of_zeros(path):
    """One gigabyte in one megabyte: some thirty times in a row the same compressed block."""
    pack = zlib.compressobj(level=1, wbits=31)
    block = b"0" * (32 * MB)
    with path.open("wb") as file:
        for _ in range(32):
            file.write(pack.compress(block))
        file.write(pack.flush())


def one_long_word_a_million_times(path):
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, dtype=np.int32)), pa.array(["x" * MB]))
    dates = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, dtype=np.int32)), pa.array(["2020-01-02"]))
    table = pa.table({"date": dates, "symbol": words, "close": pa.array(np.ones(1_000_000))})
    pq.write_table(table, path, store_schema=False)


def sixty_million_equal_rows(path):
    row_group = pa.table({"date": pa.array(np.zeros(20_000_000, dtype=np.int32))})
    pq.write_table(row_group, path)
    data = path.read_bytes()
    assert len(data) < MB
    writer = pq.ParquetWriter(path, row_group.schema)
    for _ in range(3):
        writer.write_table(row_group)
    writer.close()


def only_wrong_rows(path):
    path.write_bytes(b"symbol,date,close\n" + b"ACME,2020-01-02,-1\n" * 1_000_000)


def only_ragged_rows(path):
    path.write_bytes(b"symbol,date,close\n" + b"ACME,2020-01-02,1,1\n" * 500_000)


CASES = [
    (bomb_of_zeros, f"the unpacked file must have at most {UNPACKED:,} bytes", UNPACKED // MB + 100),
    (one_long_word_a_million_times, "a cell must have at most 64 characters, got 1,048,576", 200),
    (sixty_million_equal_rows, "(PRICES_MAX_CELLS), got 60,000,000 rows of 1 columns", 100),
    (only_wrong_rows, "close must be above 0, got -1", 300),
    (only_ragged_rows, "line 2: expected 3 cells, got 4", 300),
]


@pytest.mark.skipif(not CLEAR_REFS.exists(), reason="the peak memory of a process can be reset on Linux only")
@pytest.mark.parametrize(("make", "message", "megabytes"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_hostile_file_is_refused_in_bounded_memory(make, message, megabytes, tmp_path):
    path = tmp_path / "hostile"
    make(path)
    gc.collect()
    CLEAR_REFS.write_text("5")
    before = resident("VmRSS")
    with pytest.raises(BadPriceFile, match=re.escape(message)):
        read_prices(path, name="hostile")
    assert resident("VmHWM") - before < megabytes


def resident(name):
    """Memory of this process in MB: VmRSS now, VmHWM the peak since the reset."""
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return int(match[1]) // 1024
