"""The files in deploy/ and compose.yaml fit to each other and to the product; what runs them is in tests/production."""

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest
from django.core.management import get_commands

from tests.deploy import compose
from tests.support.doc_blocks import blocks
from tests.support.stack_process import ROOT

COMMANDS = set(get_commands())
SETTINGS = set(re.findall(r"`(\w+)`", (ROOT / "docs/settings.md").read_text()))


def test_every_command_of_compose_is_one_of_ours():
    assert sorted(compose.OURS) == ["migrate", "watchdog", "web", "worker"]
    for service in compose.OURS:
        assert compose.command(service)[0] in COMMANDS
    for service in ("worker", "watchdog"):
        assert compose.SERVICES[service]["healthcheck"]["test"][3:] == ["present", service]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "manage.py"]' in dockerfile
    assert {line.split()[1] for line in dockerfile.splitlines() if line.startswith("COPY b")} <= {
        "backtester",
        "batches",
    }


def test_every_variable_is_a_documented_setting(tmp_path):
    for service in compose.OURS:
        for name in compose.environment(service, tmp_path):
            assert name.removesuffix("_FILE") in SETTINGS, f"{name} of {service}"


def test_no_part_runs_as_root_or_carries_a_secret_in_its_environment():
    assert re.search(r"^USER backtester$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for service in compose.SERVICES.values():
        assert not any("PASSWORD" in name and not name.endswith("_FILE") for name in service.get("environment", {}))
    assert "volumes" not in compose.SERVICES["valkey"] or compose.SERVICES["valkey"]["volumes"] == [
        "./deploy/valkey.conf:/valkey.conf:ro"
    ]


@pytest.mark.skipif(not shutil.which("openssl"), reason="the certificate for a first look is made by openssl")
def test_secrets_are_made_once_closed_to_others_and_are_all_that_compose_asks_for(tmp_path):
    folder = tmp_path / "secrets"
    subprocess.run([ROOT / "deploy/make-secrets", folder], check=True)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(compose.COMPOSE["secrets"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(made["secret_key"]) >= 50
    assert made["postgres_password"] in made["database_url"]
    assert made["redis_password"] in made["redis_url"]
    subprocess.run([ROOT / "deploy/make-secrets", folder], check=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


@pytest.mark.skipif(not shutil.which("openssl"), reason="the certificate for a first look is made by openssl")
def test_django_finds_nothing_to_warn_of_in_what_compose_runs(tmp_path):
    subprocess.run([ROOT / "deploy/make-secrets", tmp_path / "secrets"], check=True)
    environment = compose.environment("web", tmp_path / "secrets") | {"DATA_DIR": str(tmp_path)}
    asked = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"]
    ran = subprocess.run(asked, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_site_that_compose_makes_asks_the_web_service_over_https(tmp_path):
    line = compose.command("nginx")[2].partition("&&")[0]
    line = line.replace(" /nginx/", f" {ROOT}/deploy/nginx/").replace("/etc/nginx/conf.d", str(tmp_path))
    subprocess.run(["sh", "-c", line], check=True)
    site = (tmp_path / "default.conf").read_text()
    assert "server web:8000 max_fails=0;" in site
    assert "https.conf;" in site
    assert "listen 80;" not in site


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_systemd_understands_the_unit_of_the_page(tmp_path):
    (block,) = blocks("docs/deploy.md", "ini")
    unit = tmp_path / "backtester-worker.service"
    unit.write_text(block.text.replace("/opt/backtester", str(ROOT)))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False)
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []  # it also reads what the machine has
    assert done.returncode == 0
