"""Whether the stack is compiling the kernels, as its first start does: the pages answer meanwhile and say so."""

from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest


def note_compiling(data_dir: Path, *, is_compiling: bool) -> None:
    """Create or remove the file that the pages check. A full disk is ignored: the pages then say less."""
    with suppress(OSError):
        if is_compiling:
            _note(data_dir).touch()
        else:
            _note(data_dir).unlink(missing_ok=True)


def starting(_request: HttpRequest) -> dict[str, bool]:
    """Add whether batches have to wait for the compiler to the template context."""
    return {"is_compiling": _note(settings.DATA_DIR).exists()}


def _note(data_dir: Path) -> Path:
    return data_dir / "run" / "compiling"
