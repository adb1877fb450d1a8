"""The end of a batch as a table of its best rows."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backtester.client import Event
from backtester.terminal.words import clock, count, percent, printable, ratio

MOST_ROWS = 10


def outcome(event: Event, page_url: str) -> RenderableType:
    """What came of it, the best rows, what to mind, and where to look."""
    rows = event.leaders[:MOST_ROWS]
    warnings = (event.results or {}).get("validation", {}).get("warnings", [])
    return Group(
        Text(""),
        best_rows(rows) if rows else Text("No test gave a result that can be ranked."),
        *(Text(f"Note: {printable(words)}", style="yellow") for words in warnings if rows),
        Text(summary(event)),
        Text(f"Look at it: {page_url}"),
        Text(f"All rows: manage.py export_results {event.session_id} --out results.csv"),
    )


def summary(event: Event) -> str:
    """In one sentence."""
    done = f"{count(event.current)} of {count(event.total)} tests in {clock(event.elapsed_time)}"
    failed = f", {count(event.failed_tests)} failed" if event.failed_tests else ""
    return f"{event.status.capitalize()}: {done}{failed}."


def best_rows(rows: Sequence[dict[str, Any]]) -> Table:
    """One line a row: symbol, parameters, the metrics that matter most."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("symbol")
    scaled = any(row.get("coefficient") is not None for row in rows)
    names = [*rows[0]["parameters"], *(["coefficient"] if scaled else [])]
    for name in [*names, "a year", "total", "Sharpe", "drawdown", "win rate", "trades"]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        values = {**row["parameters"], "coefficient": row.get("coefficient")}
        table.add_row(
            printable(row["symbol"]),
            *(f"{values[name]:g}" for name in names),
            percent(row["annualizedReturn"]),
            percent(row["totalReturn"]),
            ratio(row["sharpe"]),
            percent(row["maxDrawdown"]),
            percent(row["winRate"]),
            count(int(row["trades"] or 0)),
        )
    return table
