"""Clients as they are outside."""

import json

import pytest
from django.test import Client

from batches.live import hub


@pytest.fixture
def client():
    """As browsers and programs do, and Django's own test client does not, it says which host it means."""
    return Client(headers={"Host": "testserver"})


@pytest.fixture
def post(client):
    """post(path, body, **headers): a JSON request."""

    def send(path, body=None, **headers):
        return client.post(path, json.dumps(body), content_type="application/json", headers=headers)

    return send


@pytest.fixture
def quick_polls(monkeypatch):
    monkeypatch.setattr(hub, "POLL_S", 0.02)
