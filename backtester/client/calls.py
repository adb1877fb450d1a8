"""The requests of the contract as data: what to send, how to read the answer, when it may be sent again.

No input or output happens here, so that the plain and the asyncio client share all of it.
"""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from backtester.client.errors import Refused, Unreachable, refusal
from backtester.client.events import Event, wire_name

Answer = TypeVar("Answer")
ROOT = "/api/backtest/batch"
PAUSES_S = (0.2, 0.4, 0.8, 1.6)  # before each new try: a server that restarts is back by then
AWAY = frozenset({502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Answer]):
    """One request. repeatable : sending it twice does what sending it once does."""

    method: str
    path: str
    read: Callable[[Any], Answer]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    repeatable: bool = True

    def again_after(self, failure: httpx.TransportError | httpx.Response) -> bool:
        """Whether to try again: what was never sent always, what may have been done only if it may be done twice."""
        if isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout):
            return True
        return self.repeatable and (isinstance(failure, httpx.TransportError) or failure.status_code in AWAY)

    def answer(self, response: httpx.Response) -> Answer:
        """What the answer says; Refused when it is a refusal."""
        return self.read(checked(response))


@dataclass(frozen=True)
class Estimate:
    """What a batch would cost. seconds : wall clock with all workers free; bytes : stored results."""

    total: int
    excluded: int
    seconds: float
    bytes: int


def checked(response: httpx.Response) -> Any:
    """The JSON of an answer; Refused or Unreachable when it is none of ours."""
    if not response.is_success:
        raise refused(response)
    data = json_of(response)
    if not isinstance(data, dict):
        raise Unreachable(f"{response.url} does not answer as a backtester does; is the address right?")
    return data


def refused(response: httpx.Response) -> Refused:
    """Why not."""
    return refusal(response.status_code, json_of(response), str(response.url))


def json_of(response: httpx.Response) -> Any:
    """None when it is none."""
    try:
        return response.json()
    except ValueError:
        return None


def pauses() -> Iterator[float | None]:
    """Seconds before each new try, spread, so that clients do not come back in step; None after the last one."""
    for longest in PAUSES_S:
        yield longest * random.uniform(0.5, 1.0)
    yield None


def unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    """The last error in words."""
    return Unreachable(f"{url} does not answer: {str(error) or type(error).__name__}.")


# ---- starting --------------------------------------------------------------------------------------------------------


def request_body(strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """The body of a start. Options may be spelled as in Python (`start_date`) or as on the wire (`startDate`)."""
    body = {"strategy": strategy, "symbols": [symbols] if isinstance(symbols, str) else list(symbols)}
    spelled = {wire_name(name): plain(value) for name, value in options.items()}
    return body | {"parameterRanges": {name: plain(values) for name, values in ranges.items()}} | spelled


def plain(value: Any) -> Any:
    """Dates, ranges, tuples, NumPy's and pandas' arrays and numbers as JSON knows them."""
    if isinstance(value, date | datetime):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, str | Mapping) or value is None:
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(each) for each in value] if isinstance(value, Iterable) else value


def start(body: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """We choose the id: then the same start may be sent twice, and starts one batch."""
    chosen = {"sessionId": str(uuid.uuid4())} | dict(body)
    return Call(method="POST", path=ROOT, json=chosen, read=lambda data: data)


def estimate(body: Mapping[str, Any]) -> Call[Estimate]:
    """Stores nothing."""

    def read(data: Any) -> Estimate:
        return Estimate(data["total"], data["excluded"], data["estimatedSeconds"], data["estimatedBytes"])

    return Call(method="POST", path=f"{ROOT}/estimate", json=body, read=read)


def strategies() -> Call[list[dict[str, Any]]]:
    """What can be swept."""
    return Call(method="GET", path="/api/strategies", read=lambda data: data["strategies"])


def metrics() -> Call[list[dict[str, Any]]]:
    """What is measured."""
    return Call(method="GET", path="/api/strategies", read=lambda data: data["metrics"])


def instruments() -> Call[list[dict[str, Any]]]:
    """Over what."""
    return Call(method="GET", path="/api/instruments", read=lambda data: data["instruments"])


# ---- one batch -------------------------------------------------------------------------------------------------------


def batch_path(session_id: str, *parts: str) -> str:
    """The path of a batch's route."""
    return "/".join([ROOT, *(quote(part, safe="") for part in (session_id, *parts))])


def newest(session_id: str) -> Call[Event]:
    """The newest event."""
    return Call(method="GET", path=batch_path(session_id), read=Event.from_wire)


def event_stream(session_id: str) -> Call[None]:
    """The events as they come (its body is streamed, not read here)."""
    return Call(method="GET", path=f"{ROOT}/stream", params={"sessionId": session_id}, read=lambda data: None)


def move(session_id: str, verb: str) -> Call[bool]:
    """Cancel, pause or resume; whether that changed anything."""
    return Call(method="POST", path=batch_path(session_id, verb), read=lambda data: bool(data["changed"]))


def retry(session_id: str) -> Call[dict[str, Any]]:
    """Every time a new batch, so it is not repeated."""
    return Call(method="POST", path=batch_path(session_id, "retry"), read=lambda data: data, repeatable=False)


def delete(session_id: str) -> Call[None]:
    """Not repeated: the second time it would be unknown."""
    return Call(method="DELETE", path=batch_path(session_id), read=lambda data: None, repeatable=False)


def page(session_id: str, query: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """A page of rows."""
    path = batch_path(session_id, "results")
    return Call(method="GET", path=path, params=query_string(query), read=lambda data: data)


def heatmap(session_id: str, query: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """Two parameters against a metric."""
    path = batch_path(session_id, "heatmap")
    return Call(method="GET", path=path, params=query_string(query), read=lambda data: data)


def combination(session_id: str, index: int) -> Call[dict[str, Any]]:
    """One combination with its curves and trades."""
    return Call(method="GET", path=batch_path(session_id, "results", str(index)), read=lambda data: data)


def export(session_id: str, kind: str, query: Mapping[str, Any]) -> Call[None]:
    """All rows that pass the filters, as a file (its body is streamed, not read here)."""
    path = batch_path(session_id, f"results.{kind}")
    return Call(method="GET", path=path, params=query_string(query), read=lambda data: None)


def query_string(query: Mapping[str, Any]) -> dict[str, str]:
    """`min_sharpe=1` -> `minSharpe=1`; what is None is left out."""
    return {wire_name(name): str(value) for name, value in query.items() if value is not None}
