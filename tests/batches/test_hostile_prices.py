"""Files made to hurt: refused in words, and the memory that reading them takes has a bound."""

import subprocess
import sys
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batches.price_files import MAX_BYTES
from tests.stack_process import ROOT

MB = 1024 * 1024


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
    path.write_bytes(b"symbol,date,close\n" + b"ACME,2020-01-02,-1\n" * 2_000_000)


def only_ragged_rows(path):
    path.write_bytes(b"symbol,date,close\n" + b"ACME,2020-01-02,1,1\n" * 2_000_000)


def one_endless_line(path):
    path.write_bytes(b"symbol,date,close" + b",x" * (50 * MB))


CASES = [
    (bomb_of_zeros, f"it unpacks to more than {MAX_BYTES:,} bytes", MAX_BYTES // MB + 100),
    (one_long_word_a_million_times, "a cell holds 1,048,576 characters; at most", 200),
    (sixty_million_equal_rows, "60,000,000 rows of 1 columns; at most", 100),
    (only_wrong_rows, "close is -1; a number above zero is wanted", 700),
    (only_ragged_rows, "line 2: 4 cells, the header has 3", 300),
    (one_endless_line, "line 1: it has more than", 500),
]


@pytest.mark.parametrize(("make", "words", "megabytes"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_hostile_file_is_refused_and_takes_a_bounded_memory(make, words, megabytes, tmp_path):
    path = tmp_path / "hostile"
    make(path)
    command = [sys.executable, "-m", "tests.batches.hostile_prices", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    peak, _, said = done.stdout.partition("\t")
    assert words in said
    assert int(peak) < megabytes
