"""A full, busy or missing database is refused in the one error shape, by the API and by the pages."""

import sqlite3
from types import SimpleNamespace

import psycopg
import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from batches.errors import BatchError
from batches.models import BatchSession
from batches.ops import storage
from batches.running import submission
from batches.sweep.start_request import parse_start

START = "/api/backtest/batch"


def django_error(cause):
    """Return what Django raises for a driver's error."""
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "status", "code"),
    [
        (sqlite3.OperationalError("database or disk is full"), 507, "STORAGE_FULL"),
        (sqlite3.OperationalError("disk I/O error"), 507, "STORAGE_FULL"),
        (psycopg.errors.DiskFull("could not extend file"), 507, "STORAGE_FULL"),
        (sqlite3.OperationalError("database is locked"), 503, "DATABASE_BUSY"),
        (psycopg.OperationalError("the connection is closed\nand more"), 503, "DATABASE_BUSY"),
        (psycopg.OperationalError(""), 503, "DATABASE_BUSY"),
    ],
)
def test_a_full_disk_and_a_busy_database_have_different_codes(cause, status, code):
    error = storage.refusal(django_error(cause))
    assert (error.status, error.code) == (status, code)
    assert "\n" not in error.message


def test_the_api_and_the_form_refuse_when_the_disk_is_full(client, start, monkeypatch):
    def full(*arguments, **options):
        raise django_error(sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(submission, "submit", full)
    answer = client.post(START, start(), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    form = {"strategy": "sma_cross", "symbols": "ACME", "fast": "3", "slow": "10"}
    answer = client.post(reverse("batches:form"), form)
    assert (answer.status_code, b"disk of the database is full" in answer.content) == (507, True)


def test_a_batch_whose_results_would_fill_the_disk_is_refused(start, monkeypatch, tmp_path):
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    here = SimpleNamespace(DATABASES={"default": database}, DISK_RESERVE_BYTES=10**17)
    monkeypatch.setattr(storage, "settings", here)
    with pytest.raises(BatchError) as refused:
        submission.submit(parse_start(start()), now=timezone.now())
    assert (refused.value.status, refused.value.code) == (507, "STORAGE_FULL")
    assert "DISK_RESERVE_BYTES" in refused.value.message
    assert not BatchSession.objects.exists()
