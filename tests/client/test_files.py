"""Results as tables."""

import subprocess
import sys

import pandas as pd
import pytest

from backtester.client.files import read_parquet

READ = """
import sys
from pathlib import Path

import pandas, pyarrow.parquet

from backtester.client.files import read_parquet

def threads():
    return len(list(Path("/proc/self/task").iterdir()))

before = threads()
read_parquet(Path(sys.argv[1]).read_bytes())
print(threads() - before)
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "results.parquet"
    frame = pd.DataFrame({f"metric{number}": [1.0, float("nan")] for number in range(40)})
    frame["symbol"], frame["index"], frame["error"] = ["AAPL", "GE"], [0, 1], [None, "failed"]
    frame.attrs = {"verdict": {"state": "weak"}}
    frame.to_parquet(path)
    return path


def test_reading_starts_no_thread_that_could_outlive_the_interpreter(table):
    # In processes of their own: other tests have started Arrow's threads in this one.
    readers = [
        subprocess.Popen([sys.executable, "-c", READ, str(table)], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [reader.communicate(timeout=100)[0] for reader in readers] == ["0\n"] * 4
    assert [reader.returncode for reader in readers] == [0] * 4


def test_a_table_is_read_as_pandas_reads_it(table):
    frame, expected = read_parquet(table.read_bytes()), pd.read_parquet(table)
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    assert frame.attrs == expected.attrs == {"verdict": {"state": "weak"}}


def test_nothing_holds_the_bytes_when_they_have_been_read(table):
    data = table.read_bytes()
    held = sys.getrefcount(data)
    for _ in range(300):
        read_parquet(data)
        assert sys.getrefcount(data) == held
