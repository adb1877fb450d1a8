"""The output of a watched batch: a live panel on a terminal, one line of JSON for each event elsewhere."""

import json
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live

from backtester.client import Event
from backtester.terminal.panel import panel
from backtester.terminal.tables import outcome

FRAMES_PER_SECOND = 8


class Screen:
    """can_ask : whether a person is there to answer a question"""

    can_ask = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self, event: Event) -> None:
        raise NotImplementedError

    def show_trouble(self, message: str) -> None:
        """Say that the connection is lost; the client opens it again."""

    def show_end(self, event: Event, page_url: str) -> None:
        """Say how the batch ended, after its last event."""


def screen_for(output: TextIO, *, as_json: bool) -> Screen:
    return JsonLines(output) if as_json or not output.isatty() else LivePanel(Console(file=output, highlight=False))


class JsonLines(Screen):
    """The events as on the wire, one a line. They say it all, so there is nothing to add about trouble or the end."""

    def __init__(self, output: TextIO) -> None:
        self.output = output

    def show(self, event: Event) -> None:
        print(json.dumps(event.raw, separators=(",", ":")), file=self.output, flush=True)


class LivePanel(Screen):
    """The panel, drawn several times a second so that its clock runs between events."""

    can_ask = True

    def __init__(self, console: Console) -> None:
        self.console = console
        self.event: Event | None = None
        self.arrived = 0.0
        self.trouble = "connecting"

    def __enter__(self) -> Self:
        self.live = Live(
            get_renderable=lambda: panel(self.event, since=time.monotonic() - self.arrived, trouble=self.trouble),
            console=self.console,
            refresh_per_second=FRAMES_PER_SECOND,
        )
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.live.stop()

    def show(self, event: Event) -> None:
        self.event, self.arrived, self.trouble = event, time.monotonic(), ""

    def show_trouble(self, message: str) -> None:
        self.trouble = f"reconnecting: {message}"

    def show_end(self, event: Event, page_url: str) -> None:
        self.console.print(outcome(event, page_url))
