"""What the pages show of a verdict: the sentence and the pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from batches.formatting import took
from batches.models import BatchSession
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.verdict import jobs
from batches.verdict.answers import verdict_answer
from batches.verdict.options import DEFAULTS
from batches.web.charts.marked_histogram import MarkedHistogram, marked_histogram
from batches.web.charts.plateau_map import plateau_map, shades
from batches.web.charts.ranks import rank_chart
from batches.web.charts.share_band import share_band
from batches.web.charts.stitched import stitched_chart
from batches.web.labels import VERDICT_TONES, names_of

UNAVAILABLE = {
    "over_budget": "The verdict on luck was not computed, because it takes long for so many tests.",
    "cancelled": "The verdict on luck was stopped.",
    "internal_error": "The verdict on luck could not be computed; the server log says why.",
    "prices_gone": "The verdict on luck could not be computed: prices of the batch were deleted.",
    "not_requested": "Whether the best of this batch is luck has not been computed yet.",
    "nothing_finished": "No test succeeded, so there is no verdict on luck.",
    "batch_active": "The verdict on luck follows the end of the batch.",
}
REASONS = {
    "too_short": "The history is too short.",
    "one_trial": "There is only one test.",
    "no_variation": "Nothing traded, or nothing varied.",
    "few_trades": "The best has too few trades.",
    "over_budget": "It takes long for so many tests, and was left out.",
    "not_requested": "It was not requested.",
}


def sentence_context(session: BatchSession) -> dict[str, Any]:
    verdict = verdict_answer(session)
    reason = verdict["reasons"].get("verdict", "")
    return {
        "session": session,
        "verdict": verdict,
        "tone": VERDICT_TONES.get(verdict["state"] or "", "soft"),
        "is_computing": session.state.is_terminal and verdict["status"] in ("waiting", "running"),
        "unavailable": UNAVAILABLE.get(reason, "") if verdict["status"] == "unavailable" else "",
        "may_request": verdict["status"] == "unavailable" and reason != "nothing_finished",
        "full_seconds": took(jobs.seconds(session, DEFAULTS)),
        "lacks_shuffles": verdict["status"] == "ready" and verdict["reasons"].get("shuffle") == "over_budget",
    }


def page_context(session: BatchSession, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pictures, and in words why parts are missing."""
    shuffle, luck, pbo, walk, stability = (
        verdict[name] for name in ("shuffle", "luck", "pbo", "walkForward", "stability")
    )
    return {
        "names": names_of(session),
        "distribution": _distribution(shuffle, luck),
        "logits": pbo and marked_histogram(pbo["logits"], "log-odds of its rank"),
        "band": pbo and share_band(pbo["value"], pbo["noiseBand"]),
        "stitched": walk and stitched_chart(walk["curve"], walk["windows"]),
        "matrix": walk and walk["matrix"] and _matrix_rows(walk["matrix"]),
        "ranks": stability and rank_chart(stability),
        "plateau_map": plateau_map(session, verdict),
        "missing": {name: REASONS.get(code, code) for name, code in verdict["reasons"].items()},
    }


def _distribution(shuffle: Mapping[str, Any] | None, luck: Mapping[str, Any] | None) -> MarkedHistogram | None:
    """Return the picture of the best of each history without skill: by the metric that ranks, else Sharpe ratios."""
    drawn = shuffle if shuffle and shuffle["histogram"] else luck
    if not drawn or not drawn["histogram"]:
        return None
    metric = METRICS_BY_WIRE_NAME[drawn.get("metric", "sharpe")]
    return marked_histogram(drawn["histogram"], metric.label, metric.unit, drawn.get("p95"))


def _matrix_rows(matrix: Mapping[str, Any]) -> list[tuple[int, list[tuple[float | None, int]]]]:
    """Return (bars of training, cells). A cell is its Sharpe ratio and its shade."""
    values = np.array(matrix["sharpe"], dtype=np.float64)
    return [
        (train, list(zip(row, row_shades, strict=True)))
        for train, row, row_shades in zip(matrix["train"], matrix["sharpe"], shades(values).tolist(), strict=True)
    ]
