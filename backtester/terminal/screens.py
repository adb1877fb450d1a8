"""The output of a watched batch: a live panel on a terminal, one line of JSON for each event elsewhere."""

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from backtester.client import Event
from backtester.terminal.panel import panel
from backtester.terminal.tables import outcome
from backtester.terminal.text import printable

FRAMES_PER_SECOND = 8
# Waiting for a verdict: between two polls, without progress, and in all.
POLL_S, PATIENCE_S, LONGEST_S = 0.5, 15.0, 60.0


class JudgedBatch(Protocol):
    page_url: str

    def verdict(self, *, wait: bool) -> Mapping[str, Any]: ...


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
        """Report that the connection is lost; the client opens it again."""

    def show_end(self, event: Event, page_url: str) -> None:
        """Print how the batch ended, after its last event."""

    def show_verdict(self, batch: JudgedBatch) -> None:
        """Print whether the best is luck, as soon as that is known."""


def screen_for(output: TextIO, *, as_json: bool) -> Screen:
    return JsonLines(output) if as_json or not output.isatty() else LivePanel(Console(file=output, highlight=False))


class JsonLines(Screen):
    """The events as on the wire, one a line. They are complete: lost connections and the end add no line."""

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

    def show_verdict(self, batch: JudgedBatch) -> None:
        """Wait a minute for the verdict while it makes progress."""
        start = time.monotonic()
        progress, patience = "", start + PATIENCE_S
        with self.console.status("Is the best of these luck?") as status:
            while (verdict := batch.verdict(wait=False))["status"] in ("waiting", "running"):
                if (verdict["progress"] or "") != progress:
                    progress = verdict["progress"]
                    patience = min(time.monotonic() + PATIENCE_S, start + LONGEST_S)
                    status.update(progress)
                if time.monotonic() > patience:
                    break
                time.sleep(POLL_S)
        if sentence := verdict["sentence"]:
            self.console.print(Text(printable(sentence), style="green" if verdict["state"] == "holds_up" else "yellow"))
        elif verdict["reasons"].get("verdict") != "nothing_finished":
            self.console.print(Text("There is no verdict on luck yet; the page above has it, or computes it."))
