"""Strategies of the user's own: Python files in STRATEGIES_DIR, and entry points of installed packages.

Loaded once when Django starts, so that the server, the workers and every command know the same ones. What cannot be
loaded is logged and shown by a system check; it never stops the start. A batch notes the version of the code it used:
of a file its content, of a package its release.
"""

import hashlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Warning, register

from backtester.engine import STRATEGIES, EngineError, Strategy
from backtester.engine import register as add_strategy
from backtester.engine.strategies import set_version

log = logging.getLogger(__name__)
GROUP = "backtester.strategies"
HINT = "The others work. Mend it, or take it away, and start again: nothing of it can be swept until then."
troubles: dict[str, str] = {}  # where it comes from -> why it could not be loaded


def load(folder: Path) -> None:
    """Load every file of the folder and every entry point, each on its own."""
    for source, version, run in _sources(folder):
        troubles.pop(source, None)
        before = set(STRATEGIES)
        try:
            run()
            for name in STRATEGIES.keys() - before:
                set_version(name, version)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's code may raise anything
            troubles[source] = _reason(error, source)
            log.warning("no strategies from %s: %s", source, troubles[source])


def _sources(folder: Path) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Where strategies come from, their version and how to load them, in an order that is the same in every process.

    A taken name goes to the first.
    """
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith(("_", ".")):
            yield str(path), _version(path.read_bytes()), partial(_load_file, path)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        release = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
        yield f"entry point {entry.name} = {entry.value}", _version(release.encode()), partial(_load_entry, entry)


def _version(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()[:12]


def _load_file(path: Path) -> None:
    """Run the file; it registers its strategies itself."""
    spec: ModuleSpec | None = spec_from_file_location(f"user_strategy_{path.stem}", path)
    assert spec is not None  # a name that ends in .py always has a loader
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look there
    spec.loader.exec_module(module)


def _load_entry(entry: EntryPoint) -> None:
    """A strategy is registered; of a module, the import was enough."""
    found: Any = entry.load()
    if isinstance(found, Strategy) and STRATEGIES.get(found.name) is not found:
        add_strategy(found)


def _reason(error: BaseException, source: str) -> str:
    """One line: what was raised, and the line of the file that did it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    where = f" (line {lines[-1]})" if lines else ""
    words = error.message if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
    return f"{' '.join(words.split())}{where}"[:500]


@register()
def check(**_: Any) -> list[CheckMessage]:
    """One warning for everything that could not be loaded."""
    return [
        Warning(f"No strategies from {source}: {reason}", hint=HINT, id="batches.W001")
        for source, reason in troubles.items()
    ]
