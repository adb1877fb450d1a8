"""Long series as uncompressed Arrow files in DATA_DIR, mapped into memory by every process of the host.

The database is the truth: a file is written when a process needs it and finds none, and may be deleted at any time.
"""

import contextlib
import logging
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.conf import settings

from batches.models import PriceSeries
from batches.prices.encoding import Columns, arrays, bar_table
from batches.prices.parts import stored_columns

log = logging.getLogger(__name__)
Arrays = dict[str, npt.NDArray[np.generic]]
SHA256 = re.compile(r"[0-9a-f]{64}")


def mapped_columns(series: PriceSeries) -> Arrays:
    """Return the columns of a long series, shared with the other processes of the host."""
    path = _folder() / f"{series.sha256}.arrow"
    for _ in range(2):
        with contextlib.suppress(OSError, pa.ArrowInvalid):
            columns = _read(path, series.n_bars)
            os.utime(path)  # the files that were not used for longest are deleted first
            return columns
        columns = stored_columns(series)
        if not write_mapped(series.sha256, columns):
            return columns
    return columns


def write_mapped(sha256: str, columns: Columns) -> bool:
    """Write the file of a long series. Return False if it cannot be: then each process keeps its own copy."""
    path = _folder() / f"{sha256}.arrow"
    try:
        _write(path, columns)
    except OSError as error:  # a full disk
        log.warning("price file not written: %s: %s", path.name, error)
        return False
    return True


def _folder() -> Path:
    folder: Path = settings.DATA_DIR / "prices"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _read(path: Path, n_bars: int) -> Arrays:
    """Map a file. A file of another length is one that a crash cut off."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    if table.num_rows != n_bars:
        raise pa.ArrowInvalid(f"{path.name} has {table.num_rows} rows, not {n_bars}")
    return arrays(table)


def _write(path: Path, columns: Columns) -> None:
    """Write to another name first: a reader never sees half a file."""
    table = bar_table(columns)
    _make_room(path.parent, table.nbytes)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _make_room(folder: Path, n_bytes: int) -> None:
    """Delete the files that were not used for longest. Processes that have mapped one keep it until they drop it."""
    files = sorted(
        ((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*.arrow")),
        key=lambda file: file[:2],
    )
    total = sum(size for _, size, _ in files) + n_bytes
    for _, size, path in files:
        if total <= settings.PRICES_CACHE_MB * 2**20:
            return
        path.unlink(missing_ok=True)
        total -= size
