"""One installation for all tests here. `.ci/production` gives the PostgreSQL; without one they are left out."""

import logging
import os

import pytest

from tests.faults.stack_under_test import new_postgres_database
from tests.production.profile import Production
from tests.stack_process import until

logging.getLogger("httpx").setLevel(logging.WARNING)
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


def pytest_collection_modifyitems(config, items):
    """They take minutes, and want a PostgreSQL: `make test` leaves them to `.ci/production`."""
    left_out = [item for item in items if "production" in item.path.parts and not ON_POSTGRESQL]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def production(tmp_path_factory):
    """Everything that compose.yaml starts, ready. Clients trust the certificate that the shipped script has made."""
    running = Production(tmp_path_factory.mktemp("production"), new_postgres_database(os.environ["DATABASE_URL"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(running.secrets / "tls_certificate"))
        try:
            yield running.start()
        finally:
            running.end()


@pytest.fixture(autouse=True)
def _whole(production):
    """After each test nothing is stuck, and every part runs again for the next."""
    yield
    production.chunks()
    production.check_nothing_is_stuck()
    for name in ("web1", "web2", "worker1", "worker2", "watchdog"):
        if name not in production.parts:
            production.start_process(name)
    until(production.is_ready, "every part to be back")
