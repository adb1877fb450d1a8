"""The panel and the table at the end, drawn on a console of known width."""

import io

from rich.console import Console

from backtester.terminal.comparison_tables import _pairs
from backtester.terminal.panel import panel
from backtester.terminal.tables import outcome

from .events import ROW, event


def render(renderable, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def render_panel(since=0.0, trouble="", **fields):
    return render(panel(event(**fields), since=since, trouble=trouble))


def test_it_shows_progress_speed_times_and_the_newest_test():
    text = render_panel()
    for part in (
        "testing", "50.0%", "500 of 1,000", "2.0s so far", "~1m 5s left", "1,000 tests per second",
        "MSFT fast=7 slow=30", "AAPL fast=5 slow=20.5  12.3% a year, Sharpe 0.90, drawdown −25.0%",
        "10  Prices end.",
    ):  # fmt: skip
        assert part in text


def test_the_times_run_between_events_but_not_while_paused():
    assert "5.0s so far, ~1m 2s left" in render_panel(since=3.0)
    paused = render_panel(since=3.0, status="paused")
    assert "2.0s so far" in paused
    assert "left" not in paused


def test_unknown_values_are_not_zero():
    text = render_panel(
        estimatedTimeRemaining=None, avgTimePerTest=None, bestSoFar=None, failedTests=0, currentSymbol=None
    )
    assert "time left unknown" in text
    for word in ("tests per second", "best", "failed", "now  "):
        assert word not in text


def test_it_says_when_the_batch_stalls_or_the_connection_is_lost():
    assert "stalled" not in render_panel(since=8.0)
    assert "stalled: no worker seen for 12s" in render_panel(since=11.0)
    assert "reconnecting: cut" in render_panel(since=11.0, trouble="reconnecting: cut")


def test_before_the_first_event_it_says_that_it_is_connecting():
    assert render(panel(None, since=0.0, trouble="connecting")).strip() == "connecting"


def test_messages_of_a_server_cannot_control_the_terminal():
    assert "\x1b" not in render_panel(recentErrors=["\x1b[2J\x07boo"])
    assert "[red]" in render_panel(recentErrors=["[red]not markup"])


def test_on_a_narrow_terminal_only_the_first_line_wraps():
    lines = render(panel(event(), since=0.0, trouble=""), width=50).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 50


def test_the_end_shows_the_best_rows_warnings_and_the_address():
    results = {"validation": {"warnings": ["The best result is based on 12 trades."]}}
    ended = event(type="complete", status="complete", current=1_000, elapsedTime=3.21, results=results)
    text = render(outcome(ended, "http://host/batches/1/"))
    for part in (
        "AAPL", "20.5", "12.3%", "150.0%", "Note: The best result is based on 12 trades.",
        "Complete: 1,000 of 1,000 tests in 3.2s, 10 failed.", "Results: http://host/batches/1/",
    ):  # fmt: skip
        assert part in text
    assert "coefficient" not in text
    assert "coefficient" in render(outcome(event(leaders=[ROW | {"coefficient": 0.5}]), ""))
    assert "No test gave a result that can be ranked." in render(outcome(event(leaders=[]), ""))


def test_the_stall_threshold_is_the_setting(settings):
    settings.STALLED_AFTER_S = 5.0
    assert "stalled: no worker seen for 9.0s" in render_panel(since=8.0)


def test_a_symbol_in_brackets_is_shown_as_it_is():
    for symbol in ("[RED]X", "BTC[/USD]", "贵州茅台"):
        assert symbol in render(outcome(event(leaders=[ROW | {"symbol": symbol}]), ""))
        table = _pairs("Best", [(symbol, "sharpe", (0.5, 0.7))], heads=(f"A: {symbol}", "B"))[1]
        assert render(table).count(symbol) == 2
