"""Two batches compared by their tables of results: the best, the averages, each symbol, and the tests of both."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.client import Event
from batches.results.averages import mean
from batches.results.ranking import best_position, that_traded
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

if TYPE_CHECKING:
    import pandas as pd

METRIC_NAMES = list(METRICS_BY_WIRE_NAME)
MAX_DIFFERENCES = 10
Row = dict[str, Any]
Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Side:
    """One of the two batches. table : its finished tests, one row each"""

    event: Event
    table: "pd.DataFrame"

    @property
    def parameters(self) -> list[str]:
        """The columns in which its tests differ, besides the symbol."""
        columns = list(self.table.columns)
        names = columns[columns.index("symbol") + 1 : columns.index("beta")]
        return [*names, *(["coefficient"] if self.table["coefficient"].notna().any() else [])]

    def best(self, metric: str, symbol: str | None = None) -> Row | None:
        """Return the best row; None if none that traded has the metric."""
        table = self.table if symbol is None else self.table[self.table["symbol"] == symbol]
        values, exposure = (table[name].to_numpy(np.float64) for name in (metric, "exposure"))
        position = best_position(that_traded(values, exposure), METRICS_BY_WIRE_NAME[metric])
        return None if position is None else self._row(table.iloc[position])

    def mean(self, metric: str) -> float | None:
        return mean(self.table[metric].to_numpy(np.float64))

    def _row(self, row: "pd.Series") -> Row:
        return {
            "index": int(row["index"]),
            "symbol": row["symbol"],
            "parameters": {name: json_value(row[name]) for name in self.parameters},
            **{name: json_value(row[name]) for name in METRIC_NAMES},
        }


@dataclass(frozen=True)
class Comparison:
    """Pairs of a value of the first batch and one of the second; `common` compares the tests that are in both."""

    metric: str
    best: Pair
    averages: dict[str, Pair]
    symbols: dict[str, Pair]
    common: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "best": list(self.best),
            "averages": {name: list(pair) for name, pair in self.averages.items()},
            "bySymbol": {symbol: list(pair) for symbol, pair in self.symbols.items()},
            "common": self.common,
        }


def compare(first: Side, second: Side, metric: str) -> Comparison:
    """metric : the wire name of the metric that decides what is best"""
    symbols = sorted({*first.table["symbol"], *second.table["symbol"]})
    return Comparison(
        metric=metric,
        best=(first.best(metric), second.best(metric)),
        averages={name: (first.mean(name), second.mean(name)) for name in METRIC_NAMES},
        symbols={symbol: (first.best(metric, symbol), second.best(metric, symbol)) for symbol in symbols},
        common=common_tests(first, second, metric),
    )


def common_tests(first: Side, second: Side, metric: str) -> dict[str, Any]:
    """Compare the tests with the same symbol and parameters; `largest` has those whose metric differs most."""
    keys = ["symbol", *first.parameters]
    if set(first.parameters) != set(second.parameters):
        return {"tests": 0, "same": 0, "different": 0, "largest": []}
    tests = first.table[[*keys, metric]].merge(second.table[[*keys, metric]], on=keys, suffixes=("First", "Second"))
    before, after = tests[f"{metric}First"], tests[f"{metric}Second"]
    is_same = (before == after) | (before.isna() & after.isna())
    different = tests.assign(difference=after - before)[~is_same]
    by_size = different["difference"].abs().sort_values(ascending=False, kind="stable").index
    return {
        "tests": len(tests),
        "same": int(is_same.sum()),
        "different": len(different),
        "largest": [
            {
                "symbol": row["symbol"],
                "parameters": {name: json_value(row[name]) for name in first.parameters},
                "values": [json_value(row[f"{metric}First"]), json_value(row[f"{metric}Second"])],
                "difference": json_value(row["difference"]),
            }
            for row in different.reindex(by_size).head(MAX_DIFFERENCES).to_dict("records")
        ],
    }


def json_value(value: Any) -> Any:
    """Return a Python number, None for NaN."""
    return None if math.isnan(value) else value.item() if hasattr(value, "item") else value
