# Generated from backtester/client/asynchronous/connection.py: edit that, then run `python -m tests.client.generate`.
"""Requests to one server, sent again while it is unavailable for a moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from backtester.client.addresses import find_token, server_address
from backtester.client.calls import Answer, Call, Retries, read_answer, refused
from backtester.client.connecting import TIMEOUT, authorization
from backtester.client.errors import Refused


class Connection:
    def __init__(self, url: str | None, token: str | None) -> None:
        self.url = server_address(url)
        self.headers = authorization(find_token(token, self.url))
        self.http = httpx.Client(base_url=self.url, headers=self.headers, timeout=TIMEOUT)

    def answer(self, call: Call[Answer]) -> Answer:
        return read_answer(call, self.send(call))

    def send(self, call: Call[Any]) -> httpx.Response:
        retries = Retries(call, self.url)
        while True:
            try:
                response = self.http.request(call.method, call.path, params=call.params, json=call.json)
                if response.is_success:
                    return response
                raise refused(response)
            except (httpx.TransportError, Refused) as error:
                pause = retries.pause_after(error)
            time.sleep(pause)

    @contextmanager
    def stream(self, call: Call[Any], **options: Any) -> Iterator[httpx.Response]:
        with self.http.stream(call.method, call.path, params=call.params, **options) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                raise refused(response)
            yield response
