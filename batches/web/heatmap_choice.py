"""What a heatmap shows: the axes, the metric, the symbol and the aggregate that the query string selects."""

from collections.abc import Mapping
from dataclasses import dataclass

from batches.models import BatchSession
from batches.results.heatmap import AGGREGATES, PAGE_AGGREGATE
from batches.results.holding import AHEAD, SORTABLE
from batches.sweep.wire_names import JUDGED
from batches.symbols import normalized
from batches.web.labels import axes_of, label_of

FIELDS = ("x", "y", "metric", "symbol", "timeframe", "aggregate", "near")


@dataclass(frozen=True)
class HeatmapChoice:
    """The selection, and what there is to select from.

    metrics : (name, label) to choose from, the verdict's columns once there is one;
    bounds : the filters of the page of results, `min.trades`
    near : "on" for the median of neighbors; unknown_symbol : a requested one that the batch does not have;
    shape : width and height of the picture, as heatmap.js makes it, so that the page reserves its place
    """

    x: str
    y: str
    metric: str
    symbol: str
    timeframe: str
    aggregate: str
    near: str
    bounds: dict[str, str]
    unknown_symbol: str
    axes: list[str]
    metrics: list[tuple[str, str]]
    shape: tuple[int, int]

    aggregates = AGGREGATES
    most_options = 200  # symbols in a list to choose from; more are typed

    @classmethod
    def parse(cls, session: BatchSession, query: Mapping[str, str], prefix: str = "map.") -> "HeatmapChoice":
        """Return the selection of a query string (`map.x=slow`); by default the first two parameters."""
        ranges = session.request["parameterRanges"]
        axes = [name for name in axes_of(session) if name not in ("coefficient", "timeframe")]
        texts = {name: query.get(prefix + name, "") for name in FIELDS}
        symbol = normalized(texts["symbol"])
        is_known = symbol in session.request["symbols"]
        x = texts["x"] if texts["x"] in axes else axes[1] if len(axes) > 1 else ""
        y = texts["y"] if texts["y"] in axes else axes[0] if axes else ""
        metrics = [*SORTABLE, *(JUDGED if session.judged_at else ())]
        columns, rows = len(ranges.get(x, ())), len(ranges.get(y, ()))
        return cls(
            x=x,
            y=y,
            metric=texts["metric"] if texts["metric"] in metrics else _metric_of(session),
            symbol=symbol if is_known else "",
            timeframe=texts["timeframe"] if texts["timeframe"] in session.request.get("timeframes", ()) else "",
            aggregate=texts["aggregate"] if texts["aggregate"] in AGGREGATES else PAGE_AGGREGATE,
            near="on" if texts["near"] == "on" else "",
            bounds={name: query[name] for name in query if name.startswith(("min.", "max.")) and query[name]},
            unknown_symbol="" if is_known else symbol,
            axes=axes,
            metrics=[(name, label_of(session, name)) for name in metrics],
            shape=(max(4 * columns, 2 * rows), max(4 * rows, columns)),
        )


def _metric_of(session: BatchSession) -> str:
    """Return what the map shows at first: a return is judged against holding."""
    return AHEAD if session.sort_by == "annualizedReturn" else session.sort_by
