"""Results as files and as tables."""

import io
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from backtester.client.errors import ClientError

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("csv", "parquet", "json")


def kind_of(path: Path) -> str:
    """The format that a file's name asks for."""
    kind = path.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise ClientError(f"{path.name!r} is no name of a results file; it ends in .csv, .parquet or .json.")
    return kind


def read_parquet(data: bytes) -> "pd.DataFrame":
    """A table of results."""
    import pandas as pd  # here: watching alone need not wait for it

    return pd.read_parquet(io.BytesIO(data))


class Draft:
    """A file that is written under another name, and appears under its own when it is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        self._size = 0

    def __enter__(self) -> Self:
        self._file = self._draft.open("wb")
        return self

    def write(self, part: bytes) -> int:
        """How many bytes there are by now."""
        self._size += self._file.write(part)
        return self._size

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if kind is None:
            self._draft.replace(self.path)
        else:
            self._draft.unlink(missing_ok=True)
