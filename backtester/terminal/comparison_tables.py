"""A comparison of two batches as tables on the terminal."""

import sys

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from backtester.terminal.comparison import METRIC_NAMES, Comparison, Pair, Row, Side
from backtester.terminal.tables import summary
from backtester.terminal.text import assignments, printable
from batches.formatting import MISSING, count
from batches.formatting import metric as metric_text
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME


def print_tables(first: Side, second: Side, comparison: Comparison) -> None:
    Console(file=sys.stdout, highlight=False).print(comparison_tables(first, second, comparison))


def comparison_tables(first: Side, second: Side, comparison: Comparison) -> RenderableType:
    """Return four tables; their last column is the second batch minus the first."""
    best, metric = comparison.best, comparison.metric
    symbols = [(symbol, metric, _values(pair, metric)) for symbol, pair in comparison.symbols.items()]
    return Group(
        _batches(first, second),
        *_pairs("Best", [(_label(name), name, _values(best, name)) for name in METRIC_NAMES], heads=_test_names(best)),
        *_pairs("Average of all tests", [(_label(name), name, pair) for name, pair in comparison.averages.items()]),
        *_pairs(f"Best {_label(metric)} of each symbol", symbols),
        _common_tests(comparison),
    )


def _batches(first: Side, second: Side) -> Table:
    table = Table.grid(padding=(0, 2))
    for letter, side in (("A", first), ("B", second)):
        table.add_row(Text(letter, style="bold"), side.event.session_id, summary(side.event))
    return table


def _pairs(title: str, rows: list[tuple[str, str, Pair]], *, heads: tuple[str, str] = ("A", "B")) -> tuple[Text, Table]:
    """rows : (label, metric whose unit the values have, two values)"""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for head in (*heads, "B - A"):
        table.add_column(Text(head), justify="right", no_wrap=True)
    for label, metric, (before, after) in rows:
        unit = METRICS_BY_WIRE_NAME[metric].unit
        difference = None if before is None or after is None else after - before
        table.add_row(Text(printable(label)), *(metric_text(value, unit) for value in (before, after, difference)))
    return Text(f"\n{title}", style="bold"), table


def _common_tests(comparison: Comparison) -> RenderableType:
    common, metric = comparison.common, comparison.metric
    if not common["tests"]:
        return Text("\nNo test is in both: the batches differ in parameters or symbols.")
    text = f"{count(common['tests'])} tests are in both; {count(common['same'])} have the same {_label(metric)}."
    if not common["different"]:
        return Text(f"\n{text}")
    rows = [(f"{row['symbol']} {assignments(row['parameters'])}", metric, row["values"]) for row in common["largest"]]
    return Group(Text(f"\n{text}"), *_pairs("Largest differences", rows))


def _label(metric: str) -> str:
    return METRICS_BY_WIRE_NAME[metric].label


def _values(pair: Pair, metric: str) -> Pair:
    before, after = (None if row is None else row[metric] for row in pair)
    return before, after


def _test_names(pair: tuple[Row | None, Row | None]) -> tuple[str, str]:
    first, second = (
        f"{letter}: " + (MISSING if row is None else f"{row['symbol']} {assignments(row['parameters'])}")
        for letter, row in zip("AB", pair, strict=True)
    )
    return printable(first), printable(second)
