"""A real server with hand-moved batches, for all of them; others with other settings where asked."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from benchmarks.live_parts import make_batches, server, valkey
from tests.live.serving import Serving

Start = Callable[..., Serving]


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """start_server(NAME="value"): Valkey, 40 running batches, and Daphne as the stack starts it."""
    with ExitStack() as parts:

        def start(**settings: str) -> Serving:
            data_dir = tmp_path_factory.mktemp("live")
            parts.enter_context(valkey(data_dir))
            ids = make_batches(data_dir, 40)
            process, address = parts.enter_context(server("daphne", data_dir, **settings))
            return Serving(data_dir, process, address, ids)

        yield start


@pytest.fixture(scope="session")
def serving(start_server: Start) -> Serving:
    """The server with its usual settings."""
    return start_server()
