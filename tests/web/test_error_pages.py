"""A request that failed names the id that finds it in the log."""

import logging
import uuid

import pytest
from django.test import Client
from django.utils.html import escape
from structlog.contextvars import get_contextvars


@pytest.fixture
def lost(db, monkeypatch):
    """A client whose requests for the list of batches fail; the ids that are bound when the failure is logged."""
    logged = []

    def fail(*_):
        raise ZeroDivisionError("injected")

    class Recorder(logging.Handler):
        def emit(self, record):
            logged.append(get_contextvars().get("request_id"))

    monkeypatch.setattr("batches.permissions.visible", fail)
    handler = Recorder(logging.ERROR)
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield Client(raise_request_exception=False), logged
    logger.removeHandler(handler)


def test_the_page_of_an_error_quotes_the_request_id_of_the_log(lost):
    client, logged = lost
    response = client.get("/batches/")
    assert response.status_code == 500
    assert logged == [response["X-Request-ID"]]
    assert escape(response["X-Request-ID"]) in response.content.decode()
    assert "Server error" in response.content.decode()


def test_an_error_of_the_api_quotes_the_request_id_of_the_log(lost):
    client, logged = lost
    response = client.get(f"/api/backtest/batch/{uuid.uuid4()}", headers={"X-Request-ID": "mine-1"})
    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert logged[0] == "mine-1"
    assert "mine-1" in response.json()["error"]


def test_the_page_of_an_error_needs_no_database_and_no_account(lost, monkeypatch):
    client, _ = lost
    monkeypatch.setattr("backtester.web.authentication.person", lambda _: 1 / 0)
    assert client.get("/batches/").status_code == 500


def test_a_page_that_does_not_exist_quotes_its_request_id_and_is_no_server_error(client, db):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert escape(response["X-Request-ID"]) in response.content.decode()
    assert "Page not found" in response.content.decode()
    assert "Server error" not in response.content.decode()
