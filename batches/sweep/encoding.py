"""Encode events in a form and a size that every client can take."""

import logging
from collections.abc import Mapping
from typing import Any, cast

import orjson

from backtester.engine import foreign_text
from batches.sweep.wire_types import BatchResults

log = logging.getLogger(__name__)
EVENT_BYTES = 64_000
RESULTS_BYTES = EVENT_BYTES - 14_000  # an event also has ten leaders and the texts of five errors


def encode(event: Mapping[str, object]) -> str:
    """Return one line of JSON; NaN becomes null. Never raises: an odd value must not silence a batch."""
    return _json(event).decode()


def fitted(results: BatchResults | None) -> BatchResults | None:
    """Return the results of a terminal event, with fewer entries and a warning that says so if they are too large.

    All rows are at `resultsUrl`.
    """
    if results is None or len(_json(results)) <= RESULTS_BYTES:
        return results
    whole = cast("dict[str, Any]", results)
    parts: dict[str, Any] = {
        "top rows": whole["results"],
        "causes of failure": whole["errors"],
        "symbols in the comparison": whole["comparison"],
        "symbols with a best row": whole["summary"]["bestBySymbol"],
    }
    kept = _shortened(parts, len(_json(results)) - RESULTS_BYTES + 500)  # bytes of the warning
    counts = [f"{len(kept[name]):,} of {len(part):,} {name}" for name, part in parts.items() if kept[name] is not part]
    warning = f"This event is cut to {EVENT_BYTES // 1000} kB; it holds {', '.join(counts)}."
    rows, errors, comparison, best_rows = kept.values()
    fewer = whole | {
        "results": rows,
        "truncated": whole["truncated"] or len(rows) < len(whole["results"]),
        "errors": errors,
        "comparison": comparison,
        "summary": whole["summary"] | {"bestBySymbol": best_rows},
        "validation": whole["validation"] | {"warnings": [*whole["validation"]["warnings"], warning]},
    }
    return cast(BatchResults, fewer)


def _shortened(parts: Mapping[str, Any], excess: int) -> dict[str, Any]:
    """Halve the largest part until so many bytes are saved."""
    kept, sizes = dict(parts), {name: len(_json(part)) for name, part in parts.items()}
    while excess > 0:
        largest = max(sizes, key=lambda name: sizes[name])
        part, half = kept[largest], len(kept[largest]) // 2
        kept[largest] = part[:half] if isinstance(part, list) else dict(list(part.items())[:half])
        size = len(_json(kept[largest]))
        if not part:
            break
        excess -= sizes[largest] - size
        sizes[largest] = size
    return kept


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        log.warning("event with a value that JSON cannot hold: %s", error)
        return orjson.dumps(_plain(value))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {foreign_text(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    is_number = isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63)
    return value if value is None or is_number else foreign_text(value)
