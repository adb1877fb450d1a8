"""Requests to the API as data: what to send, how to read the answer, when to send it again.

Nothing is sent here, so both clients share all of it.
"""

import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from backtester.client.answers import Holdout, Ledger, Spent, Verdict
from backtester.client.errors import Refused, Unreachable, refusal
from backtester.client.events import Event, wire_name

Answer = TypeVar("Answer")
ROOT = "/api/backtest/batch"
PAUSES_S = (0.2, 0.4, 0.8, 1.6)  # before each new try: a server that restarts is back by then
UNAVAILABLE = frozenset({502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Answer]):
    """One request. repeatable : sending it twice has the same effect as sending it once."""

    method: str
    path: str
    read: Callable[[Any], Answer]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    repeatable: bool = True

    def may_repeat_after(self, error: httpx.TransportError | Refused) -> bool:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return True  # it was never sent
        return self.repeatable and (isinstance(error, httpx.TransportError) or error.status in UNAVAILABLE)


class Retries:
    """The pauses between the tries of one call."""

    def __init__(self, call: Call[Any], url: str) -> None:
        self.call = call
        self.url = url
        self._pauses = iter(PAUSES_S)

    def pause_after(self, error: httpx.TransportError | Refused) -> float:
        """Return the seconds to wait before the next try, or raise `error` if there is to be none."""
        pause = next(self._pauses, None)
        if pause is not None and self.call.may_repeat_after(error):
            return pause * random.uniform(0.5, 1.0)  # clients must not come back in step
        if isinstance(error, Refused):
            raise error
        raise unreachable(self.url, error) from error


@dataclass(frozen=True)
class Estimate:
    """The cost of a batch. seconds : wall clock with all workers free; bytes : stored results.

    is_measured : whether a similar batch was measured there; otherwise the seconds are a guess
    """

    total: int
    excluded: int
    seconds: float
    bytes: int
    is_measured: bool


def read_answer(call: Call[Answer], response: httpx.Response) -> Answer:
    data = json_of(response)
    if not isinstance(data, dict):
        raise Unreachable(f"{response.url} does not answer as a backtester does; is the address right?")
    return call.read(data)


def refused(response: httpx.Response) -> Refused:
    return refusal(response.status_code, json_of(response), str(response.url))


def json_of(response: httpx.Response) -> Any:
    """Return the decoded body, None if it is not JSON."""
    try:
        return response.json()
    except ValueError:
        return None


def unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    return Unreachable(f"{url} does not answer: {str(error) or type(error).__name__}.")


# ---- Starting --------------------------------------------------------------------------------------------------------


def request_body(strategy: str, symbols: Iterable[str], ranges: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """Return the body of a start. Options are spelled as in Python (`start_date`) or on the wire (`startDate`)."""
    body = {"strategy": strategy, "symbols": [symbols] if isinstance(symbols, str) else list(symbols)}
    fields = {wire_name(name): json_value(value) for name, value in options.items()}
    return body | {"parameterRanges": {name: json_value(values) for name, values in ranges.items()}} | fields


def json_value(value: Any) -> Any:
    """Convert dates, ranges, tuples, and the arrays and numbers of NumPy and pandas to JSON's types."""
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, str | Mapping) or value is None:
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return [json_value(item) for item in value] if isinstance(value, Iterable) else value


def start(body: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """The client chooses the id, so that a start that is sent twice starts one batch."""
    return Call(method="POST", path=ROOT, json={"sessionId": str(uuid.uuid4())} | dict(body), read=dict)


def estimate(body: Mapping[str, Any]) -> Call[Estimate]:
    def read(data: Any) -> Estimate:
        return Estimate(
            data["total"],
            data["excluded"],
            data["estimatedSeconds"],
            data["estimatedBytes"],
            data["estimateIsMeasured"],
        )

    return Call(method="POST", path=f"{ROOT}/estimate", json=body, read=read)


def strategies() -> Call[list[dict[str, Any]]]:
    return Call(method="GET", path="/api/strategies", read=lambda data: data["strategies"])


def metrics() -> Call[list[dict[str, Any]]]:
    return Call(method="GET", path="/api/strategies", read=lambda data: data["metrics"])


def instruments() -> Call[list[dict[str, Any]]]:
    return Call(method="GET", path="/api/instruments", read=lambda data: data["instruments"])


# ---- One batch -------------------------------------------------------------------------------------------------------


def batch_path(session_id: str, *parts: str) -> str:
    return "/".join([ROOT, *(quote(part, safe="") for part in (session_id, *parts))])


def newest(session_id: str) -> Call[Event]:
    return Call(method="GET", path=batch_path(session_id), read=Event.from_wire)


def event_stream(session_id: str) -> Call[None]:
    return Call(method="GET", path=f"{ROOT}/stream", params={"sessionId": session_id}, read=lambda _: None)


def action(session_id: str, name: str) -> Call[bool]:
    """Cancel, pause or resume; the answer says whether that changed anything."""
    return Call(method="POST", path=batch_path(session_id, name), read=lambda data: bool(data["changed"]))


def retry(session_id: str) -> Call[dict[str, Any]]:
    """Not repeatable: each retry starts a new batch."""
    return Call(method="POST", path=batch_path(session_id, "retry"), read=dict, repeatable=False)


def delete(session_id: str) -> Call[None]:
    """Not repeatable: the second time the batch would be unknown."""
    return Call(method="DELETE", path=batch_path(session_id), read=lambda _: None, repeatable=False)


def page(session_id: str, query: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return Call(method="GET", path=batch_path(session_id, "results"), params=query_string(query), read=dict)


def heatmap(session_id: str, query: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return Call(method="GET", path=batch_path(session_id, "heatmap"), params=query_string(query), read=dict)


def verdict(session_id: str) -> Call[Verdict]:
    return Call(method="GET", path=batch_path(session_id, "verdict"), read=lambda data: data)


def judge(session_id: str, options: Mapping[str, Any]) -> Call[Verdict]:
    body = {wire_name(name): value for name, value in options.items()}
    return Call(method="POST", path=batch_path(session_id, "verdict"), json=body, read=lambda data: data)


def holdout(session_id: str) -> Call[Holdout]:
    return Call(method="GET", path=batch_path(session_id, "holdout"), read=lambda data: data)


def spend_holdout(session_id: str, index: int) -> Call[Spent]:
    """Not repeatable: the second time it is refused."""
    path = batch_path(session_id, "holdout")
    return Call(method="POST", path=path, json={"index": index}, read=lambda data: data, repeatable=False)


def give_up_holdout(session_id: str) -> Call[Holdout]:
    return Call(method="DELETE", path=batch_path(session_id, "holdout"), read=lambda data: data)


def ledger(symbol: str) -> Call[Ledger]:
    return Call(method="GET", path="/api/ledger", params={"symbol": symbol}, read=lambda data: data)


def combination(session_id: str, index: int) -> Call[dict[str, Any]]:
    return Call(method="GET", path=batch_path(session_id, "results", str(index)), read=dict)


def export(session_id: str, kind: str, query: Mapping[str, Any]) -> Call[None]:
    path = batch_path(session_id, f"results.{kind}")
    return Call(method="GET", path=path, params=query_string(query), read=lambda _: None)


def query_string(query: Mapping[str, Any]) -> dict[str, str]:
    """`min_sharpe=1` -> `minSharpe=1`; leaves out None."""
    return {wire_name(name): str(value) for name, value in query.items() if value is not None}
