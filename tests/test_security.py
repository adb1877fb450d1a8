"""Promises about safety that no other test holds. The page of all of them is compared in `test_docs.py`."""

import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as live_settings

ROOT = Path(__file__).resolve().parent.parent


def start_with(tmp_path, *, code="", **environment):
    """What a fresh process says that reads the settings with this environment."""
    program = f"from backtester import settings; {code}"
    inherited = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=inherited | {"DATA_DIR": str(tmp_path)} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_secret_key_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    first = start_with(tmp_path, code="print(settings.SECRET_KEY)")
    second = start_with(tmp_path, code="print(settings.SECRET_KEY)")
    assert first.stdout == second.stdout
    assert len(first.stdout.strip()) >= 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize("key", ["short", "x" * 60, "django-insecure-" + "abcdefgh" * 8])
def test_a_weak_secret_key_stops_the_start(tmp_path, key):
    refused = start_with(tmp_path, SECRET_KEY=key)
    assert refused.returncode != 0
    assert "SECRET_KEY" in refused.stderr.splitlines()[-1]
    assert key not in refused.stderr


@pytest.mark.parametrize("url", ["redis://cache.example:6379/0", "rediss://10.0.0.5", "redis://user@cache.example"])
def test_a_redis_that_others_reach_without_a_password_stops_the_start(tmp_path, url):
    refused = start_with(tmp_path, REDIS_URL=url)
    assert refused.returncode != 0
    assert "password" in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "url",
    ["redis://:secret@cache.example:6379/0", "redis://127.0.0.1:6379", "redis://localhost", "unix:///run/redis.sock"],
)
def test_a_redis_with_a_password_or_on_this_machine_is_taken(tmp_path, url):
    assert start_with(tmp_path, REDIS_URL=url).returncode == 0


def test_debug_is_off_unless_it_is_asked_for(tmp_path):
    assert start_with(tmp_path, code="print(settings.DEBUG)").stdout == "False\n"


def test_workers_read_json_and_nothing_that_runs():
    from kombu.exceptions import ContentDisallowed
    from kombu.serialization import loads

    assert live_settings.CELERY_ACCEPT_CONTENT == ["json"]
    with pytest.raises(ContentDisallowed):
        loads(pickle.dumps([1]), "application/x-python-serialize", "binary", accept=live_settings.CELERY_ACCEPT_CONTENT)


@pytest.mark.parametrize(
    "path", ["/", "/batches/", "/api/strategies", "/api/docs", "/api/nothing", "/nothing", "/healthz", "/admin/login/"]
)
def test_every_answer_carries_the_policies(client, db, path):
    response = client.get(path)
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    if not path.startswith("/admin/"):
        assert "unsafe" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert "Server" not in response


def test_cookies_are_kept_from_scripts_and_from_other_sites():
    assert live_settings.SESSION_COOKIE_HTTPONLY
    assert (live_settings.SESSION_COOKIE_SAMESITE, live_settings.CSRF_COOKIE_SAMESITE) == ("Lax", "Lax")


def test_dependencies_are_locked_with_their_hashes():
    for name in ("run", "test"):
        lines = (ROOT / "requirements" / f"{name}.lock").read_text().splitlines()
        pinned = [line for line in lines if line and line[0] not in " #"]
        assert pinned
        assert all("==" in line for line in pinned)
        assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)
