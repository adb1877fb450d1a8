"""Results as files and tables."""

import asyncio
import json
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from backtester.client.errors import ClientError

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("csv", "parquet", "json")


def kind_of(path: Path) -> str:
    """Return the format of a file name."""
    kind = path.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise ClientError(f"The name of a results file must end in .csv, .parquet or .json, got {path.name!r}.")
    return kind


def read_parquet(data: bytes) -> "pd.DataFrame":
    """Read a table as `pandas.read_parquet` does, in this thread only.

    Arrow's threads may still hold what `pandas.read_parquet` reads from when the interpreter ends, and then abort the
    process (apache/arrow#34314).
    """
    import pyarrow as pa  # here: importing it takes long, and watching does not need it
    import pyarrow.parquet as pq

    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    frame: pd.DataFrame = table.to_pandas(use_threads=False)
    frame.attrs = json.loads((table.schema.metadata or {}).get(b"PANDAS_ATTRS", b"{}"))
    return frame


async def async_read_parquet(data: bytes) -> "pd.DataFrame":
    return await asyncio.to_thread(read_parquet, data)


class PartialFile:
    """A file that appears under its name only once it is complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.part")

    def __enter__(self) -> Self:
        self._file = self._partial.open("wb")
        return self

    def write(self, part: bytes) -> None:
        self.size += self._file.write(part)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)
