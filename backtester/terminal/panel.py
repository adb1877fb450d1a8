"""A running batch in a few lines: the bar, the newest test, the best so far, the failures. Without a clock."""

from typing import Any

from django.conf import settings
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backtester.client import Event
from backtester.terminal.text import assignments, printable
from batches.formatting import count, headline, metric, per_second, percent, remaining, rounded_down, took

COLORS = {"complete": "green", "error": "red", "cancelled": "yellow", "paused": "yellow"}


def panel(event: Event | None, *, since: float, trouble: str) -> RenderableType:
    """since : seconds since the event came; trouble : a message about the connection, or empty"""
    if event is None:
        return Text(printable(trouble), style="dim")
    lines: list[RenderableType] = [_bar(event), _times(event, since)]
    if event.loading:
        lines.append(_line("now", headline(event.raw)))
    elif event.current_symbol and not event.is_terminal:
        lines.append(_line("now", f"{event.current_symbol} {assignments(event.current_parameters)}"))
    if event.best_so_far:
        lines.append(_line("best", _best(event.best_so_far), "green"))
    if event.failed_tests:
        newest_error = event.recent_errors[-1] if event.recent_errors else ""
        lines.append(_line("failed", f"{count(event.failed_tests)}  {newest_error}", "red"))
    if warning := trouble or _stalled(event, since):
        lines.append(_line("", warning, "yellow"))
    return Group(*lines)


def _best(row: dict[str, Any]) -> str:
    return (
        f"{row['symbol']} {assignments(row['parameters'])}  {percent(row['annualizedReturn'])} a year,"
        f" Sharpe {metric(row['sharpe'], 'ratio')}, drawdown {percent(row['maxDrawdown'])}"
    )


def _bar(event: Event) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=9, no_wrap=True)
    grid.add_column(ratio=1, min_width=8)
    grid.add_column(no_wrap=True, justify="right")
    color = COLORS.get(event.status, "cyan")
    bar = ProgressBar(total=100, completed=event.percentage, complete_style=color, finished_style=color)
    label = event.phase if event.status == "running" else event.status
    progress = f"{rounded_down(event.percentage):.1f}%  {count(event.current)} of {count(event.total)}"
    grid.add_row(Text(label, style=color), bar, Text(progress))
    return grid


def _times(event: Event, since: float) -> Text:
    is_running = event.status == "running"
    parts = [f"{took(event.elapsed_time + (since if is_running else 0))} so far"]
    if is_running:
        left_s = event.estimated_time_remaining
        parts.append("time left unknown" if left_s is None else f"{remaining(max(0.0, left_s - since))} left")
    if event.avg_time_per_test:
        parts.append(f"{per_second(event.avg_time_per_test)} tests per second")
    return _line("", ", ".join(parts))


def _stalled(event: Event, since: float) -> str:
    if event.status != "running" or event.last_worker_seen_at_ms is None:
        return ""
    unseen_s = (event.sent_at_ms - event.last_worker_seen_at_ms) / 1000 + since
    return f"stalled: no worker seen for {took(unseen_s)}" if unseen_s > settings.STALLED_AFTER_S else ""


def _line(label: str, text: str, style: str = "") -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{label:<10}", style="dim")
    line.append(printable(text), style=style)
    return line
