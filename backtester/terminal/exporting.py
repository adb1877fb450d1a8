"""Results into a file or to the standard output, with the bytes counted while they come."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from backtester.client.files import KINDS as KINDS
from backtester.client.files import PartialFile, kind_of

STANDARD_OUTPUT = Path("-")


class ExportableBatch(Protocol):
    id: str

    def exported(self, kind: str, **filters: Any) -> Iterator[bytes]: ...


def export(batch: ExportableBatch, path: Path | None, kind: str | None, filters: dict[str, Any]) -> Path | None:
    """Return the path of the results, None if they went to the standard output. The file name decides the format."""
    if path == STANDARD_OUTPUT:
        for part in batch.exported(kind or "csv", **filters):
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return None
    path = path or Path(f"batch-{batch.id}.{kind or 'csv'}")
    parts = batch.exported(kind or kind_of(path), **filters)
    with _progress() as progress, PartialFile(path) as file:
        task = progress.add_task(path.name, total=None)
        for part in parts:
            file.write(part)
            progress.update(task, completed=file.size)
    return path


def _progress() -> Progress:
    """Without a bar: the size of the file is not known before its end."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    return Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal)
