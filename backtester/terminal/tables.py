"""The end of a batch: a table of its best rows, and where to find the others."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backtester.client import Event
from backtester.terminal.text import printable
from batches.formatting import count, metric, percent, took

MAX_ROWS = 10


def outcome(event: Event, page_url: str) -> RenderableType:
    rows = event.leaders[:MAX_ROWS]
    warnings = (event.results or {}).get("validation", {}).get("warnings", [])
    return Group(
        Text(""),
        best_rows(rows) if rows else Text("No test gave a result that can be ranked."),
        *(Text(f"Note: {printable(warning)}", style="yellow") for warning in warnings if rows),
        Text(summary(event)),
        Text(f"Results: {page_url}"),
        Text(f"All rows: manage.py export_results {event.session_id} --out results.csv"),
    )


def summary(event: Event) -> str:
    """`Complete: 1,000 of 1,000 tests in 3.2s, 10 failed.`"""
    progress = f"{count(event.current)} of {count(event.total)} tests in {took(event.elapsed_time)}"
    failed = f", {count(event.failed_tests)} failed" if event.failed_tests else ""
    return f"{event.status.capitalize()}: {progress}{failed}."


def best_rows(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("symbol")
    is_scaled = any(row.get("coefficient") is not None for row in rows)
    names = [*rows[0]["parameters"], *(["coefficient"] if is_scaled else [])]
    for name in [*names, "a year", "total", "Sharpe", "drawdown", "win rate", "trades"]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        values = {**row["parameters"], "coefficient": row.get("coefficient")}
        table.add_row(
            Text(printable(row["symbol"])),  # as it is: rich would read `[B]X` as markup
            *(f"{values[name]:g}" for name in names),
            percent(row["annualizedReturn"]),
            percent(row["totalReturn"]),
            metric(row["sharpe"], "ratio"),
            percent(row["maxDrawdown"]),
            percent(row["winRate"]),
            count(row["trades"] or 0),
        )
    return table
