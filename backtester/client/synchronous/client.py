# Generated from backtester/client/asynchronous/client.py: edit that, then run `python -m tests.client.generate`.
"""What a server offers besides its batches, and the way to start one."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from backtester.client import calls
from backtester.client.addresses import split_link
from backtester.client.answers import Ledger
from backtester.client.calls import Estimate
from backtester.client.synchronous.batch import Batch
from backtester.client.synchronous.connection import Connection


class Client:
    """A client of the server at `url`, else BACKTESTER_URL, else that of `make run` on this machine.

    token : for servers with accounts; default: BACKTESTER_TOKEN
    """

    def __init__(self, url: str | None = None, *, token: str | None = None) -> None:
        self._connection = Connection(url, token)
        self.url = self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.http.close()

    def start(
        self, strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any] | None = None, **options: Any
    ) -> Batch:
        """Start a batch. It goes on when this program ends.

        ranges : for each parameter a list, a `range`, an array, or {"start", "stop", "step"} with stop included
        options : other fields of a start (`fees=0.001`, `start_date="2010-01-01"`, `sort_by="sharpe"`, ...)
        """
        body = calls.request_body(strategy, symbols, ranges or {}, options)
        answer = self._connection.answer(calls.start(body))
        return Batch(self._connection, answer["sessionId"], answer["total"], answer.get("notes", ()))

    def estimate(
        self, strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any] | None = None, **options: Any
    ) -> Estimate:
        """Count the tests of the same batch and estimate its cost, without starting it."""
        body = calls.request_body(strategy, symbols, ranges or {}, options)
        return self._connection.answer(calls.estimate(body))

    def batch(self, session_id: str) -> Batch:
        """Return a batch that was started elsewhere, by its id or a link to it."""
        return Batch(self._connection, split_link(session_id)[1])

    def strategies(self) -> list[dict[str, Any]]:
        """Return the strategies with their parameters."""
        return self._connection.answer(calls.strategies())

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics with their formulas."""
        return self._connection.answer(calls.metrics())

    def instruments(self) -> list[dict[str, Any]]:
        """Return the symbols with prices."""
        return self._connection.answer(calls.instruments())

    def ledger(self, symbol: str) -> Ledger:
        """Return what was ever tried on a symbol, also by deleted batches."""
        return self._connection.answer(calls.ledger(symbol))
