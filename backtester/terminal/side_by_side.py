"""A comparison of two batches as tables on the terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backtester.client.events import wire_name
from backtester.engine import METRICS
from backtester.terminal.comparing import Comparison, Pair, Row, Side
from backtester.terminal.tables import summary
from backtester.terminal.words import UNKNOWN, count, parameters, percent, printable, ratio

UNITS = {wire_name(metric.name): metric.unit for metric in METRICS}
LABELS = {wire_name(metric.name): metric.label for metric in METRICS}


def side_by_side(first: Side, second: Side, found: Comparison) -> RenderableType:
    """Four tables; the last column is always the second less the first."""
    metric = found.metric
    return Group(
        _batches(first, second),
        *_pairs("Best", [(LABELS[name], name, _of(found.best, name)) for name in UNITS], heads=_named(found.best)),
        *_pairs("Average of all tests", [(LABELS[name], name, pair) for name, pair in found.averages.items()]),
        *_pairs(
            f"Best {LABELS[metric]} of each symbol",
            [(symbol, metric, _of(pair, metric)) for symbol, pair in found.symbols.items()],
        ),
        _common(found),
    )


def _batches(first: Side, second: Side) -> Table:
    table = Table.grid(padding=(0, 2))
    for letter, side in (("A", first), ("B", second)):
        table.add_row(Text(letter, style="bold"), side.event.session_id, summary(side.event))
    return table


def _pairs(title: str, rows: list[tuple[str, str, Pair]], *, heads: tuple[str, str] = ("A", "B")) -> tuple[Text, Table]:
    """rows : (label, the metric that says how to write it, two values)"""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for head in (*heads, "B less A"):
        table.add_column(head, justify="right", no_wrap=True)
    for label, name, (one, other) in rows:
        apart = None if one is None or other is None else other - one
        table.add_row(printable(label), *(written(value, name) for value in (one, other, apart)))
    return Text(f"\n{title}", style="bold"), table


def _common(found: Comparison) -> RenderableType:
    common = found.common
    if not common["tests"]:
        return Text("\nNo test is in both: the parameters or the symbols are others.")
    words = f"{count(common['tests'])} tests are in both; {count(common['same'])} gave the same {LABELS[found.metric]}."
    if not common["different"]:
        return Text(f"\n{words}")
    rows = [
        (f"{row['symbol']} {parameters(row['parameters'])}", found.metric, row["values"]) for row in common["largest"]
    ]
    return Group(Text(f"\n{words}"), *_pairs("Where they differ most", rows))


def _of(pair: Pair, name: str) -> Pair:
    one, other = (None if row is None else row[name] for row in pair)
    return one, other


def _named(pair: tuple[Row | None, Row | None]) -> tuple[str, str]:
    """The tests themselves as the heads of their columns."""
    one, other = (
        f"{letter}: " + (UNKNOWN if row is None else f"{row['symbol']} {parameters(row['parameters'])}")
        for letter, row in zip("AB", pair, strict=True)
    )
    return printable(one), printable(other)


def written(value: Any, name: str) -> str:
    """A value of a metric, in its unit."""
    if value is None:
        return UNKNOWN
    unit = UNITS[name]
    if unit == "fraction":
        return percent(value)
    return ratio(value) if unit == "ratio" else f"{value:,.0f}"
