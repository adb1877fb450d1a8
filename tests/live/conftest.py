"""A real server with hand-moved batches, for all of them; others with other settings where asked."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmarks.live_parts import make_batches, server, valkey
from tests.live.serving import Serving
from tests.support.databases import prepared

Start = Callable[..., Serving]


@pytest.fixture(scope="session")
def hand_moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with 40 running batches, to be copied for each server."""
    return prepared(tmp_path_factory, "hand-moved", lambda data_dir: make_batches(data_dir, 40))


@contextmanager
def servers(factory: pytest.TempPathFactory, database: Path) -> Iterator[Start]:
    """start(NAME="value"): Valkey, the batches, and Daphne as the stack starts it; all end with the block."""
    with ExitStack() as parts:

        def start(**settings: str) -> Serving:
            data_dir = factory.mktemp("live")
            parts.enter_context(valkey(data_dir))
            shutil.copy(database, data_dir / "db.sqlite3")
            process, address = parts.enter_context(server("daphne", data_dir, **settings))
            return Serving(data_dir, process, address)

        yield start


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory, hand_moved: Path) -> Iterator[Start]:
    """For a server with other settings."""
    with servers(tmp_path_factory, hand_moved) as start:
        yield start


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory, hand_moved: Path) -> Iterator[Serving]:
    """The server with its usual settings."""
    with servers(tmp_path_factory, hand_moved) as start:
        yield start()
