"""The services of compose.yaml in the image that `.ci/image` builds; without an image these tests are left out."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from backtester.stack import redis_server
from tests.deploy import compose
from tests.faults.stack_under_test import new_postgres_database
from tests.image.containers import Container, Image
from tests.support.stack_process import ROOT

PORT, REDIS_PORT = 8000, 6379
CHANGES = {
    "PGHOST": "/run/postgresql",  # the socket of `.ci/postgres` instead of a container
    "PGUSER": "backtester",
    "WORKERS": "2",
    "CHUNK_LEASE_S": "4",  # a killed worker is noticed within the patience of a test
}


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if "image" in item.path.parts and "IMAGE_ROOT" not in os.environ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def image():
    return Image(Path(os.environ["IMAGE_ROOT"]), Path(os.environ["IMAGE_FILE"]))


def make_secrets(folder, user):
    """Create them by the shipped script, with the addresses of this network, readable by the image's user alone."""
    subprocess.run([ROOT / "deploy/make-secrets", folder], check=True)
    database = new_postgres_database(os.environ["DATABASE_URL"], "image")
    redis_url = (folder / "redis_url").read_text().replace("valkey:6379", f"127.0.0.1:{REDIS_PORT}")
    for name, url in {"database_url": database, "redis_url": redis_url}.items():
        (folder / name).unlink()
        (folder / name).write_text(url)
    for path in (folder, *folder.iterdir()):
        os.chown(path, int(user), int(user))


@pytest.fixture(scope="session")
def secrets(image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image") / "secrets"
    make_secrets(folder, image.user)
    return folder


@pytest.fixture(scope="session")
def valkey(secrets):
    """Run Valkey with the shipped configuration and password. Its container is not ours, so it runs outside of one."""
    shell, flag, line = compose.command("valkey")
    line = line.replace("valkey-server", redis_server.find_server(), 1).replace(compose.SECRETS, str(secrets))
    line = line.replace(" /valkey.conf", f" {ROOT}/deploy/valkey.conf --bind 127.0.0.1 --port {REDIS_PORT}")
    process = subprocess.Popen([shell, flag, line], cwd=secrets.parent)
    yield process
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def containers(image, secrets, valkey):
    """Everything of ours, migrated and started."""
    started = {name: Container(image, name, secrets.parent / name, CHANGES) for name in compose.OURS}
    started["migrate"].manage(*compose.command("migrate"))
    try:
        for name in ("web", "worker", "watchdog"):
            started[name].start()
        yield started
    finally:
        for container in started.values():
            if container.is_running():
                with suppress(subprocess.TimeoutExpired):
                    container.stop()
                container.end()
