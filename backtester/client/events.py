"""The events of a batch, the same on every transport."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


def wire_name(name: str) -> str:
    """`best_so_far` -> `bestSoFar`: snake case in Python, camel case on the wire."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The whole state of a batch at one moment. Fractions are decimals, durations seconds; an unknown value is None.

    type : `connected` first, then `progress`, and exactly one `complete` or `error` at the end
    raw : the JSON object as it came, with fields that a newer server may have added
    """

    type: str
    session_id: str
    sequence: int
    sent_at_ms: int
    status: str
    phase: str
    loading: dict[str, Any] | None
    current: int
    total: int
    percentage: float
    current_symbol: str | None
    current_beta: float | None
    current_coefficient: float | None
    current_parameters: dict[str, float] | None
    elapsed_time: float
    estimated_time_remaining: float | None
    avg_time_per_test: float | None
    successful_tests: int
    failed_tests: int
    recent_errors: list[str]
    best_so_far: dict[str, Any] | None
    leaders: list[dict[str, Any]]
    last_worker_seen_at_ms: int | None
    results: dict[str, Any] | None
    error: str | None
    code: str | None
    raw: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        names = [item.name for item in fields(cls) if item.name != "raw"]
        values: dict[str, Any] = {name: data.get(wire_name(name)) for name in names}
        return cls(**values, raw=dict(data))

    @property
    def is_terminal(self) -> bool:
        """Whether no event comes after this one."""
        return self.type in {"complete", "error"}
