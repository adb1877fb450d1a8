"""What a watcher of a batch sees: a live panel on a terminal, one line of JSON for each event elsewhere."""

import json
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live

from backtester.client import Event
from backtester.terminal.panel import panel
from backtester.terminal.tables import outcome

FRAMES_PER_SECOND = 8


class Screen(Protocol):
    """can_ask : whether somebody is there to be asked."""

    can_ask: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def show(self, event: Event) -> None:
        """The newest event."""

    def trouble(self, words: str) -> None:
        """The connection broke; it will come back."""

    def end(self, event: Event, page_url: str) -> None:
        """After the last event."""


def screen_for(output: TextIO, *, as_json: bool) -> Screen:
    """The panel where there is a terminal and no JSON is asked for."""
    return JsonLines(output) if as_json or not output.isatty() else LivePanel(Console(file=output, highlight=False))


class JsonLines:
    """The events as they are on the wire, one a line."""

    can_ask = False

    def __init__(self, output: TextIO) -> None:
        self.output = output

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to put back."""

    def show(self, event: Event) -> None:
        """At once, whatever reads it."""
        print(json.dumps(event.raw, separators=(",", ":")), file=self.output, flush=True)

    def trouble(self, words: str) -> None:
        """Nothing: the next event is newer, and that is all a program wants to know."""

    def end(self, event: Event, page_url: str) -> None:
        """The last event has said it all."""


class LivePanel:
    """Drawn several times a second, so that the clock runs while nothing comes."""

    can_ask = True

    def __init__(self, console: Console) -> None:
        self.console = console
        self.event: Event | None = None
        self.arrived = 0.0
        self.words = "connecting"

    def __enter__(self) -> Self:
        self.live = Live(
            get_renderable=lambda: panel(self.event, since=time.monotonic() - self.arrived, trouble=self.words),
            console=self.console,
            refresh_per_second=FRAMES_PER_SECOND,
        )
        self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.live.stop()

    def show(self, event: Event) -> None:
        """Drawn with the next frame."""
        self.event, self.arrived, self.words = event, time.monotonic(), ""

    def trouble(self, words: str) -> None:
        """Until the next event."""
        self.words = f"reconnecting: {words}"

    def end(self, event: Event, page_url: str) -> None:
        """The best rows, and where there is more."""
        self.console.print(outcome(event, page_url))
