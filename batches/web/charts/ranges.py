"""Which bars a chart shows, and links to other ranges of it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import QueryDict

from backtester.engine import Prices
from backtester.engine.arrays import Days
from batches.errors import InvalidRequest
from batches.results.windows import Window, moment_text

SPANS = (
    ("1 day", 1.0),
    ("1 week", 7.0),
    ("1 month", 30.44),
    ("1 year", 365.25),
    ("5 years", 1826.25),
    ("10 years", 3652.5),
)
MOST_SPANS, FEWEST_BARS = 3, 10
CARRIED = ("scale", "trades.page", "benchmark", "startDate", "endDate")
SCALES = {"log": True, "linear": False}


@dataclass(frozen=True)
class View:
    """first, last : bars, `last` excluded; log : None where the scale is left to the values; problem : "" if none"""

    prices: Prices
    first: int
    last: int
    log: bool | None
    problem: str
    carried: dict[str, str]

    @classmethod
    def parse(cls, prices: Prices, query: QueryDict) -> "View":
        """Read the range and the scale from an address; what else is in it is carried on by the links."""
        first, last, problem = 0, prices.n_bars, ""
        try:
            window = Window.parse({name: query.get(name, "").strip() for name in ("from", "to")})
            first, last = window.range_of(prices)
        except InvalidRequest as error:
            problem = error.message
        carried = {name: text for name in CARRIED if (text := query.get(name))}
        return cls(prices, first, last, SCALES.get(query.get("scale", "")), problem, carried)

    @property
    def dates(self) -> Days:
        return self.prices.dates[self.first : self.last]

    @property
    def is_whole(self) -> bool:
        return (self.first, self.last) == (0, self.prices.n_bars)

    def text(self, bar: int) -> str:
        return moment_text(self.prices.dates[bar : bar + 1])[0]

    def link(self, first: int, last: int) -> str:
        """Return the query of a range of bars."""
        ends = {"from": self.text(first)} if first else {}
        ends |= {"to": self.text(last - 1)} if last < self.prices.n_bars else {}
        return "?" + urlencode(self.carried | ends)

    def around(self, first: int, last: int) -> str:
        """Return the query of a range of bars with some room on both sides."""
        room = max(FEWEST_BARS, last - first)
        return self.link(max(0, first - room), min(self.prices.n_bars, last + room + 1))

    @property
    def spans(self) -> list[tuple[str, str, bool]]:
        """Return (text, query, whether it is the one that is shown) of the last year, of five years and so on."""
        dates, n = self.prices.dates.astype("datetime64[s]"), self.prices.n_bars
        spans = []
        for text, days in SPANS:
            first = int(np.searchsorted(dates, dates[-1] - np.timedelta64(round(days * 86_400), "s"), side="right"))
            if n - first >= FEWEST_BARS and first > n // 20:
                spans.append((text, self.link(first, n), (self.first, self.last) == (first, n)))
        return [*spans[-MOST_SPANS:], ("All", self.link(0, n), self.is_whole)]

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Return (text, query) of the ranges of this length before and after this one."""
        n, width = self.prices.n_bars, self.last - self.first
        earlier, later = max(0, self.first - width), min(n, self.last + width)
        steps = [("Earlier", self.link(earlier, earlier + width))] if self.first else []
        return steps + ([("Later", self.link(later - width, later))] if self.last < n else [])

    def scales(self, *, is_log: bool) -> list[tuple[str, str, bool]]:
        """Return (text, query, whether it is the one in use)."""
        ends = {"from": self.text(self.first), "to": self.text(self.last - 1)} if not self.is_whole else {}
        return [
            (text, "?" + urlencode(self.carried | {"scale": name} | ends), is_log is log)
            for (name, log), text in zip(SCALES.items(), ("Log", "Linear"), strict=True)
        ]

    def as_fields(self) -> dict[str, Any]:
        """Return what the form of the chart holds."""
        return {
            "start": self.text(self.first),
            "end": self.text(self.last - 1),
            "carried": list(self.carried.items()),
            "problem": self.problem,
            "bars": self.last - self.first,
            "spans": self.spans,
            "steps": self.steps,
        }
