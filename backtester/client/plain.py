"""The client for scripts and notebooks that do one thing after the other."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from backtester.client import calls, watching
from backtester.client.addresses import find_token, server_address, socket_url, split_link
from backtester.client.calls import Call, Estimate
from backtester.client.connecting import SOCKET_OPTIONS, STREAM_OPTIONS, TIMEOUT, headers
from backtester.client.errors import ClientError
from backtester.client.events import Event
from backtester.client.files import Draft, kind_of, read_parquet

if TYPE_CHECKING:
    import pandas as pd

Answer = TypeVar("Answer")
TROUBLE = (httpx.HTTPError, WebSocketException, OSError, ClientError)


class Client:
    """A backtester somewhere: `Client()` is that of `make run`, `Client("https://host", token="…")` any other."""

    def __init__(self, url: str | None = None, *, token: str | None = None) -> None:
        self.url = server_address(url)
        self._headers = headers(find_token(token, self.url))
        self._http = httpx.Client(base_url=self.url, headers=self._headers, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def start(
        self, strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any] | None = None, **options: Any
    ) -> "Batch":
        """Start a batch. It goes on when this program ends.

        ranges : for each parameter a list, a `range`, an array, or {"start", "stop", "step"} with stop included
        options : what else a start may say (`fees=0.001`, `start_date="2010-01-01"`, `sort_by="sharpe"`, ...)
        """
        body = calls.request_body(strategy, symbols, ranges or {}, options)
        return Batch.started(self, self._answer(calls.start(body)))

    def estimate(
        self, strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any] | None = None, **options: Any
    ) -> Estimate:
        """Count and estimate the same batch; nothing is started."""
        return self._answer(calls.estimate(calls.request_body(strategy, symbols, ranges or {}, options)))

    def batch(self, session_id: str) -> "Batch":
        """A batch that was started elsewhere, by its id or its link."""
        return Batch(self, split_link(session_id)[1])

    def strategies(self) -> list[dict[str, Any]]:
        """What can be swept, with its parameters."""
        return self._answer(calls.strategies())

    def metrics(self) -> list[dict[str, Any]]:
        """What is measured, with formulas."""
        return self._answer(calls.metrics())

    def instruments(self) -> list[dict[str, Any]]:
        """Over what: the symbols with prices."""
        return self._answer(calls.instruments())

    def _answer(self, call: Call[Answer]) -> Answer:
        """Send, and send again while the server is away for a moment."""
        return call.answer(self._send(call))

    def _send(self, call: Call[Any]) -> httpx.Response:
        for pause in calls.pauses():
            try:
                response = self._http.request(call.method, call.path, params=call.params, json=call.json)
            except httpx.TransportError as error:
                if pause is None or not call.again_after(error):
                    raise calls.unreachable(self.url, error) from error
            else:
                if pause is None or not call.again_after(response):
                    return response
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    @contextmanager
    def _streamed(self, call: Call[Any], **options: Any) -> Iterator[httpx.Response]:
        with self._http.stream(call.method, call.path, params=call.params, **options) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                raise calls.refused(response)
            yield response


class Batch:
    """One batch on a server. total : how many tests it has, where this program has started it."""

    def __init__(self, client: Client, session_id: str, total: int | None = None) -> None:
        self.id = session_id
        self.total = total
        self.page_url = f"{client.url}/batches/{session_id}/"
        self._client = client

    @classmethod
    def started(cls, client: Client, answer: dict[str, Any]) -> Self:
        """The batch of a start's answer."""
        return cls(client, answer["sessionId"], answer["total"])

    def __repr__(self) -> str:
        return f"<Batch {self.id} at {self._client.url}>"

    def newest(self) -> Event:
        """Where it stands now."""
        return self._client._answer(calls.newest(self.id))

    def watch(
        self,
        *,
        patience_s: float = watching.PATIENCE_S,
        on_trouble: Callable[[str], None] = lambda words: None,
    ) -> Generator[Event, None, None]:
        """Each newer event as it comes, until the batch has ended, however often the connection breaks meanwhile.

        patience_s : gives up with Unreachable when the server was away for so long
        on_trouble : is told when the connection broke; the next event says that it is back
        """
        watch = watching.Watching(patience_s=patience_s)
        while True:
            try:
                for text in self._heard(watch.transport):
                    if (event := watch.heard(text)) is not None:
                        yield event
                    if watch.ended:
                        return
                pause = watch.closed()
            except TROUBLE as error:
                pause = watch.lost(error, now=time.monotonic())
                on_trouble(watching.in_words(error))
            time.sleep(pause)

    def wait(self) -> Event:
        """The last event, when it comes."""
        return next(event for event in self.watch() if event.is_terminal)

    def page(self, page: int = 1, **query: Any) -> dict[str, Any]:
        """A page of rows: `batch.page(2, sort="-sharpe", symbol="AAPL", min_trades=30, page_size=100)`."""
        return self._client._answer(calls.page(self.id, {"page": page, **query}))

    def results(self, **filters: Any) -> "pd.DataFrame":
        """All finished tests with all columns; failed ones say why in `error`.

        filters : as for a page: `symbol="AAPL", min_sharpe=1, max_trades=500, sort="-sharpe"`
        """
        for pause in calls.pauses():
            try:
                with self._client._streamed(calls.export(self.id, "parquet", filters)) as response:
                    return read_parquet(response.read())
            except httpx.TransportError as error:
                if pause is None:
                    raise calls.unreachable(self._client.url, error) from error
                time.sleep(pause)
        raise AssertionError("the last pause is None")

    def download(self, path: str | Path, *, on_bytes: Callable[[int], None] = lambda n: None, **filters: Any) -> Path:
        """Write the results to a file; its name ends in .csv, .parquet or .json. It appears whole, or not at all.

        on_bytes : is told how many bytes there are by now
        """
        parts = self.exported(kind_of(Path(path)), **filters)
        with Draft(Path(path)) as draft:
            for part in parts:
                on_bytes(draft.write(part))
        return draft.path

    def exported(self, kind: str, **filters: Any) -> Iterator[bytes]:
        """The same file in parts, as they come. kind : csv, parquet or json"""
        try:
            with self._client._streamed(calls.export(self.id, kind, filters)) as response:
                yield from response.iter_bytes()
        except httpx.TransportError as error:
            raise calls.unreachable(self._client.url, error) from error

    def heatmap(self, **query: Any) -> dict[str, Any]:
        """Two parameters against a metric: `x="fast", y="slow", metric="sharpe", symbol="AAPL", aggregate="median"`."""
        return self._client._answer(calls.heatmap(self.id, query))

    def combination(self, index: int) -> dict[str, Any]:
        """One combination in full: parameters, metrics, curves, trades, buy and hold."""
        return self._client._answer(calls.combination(self.id, index))

    def cancel(self) -> bool:
        """Stop it; what is finished stays. False when it had ended already."""
        return self._client._answer(calls.move(self.id, "cancel"))

    def pause(self) -> bool:
        """Let it rest; its deadline stands still."""
        return self._client._answer(calls.move(self.id, "pause"))

    def resume(self) -> bool:
        """Go on after a pause."""
        return self._client._answer(calls.move(self.id, "resume"))

    def retry(self) -> "Batch":
        """A new batch that begins with the finished tests of this one, and runs the failed and the missing."""
        return Batch.started(self._client, self._client._answer(calls.retry(self.id)))

    def delete(self) -> None:
        """Remove it with its results, when it has ended."""
        self._client._answer(calls.delete(self.id))

    def _heard(self, transport: str) -> Iterator[str | bytes]:
        """What a transport brings until it ends."""
        if transport == watching.WEBSOCKET:
            return self._websocket()
        return self._event_stream() if transport == watching.EVENT_STREAM else self._polling()

    def _websocket(self) -> Iterator[str | bytes]:
        url = socket_url(self._client.url, self.id)
        with connect(url, additional_headers=self._client._headers, **SOCKET_OPTIONS) as connection:
            yield from connection

    def _event_stream(self) -> Iterator[str]:
        parser = watching.StreamParser()
        with self._client._streamed(calls.event_stream(self.id), **STREAM_OPTIONS) as response:
            for part in response.iter_bytes():
                yield from parser.feed(part)

    def _polling(self) -> Iterator[bytes]:
        for _ in range(watching.POLLS):
            response = self._client._send(calls.newest(self.id))
            calls.checked(response)
            yield response.content
            time.sleep(watching.POLL_S)
