"""A running batch in a few lines: the bar, the newest test, the best so far, what failed. Pure: no clock of its own."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backtester.client import Event
from backtester.terminal.words import clock, count, parameters, percent, printable, ratio

STALLED_AFTER_S = 10.0
COLOURS = {"complete": "green", "error": "red", "cancelled": "yellow", "paused": "yellow"}


def panel(event: Event | None, *, since: float, trouble: str) -> RenderableType:
    """since : seconds since the event came; trouble : words about the connection, if there is any"""
    if event is None:
        return Text(printable(trouble), style="dim")
    lines: list[RenderableType] = [_bar(event), _times(event, since)]
    if event.current_symbol and not event.is_terminal:
        lines.append(_line("now", f"{event.current_symbol} {parameters(event.current_parameters)}"))
    if event.best_so_far:
        lines.append(_line("best", best(event.best_so_far), "green"))
    if event.failed_tests:
        latest = event.recent_errors[-1] if event.recent_errors else ""
        lines.append(_line("failed", f"{count(event.failed_tests)}  {latest}", "red"))
    if warning := trouble or _stalled(event, since):
        lines.append(_line("", warning, "yellow"))
    return Group(*lines)


def best(row: dict[str, object]) -> str:
    """A leader in a line."""
    return (
        f"{row['symbol']} {parameters(row['parameters'])}  {percent(row['annualizedReturn'])} a year,"
        f" Sharpe {ratio(row['sharpe'])}, drawdown {percent(row['maxDrawdown'])}"
    )


def _bar(event: Event) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=9, no_wrap=True)
    grid.add_column(ratio=1, min_width=8)
    grid.add_column(no_wrap=True, justify="right")
    colour = COLOURS.get(event.status, "cyan")
    bar = ProgressBar(total=100, completed=event.percentage, complete_style=colour, finished_style=colour)
    doing = event.phase if event.status == "running" else event.status
    done = f"{event.percentage:.1f} %  {count(event.current)} of {count(event.total)}"
    grid.add_row(Text(doing, style=colour), bar, Text(done))
    return grid


def _times(event: Event, since: float) -> Text:
    runs = event.status == "running"
    parts = [f"{clock(event.elapsed_time + (since if runs else 0))} so far"]
    if runs:
        left = event.estimated_time_remaining
        parts.append("time left unknown" if left is None else f"{clock(max(0.0, left - since))} left")
    if event.avg_time_per_test:
        parts.append(f"{count(round(1 / event.avg_time_per_test))} tests a second")
    return _line("", ", ".join(parts))


def _stalled(event: Event, since: float) -> str:
    """When nobody seems to work on a batch that runs."""
    if event.status != "running" or event.last_worker_seen_at_ms is None:
        return ""
    unseen_s = (event.sent_at_ms - event.last_worker_seen_at_ms) / 1000 + since
    return f"stalled: no worker was seen for {clock(unseen_s)}" if unseen_s > STALLED_AFTER_S else ""


def _line(label: str, words: str, style: str = "") -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{label:<10}", style="dim")
    text.append(printable(words), style=style)
    return text
