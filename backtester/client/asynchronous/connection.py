"""Requests to one server, sent again while it is unavailable for a moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from backtester.client.addresses import find_token, server_address
from backtester.client.calls import Answer, Call, Retries, read_answer, refused
from backtester.client.connecting import TIMEOUT, authorization
from backtester.client.errors import Refused


class AsyncConnection:
    def __init__(self, url: str | None, token: str | None) -> None:
        self.url = server_address(url)
        self.headers = authorization(find_token(token, self.url))
        self.http = httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=TIMEOUT)

    async def answer(self, call: Call[Answer]) -> Answer:
        return read_answer(call, await self.send(call))

    async def send(self, call: Call[Any]) -> httpx.Response:
        retries = Retries(call, self.url)
        while True:
            try:
                response = await self.http.request(call.method, call.path, params=call.params, json=call.json)
                if response.is_success:
                    return response
                raise refused(response)
            except (httpx.TransportError, Refused) as error:
                pause = retries.pause_after(error)
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def stream(self, call: Call[Any], **options: Any) -> AsyncIterator[httpx.Response]:
        async with self.http.stream(call.method, call.path, params=call.params, **options) as response:
            if response.status_code != httpx.codes.OK:
                await response.aread()
                raise refused(response)
            yield response
