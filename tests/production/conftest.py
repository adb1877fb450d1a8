"""One installation for all tests here. `.ci/production` gives the PostgreSQL; without one they are left out."""

import logging
import os
import re

import pytest

from tests.faults.stack_under_test import new_postgres_database
from tests.production.containers import Containers
from tests.production.page import PAGE
from tests.production.profile import Production

logging.getLogger("httpx").setLevel(logging.WARNING)
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")
PARTS = ("web1", "web2", "worker1", "worker2", "watchdog")


def pytest_collection_modifyitems(config, items):
    """Leave these tests to `.ci/production`: they take minutes and need PostgreSQL."""
    left_out = [item for item in items if "production" in item.path.parts and not ON_POSTGRESQL]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def containers(tmp_path_factory):
    """Everything that compose.yaml starts, as the first block of the page does it.

    Who tests here has the token that it prints, and trusts the certificate that the shipped script has made.
    """
    database = new_postgres_database(os.environ["DATABASE_URL"], "backtester")
    running = Production(tmp_path_factory.mktemp("production"), database)
    compose = Containers(running)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(running.secrets / "tls_certificate"))
        try:
            (token,) = re.findall(r"^bt_\S+$", compose.follow(PAGE.first_start), re.MULTILINE)
            running.headers = {"Authorization": f"Bearer {token}"}
            yield compose
        finally:
            running.end()


@pytest.fixture(scope="session")
def production(containers):
    """The installation."""
    return containers.production


@pytest.fixture(autouse=True)
def _whole(production):
    """Before each test every part runs, and no other; after it nothing is stuck."""
    production.be(*PARTS)
    production.logs_begin_here()
    yield
    production.chunks()
    production.check_nothing_is_stuck()
