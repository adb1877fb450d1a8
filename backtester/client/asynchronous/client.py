"""What a server offers besides its batches, and the way to start one."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from backtester.client import calls
from backtester.client.addresses import split_link
from backtester.client.answers import Ledger
from backtester.client.asynchronous.batch import AsyncBatch
from backtester.client.asynchronous.connection import AsyncConnection
from backtester.client.calls import Estimate


class AsyncClient:
    """A client of the server at `url`, else BACKTESTER_URL, else that of `make run` on this machine.

    token : for servers with accounts; default: BACKTESTER_TOKEN
    """

    def __init__(self, url: str | None = None, *, token: str | None = None) -> None:
        self._connection = AsyncConnection(url, token)
        self.url = self._connection.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._connection.http.aclose()

    async def start(
        self, strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncBatch:
        """Start a batch. It goes on when this program ends.

        ranges : for each parameter a list, a `range`, an array, or {"start", "stop", "step"} with stop included
        options : other fields of a start (`fees=0.001`, `start_date="2010-01-01"`, `sort_by="sharpe"`, ...)
        """
        body = calls.request_body(strategy, symbols, ranges or {}, options)
        answer = await self._connection.answer(calls.start(body))
        return AsyncBatch(self._connection, answer["sessionId"], answer["total"], answer.get("notes", ()))

    async def estimate(
        self, strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any] | None = None, **options: Any
    ) -> Estimate:
        """Count the tests of the same batch and estimate its cost, without starting it."""
        body = calls.request_body(strategy, symbols, ranges or {}, options)
        return await self._connection.answer(calls.estimate(body))

    def batch(self, session_id: str) -> AsyncBatch:
        """Return a batch that was started elsewhere, by its id or a link to it."""
        return AsyncBatch(self._connection, split_link(session_id)[1])

    async def strategies(self) -> list[dict[str, Any]]:
        """Return the strategies with their parameters."""
        return await self._connection.answer(calls.strategies())

    async def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics with their formulas."""
        return await self._connection.answer(calls.metrics())

    async def instruments(self) -> list[dict[str, Any]]:
        """Return the symbols with prices."""
        return await self._connection.answer(calls.instruments())

    async def ledger(self, symbol: str) -> Ledger:
        """Return what was ever tried on a symbol, also by deleted batches."""
        return await self._connection.answer(calls.ledger(symbol))
