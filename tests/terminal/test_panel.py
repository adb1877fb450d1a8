"""What the panel and the table at the end say, drawn on a console of known width."""

import io

from rich.console import Console

from backtester.terminal.panel import panel
from backtester.terminal.tables import outcome
from backtester.terminal.words import clock, size

from .events import ROW, event


def drawn(renderable, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def shown(since=0.0, trouble="", **fields):
    return drawn(panel(event(**fields), since=since, trouble=trouble))


def test_it_says_how_far_how_fast_how_long_and_what_now():
    text = shown()
    for words in (
        "testing", "50.0 %", "500 of 1,000", "2.0 s so far", "1:05 left", "1,000 tests a second",
        "MSFT fast=7 slow=30", "AAPL fast=5 slow=20.5  12.3 % a year, Sharpe 0.90, drawdown -25.0 %",
        "10  Prices end.",
    ):  # fmt: skip
        assert words in text


def test_the_clocks_run_while_nothing_comes_and_stand_while_it_rests():
    assert "5.0 s so far, 1:02 left" in shown(since=3.0)
    resting = shown(since=3.0, status="paused")
    assert "2.0 s so far" in resting
    assert "left" not in resting


def test_what_is_unknown_is_not_zero():
    text = shown(estimatedTimeRemaining=None, avgTimePerTest=None, bestSoFar=None, failedTests=0, currentSymbol=None)
    assert "time left unknown" in text
    for word in ("tests a second", "best", "failed", "now  "):
        assert word not in text


def test_it_says_when_nobody_works_on_it_or_the_connection_is_away():
    assert "stalled" not in shown(since=8.0)
    assert "stalled: no worker was seen for 12 s" in shown(since=11.0)
    assert "reconnecting: cut" in shown(since=11.0, trouble="reconnecting: cut")


def test_before_the_first_event_it_says_what_it_waits_for():
    assert drawn(panel(None, since=0.0, trouble="connecting")).strip() == "connecting"


def test_words_of_a_server_cannot_steer_the_terminal():
    assert "\x1b" not in shown(recentErrors=["\x1b[2J\x07boo"])
    assert "[red]" in shown(recentErrors=["[red]not markup"])


def test_a_narrow_terminal_breaks_no_line_but_the_first():
    lines = drawn(panel(event(), since=0.0, trouble=""), width=50).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 50


def test_the_end_shows_the_best_rows_the_warnings_and_where_to_look():
    results = {"validation": {"warnings": ["The best result rests on 12 trades."]}}
    ended = event(type="complete", status="complete", current=1_000, elapsedTime=3.21, results=results)
    text = drawn(outcome(ended, "http://host/batches/1/"))
    for words in (
        "AAPL", "20.5", "12.3 %", "150.0 %", "Note: The best result rests on 12 trades.",
        "Complete: 1,000 of 1,000 tests in 3.2 s, 10 failed.", "Look at it: http://host/batches/1/",
    ):  # fmt: skip
        assert words in text
    assert "coefficient" not in text
    assert "coefficient" in drawn(outcome(event(leaders=[ROW | {"coefficient": 0.5}]), ""))
    assert "No test gave a result that can be ranked." in drawn(outcome(event(leaders=[]), ""))


def test_times_and_sizes_read_well():
    assert [clock(seconds) for seconds in (0, 9.94, 9.96, 59.9, 60, 3661)] == [
        "0.0 s", "9.9 s", "10 s", "1:00", "1:00", "1:01:01",
    ]  # fmt: skip
    assert [size(n) for n in (500, 99_999, 100_000, 12_345_678)] == ["0.5 kB", "100.0 kB", "0.1 MB", "12.3 MB"]
