"""What a heatmap shows: the axes, the metric, the symbol and the aggregate that the query string selects."""

from collections.abc import Mapping
from dataclasses import dataclass

from batches.models import BatchSession
from batches.results.heatmap import AGGREGATES, PAGE_AGGREGATE
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.labels import axes_of

FIELDS = ("x", "y", "metric", "symbol", "aggregate", "near")


@dataclass(frozen=True)
class HeatmapChoice:
    """The selection, and what there is to select from.

    near : "on" for the median of neighbors; unknown_symbol : a requested one that the batch does not have;
    shape : width and height of the picture, as heatmap.js makes it, so that the page reserves its place
    """

    x: str
    y: str
    metric: str
    symbol: str
    aggregate: str
    near: str
    unknown_symbol: str
    axes: list[str]
    shape: tuple[int, int]

    aggregates = AGGREGATES
    most_options = 200  # symbols in a list to choose from; more are typed

    @classmethod
    def parse(cls, session: BatchSession, query: Mapping[str, str], prefix: str = "map.") -> "HeatmapChoice":
        """Return the selection of a query string (`map.x=slow`); by default the first two parameters."""
        ranges = session.request["parameterRanges"]
        axes = [name for name in axes_of(session) if name != "coefficient"]
        texts = {name: query.get(prefix + name, "") for name in FIELDS}
        symbol = texts["symbol"].strip().upper()
        is_known = symbol in session.request["symbols"]
        x = texts["x"] if texts["x"] in axes else axes[1] if len(axes) > 1 else ""
        y = texts["y"] if texts["y"] in axes else axes[0] if axes else ""
        columns, rows = len(ranges.get(x, ())), len(ranges.get(y, ()))
        return cls(
            x=x,
            y=y,
            metric=texts["metric"] if texts["metric"] in METRICS_BY_WIRE_NAME else session.sort_by,
            symbol=symbol if is_known else "",
            aggregate=texts["aggregate"] if texts["aggregate"] in AGGREGATES else PAGE_AGGREGATE,
            near="on" if texts["near"] == "on" else "",
            unknown_symbol="" if is_known else symbol,
            axes=axes,
            shape=(max(4 * columns, 2 * rows), max(4 * rows, columns)),
        )
