"""A real server with hand-moved batches, for all of them; others with other settings where asked."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.live_parts import make_batches, server, valkey
from tests.live.serving import Serving
from tests.prepared import prepared

Start = Callable[..., Serving]


@pytest.fixture(scope="session")
def hand_moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with 40 running batches, to be copied for each server."""
    return prepared(tmp_path_factory, "hand-moved", lambda data_dir: make_batches(data_dir, 40))


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory, hand_moved: Path) -> Iterator[Start]:
    """start_server(NAME="value"): Valkey, 40 running batches, and Daphne as the stack starts it."""
    with ExitStack() as parts:

        def start(**settings: str) -> Serving:
            data_dir = tmp_path_factory.mktemp("live")
            parts.enter_context(valkey(data_dir))
            shutil.copy(hand_moved, data_dir / "db.sqlite3")
            process, address = parts.enter_context(server("daphne", data_dir, **settings))
            return Serving(data_dir, process, address)

        yield start


@pytest.fixture(scope="session")
def serving(start_server: Start) -> Serving:
    """The server with its usual settings."""
    return start_server()
