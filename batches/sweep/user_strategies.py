"""The user's own strategies: Python files in STRATEGIES_DIR and entry points of installed packages.

They are loaded once when Django starts, so that the server, the workers and all commands have the same ones. A source
that cannot be loaded is logged and reported by a system check; it does not stop the start. Batches store the version of
the code: the hash of a file's content or of a package's release.
"""

import hashlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Warning, register

from backtester.engine import STRATEGIES, EngineError, Strategy, error_text, foreign_text
from backtester.engine import register as add_strategy
from backtester.engine.strategies import substitute
from batches.sweep.foreign_code import contained

log = logging.getLogger(__name__)
GROUP = "backtester.strategies"
MESSAGE = 450  # characters, and the line after it
HINT = "Its strategies are not available; the others are. Fix or remove it, then restart."
failures: dict[str, str] = {}  # source -> reason


def load(folder: Path) -> None:
    """Load every file of the folder and every entry point; one that fails stops no other."""
    for source, version, run in _sources(folder):
        failures.pop(source, None)
        before = set(STRATEGIES)
        try:
            run()
            for name in STRATEGIES.keys() - before:
                substitute(contained(replace(STRATEGIES[name], version=version)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            failures[source] = _reason(error, source)
            log.warning("strategies not loaded: %s: %s", source, failures[source])


def _sources(folder: Path) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Yield (source, version, loader) in the same order in every process: the first strategy of a name is kept."""
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith(("_", ".")):
            yield str(path), _version(path.read_bytes()), partial(_load_file, path)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        release = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
        yield f"entry point {entry.name} = {entry.value}", _version(release.encode()), partial(_load_entry, entry)


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _load_file(path: Path) -> None:
    """Run the file, which registers its strategies itself."""
    spec: ModuleSpec | None = spec_from_file_location(f"user_strategy_{path.stem}", path)
    assert spec is not None  # a name that ends in .py always has a loader
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look there
    spec.loader.exec_module(module)


def _load_entry(entry: EntryPoint) -> None:
    """Register a strategy; a module has registered its strategies when it was imported."""
    loaded: Any = entry.load()
    if isinstance(loaded, Strategy) and STRATEGIES.get(loaded.name) is not loaded:
        add_strategy(loaded)


def _reason(error: BaseException, source: str) -> str:
    """Return one line: the error, and the line of the file that raised it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    where = f" (line {lines[-1]})" if lines else ""
    is_sentence = isinstance(error, EngineError)
    message = foreign_text(error, MESSAGE) if is_sentence else error_text(error, MESSAGE)
    return f"{message}{where}"


@register()
def check(**_: Any) -> list[CheckMessage]:
    """Warn about every source that could not be loaded."""
    return [
        Warning(f"Strategies not loaded from {source}: {reason}", hint=HINT, id="batches.W001")
        for source, reason in failures.items()
    ]
