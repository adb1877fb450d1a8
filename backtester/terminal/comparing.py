"""Two batches side by side, from their tables of results: the best, the averages, each symbol, and the common tests."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.client import Event
from backtester.client.events import wire_name
from backtester.engine import METRICS

if TYPE_CHECKING:
    import pandas as pd

METRIC_NAMES = [wire_name(metric.name) for metric in METRICS]
LOWER_IS_BETTER = {wire_name(metric.name) for metric in METRICS if not metric.higher_is_better}
MOST_DIFFERENCES = 10
Row = dict[str, Any]
Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Side:
    """One of the batches. table : its finished tests, one row each"""

    event: Event
    table: "pd.DataFrame"

    @property
    def parameters(self) -> list[str]:
        """What its tests differ in, beside the symbol."""
        columns = list(self.table.columns)
        names = columns[columns.index("symbol") + 1 : columns.index("beta")]
        return [*names, *(["coefficient"] if self.table["coefficient"].notna().any() else [])]

    def best(self, metric: str, symbol: str | None = None) -> Row | None:
        """The best row; None where no test gave a value."""
        table = self.table if symbol is None else self.table[self.table["symbol"] == symbol]
        values = table[metric].dropna()
        if values.empty:
            return None
        return self._row(values.idxmin() if metric in LOWER_IS_BETTER else values.idxmax())

    def average(self, metric: str) -> Any:
        """Over the tests where it is defined."""
        return defined(self.table[metric].mean())

    def _row(self, at: Any) -> Row:
        row = self.table.loc[at]
        values = {name: defined(row[name]) for name in METRIC_NAMES}
        return {
            "index": int(row["index"]),
            "symbol": row["symbol"],
            "parameters": {name: defined(row[name]) for name in self.parameters},
            **values,
        }


@dataclass(frozen=True)
class Comparison:
    """Pairs of what the first and the second batch have; `common` says how far the same tests gave the same."""

    metric: str
    best: Pair
    averages: dict[str, Pair]
    symbols: dict[str, Pair]
    common: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """What is undefined is None."""
        return {
            "metric": self.metric,
            "best": list(self.best),
            "averages": {name: list(pair) for name, pair in self.averages.items()},
            "bySymbol": {symbol: list(pair) for symbol, pair in self.symbols.items()},
            "common": self.common,
        }


def compare(first: Side, second: Side, metric: str) -> Comparison:
    """metric : a wire name; it decides what is best"""
    symbols = sorted({*first.table["symbol"], *second.table["symbol"]})
    return Comparison(
        metric=metric,
        best=(first.best(metric), second.best(metric)),
        averages={name: (first.average(name), second.average(name)) for name in METRIC_NAMES},
        symbols={symbol: (first.best(metric, symbol), second.best(metric, symbol)) for symbol in symbols},
        common=common_tests(first, second, metric),
    )


def common_tests(first: Side, second: Side, metric: str) -> dict[str, Any]:
    """Tests with the same symbol and the same parameters, and where their metric differs most."""
    keys = ["symbol", *first.parameters]
    if set(first.parameters) != set(second.parameters):
        return {"tests": 0, "same": 0, "different": 0, "largest": []}
    both = first.table[[*keys, metric]].merge(second.table[[*keys, metric]], on=keys, suffixes=("First", "Second"))
    one, other = both[f"{metric}First"], both[f"{metric}Second"]
    same = (one == other) | (one.isna() & other.isna())
    apart = both.assign(difference=other - one)[~same]
    largest = apart.reindex(apart["difference"].abs().sort_values(ascending=False, kind="stable").index)
    rows = largest.head(MOST_DIFFERENCES).to_dict("records")
    return {
        "tests": len(both),
        "same": int(same.sum()),
        "different": len(apart),
        "largest": [
            {
                "symbol": row["symbol"],
                "parameters": {name: defined(row[name]) for name in first.parameters},
                "values": [defined(row[f"{metric}First"]), defined(row[f"{metric}Second"])],
                "difference": defined(row["difference"]),
            }
            for row in rows
        ],
    }


def defined(value: Any) -> Any:
    """A plain number; None for what is undefined."""
    return None if math.isnan(value) else value.item() if hasattr(value, "item") else value
