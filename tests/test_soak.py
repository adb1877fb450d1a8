"""What `make bench-soak` judges: benchmarks/soak.py."""

import mmap
import os
from pathlib import Path

import numpy as np
import psutil

from benchmarks.soak import BATCHES, PARTS, WARM_UP, growth, memory, too_much

AT = list(range(0, BATCHES + 1, 20))
FLAT = np.full((len(AT), len(PARTS)), 200.0)


def test_what_grows_in_the_first_thousand_is_warm_up():
    seen = FLAT + np.minimum(np.array(AT), WARM_UP)[:, None] / 100
    assert np.allclose(growth(AT, seen), 0)
    assert too_much(growth(AT, seen)) == []


def test_a_part_that_goes_on_growing_is_named():
    seen = FLAT.copy()
    seen[:, PARTS.index("worker")] += np.array(AT) * 1.5 / 1000
    assert too_much(growth(AT, seen)) == ["worker"]


def test_memory_of_its_own_counts_and_a_mapped_file_does_not(tmp_path: Path):
    me, size = psutil.Process(), 64 * 2**20
    file = tmp_path / "library"
    file.write_bytes(os.urandom(2**20) * 64)
    before = memory(me)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[::4096]) > 0  # every page is resident now
        assert memory(me) - before < size / 2
        held = bytearray(b"x") * size
        assert memory(me) - before > size / 2
        assert len(held) == size
