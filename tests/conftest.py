"""Shared by all tests: the real stack, started once for those that ask for it."""

from collections.abc import Iterator

import pytest

from tests.stack_process import StackProcess


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """The stack with the sample prices, ready; what one test leaves in it, the next one finds."""
    running = StackProcess(tmp_path_factory.mktemp("stack"))
    try:
        yield running.start().wait_until_ready()
    finally:
        running.end()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's event loop runs to the end of the session, and no other can start beside it."""
    items.sort(key=lambda item: "browser" in item.path.parts)
