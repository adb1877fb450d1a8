"""The form of a sweep: from a query string or a POST to the wire form of a request, and back to a link.

A GET may hold the compact style (`fast=5:50:5&slow=20,50`, in wire units, as links and older tools have it); the fields
of the form itself (`fast.start`, `feesPercent`, ...) are in the units that people read.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from django.conf import settings
from django.http import QueryDict

from backtester.engine import METRICS, STRATEGIES
from batches.errors import Detail
from batches.sweep.link import exact, sweep_query
from batches.sweep.start_request import StartRequest, parse_start
from batches.sweep.wire_names import wire_name
from batches.web.forms.parameter_fields import RangeField, in_percent, number, numbers, range_field
from batches.web.forms.symbol_choice import EVERY, SymbolChoice

DEFAULT_STRATEGY = "sma_cross"
TRUE = {"true", "1", "on", "yes"}
IN_PERCENT = ("fees", "slippage", "abortFailureShare")
PLAIN_FIELDS = (
    "strategy", "symbols", "startDate", "endDate", "fees", "slippage", "initialCapital", "wholeShares", "sortBy",
    "includeComparison", "timeoutSeconds", "abortFailureShare", "abortMinimumTests", "direction", "enableBetaScaling",
    "coefficients", "parameterRanges",
)  # fmt: skip


class SweepForm:
    """Everything that the page of the form shows, from what was asked for and what is wrong with it."""

    def __init__(self, data: QueryDict, details: Sequence[Detail] = ()) -> None:
        self.data = data
        self.whole = "form" in data  # sent by the form itself: what is missing was switched off
        self.choice = SymbolChoice(data, sent_by_form=self.whole)
        name = data.get("strategy", DEFAULT_STRATEGY)
        self.strategy_name = name
        self.strategy = STRATEGIES.get(name) or STRATEGIES[DEFAULT_STRATEGY]
        self.strategies = list(STRATEGIES.values())
        self.plain_fields = PLAIN_FIELDS
        percent = {
            f"parameterRanges.{wire_name(each.name)}" for each in self.strategy.all_parameters if each.kind == "percent"
        }
        self.errors = _by_field(details, percent | {*IN_PERCENT})
        self.metrics = [(wire_name(metric.name), metric) for metric in METRICS]

    def with_errors(self, details: Sequence[Detail]) -> "SweepForm":
        """The same inputs, with what is wrong at each."""
        return SweepForm(self.data, details)

    def _text(self, name: str, default: str) -> str:
        return self.data.get(name, default)

    def _percent(self, name: str, default: str) -> str:
        """The form's field is in percent, a link's in fractions."""
        if name in self.data:
            return in_percent(self._text(name, default))
        return self._text(f"{name}Percent", default)

    def _ticked(self, name: str, *, default: bool) -> bool:
        """A box that the form leaves out when it is not ticked."""
        if name in self.data:
            return self._text(name, "").lower() in TRUE
        return default and not self.whole

    @property
    def scales(self) -> bool:
        """Whether the strategy has anything that beta scaling multiplies."""
        return any(each.scaled_by_beta for each in self.strategy.all_parameters)

    @property
    def start_date(self) -> str:
        return self._text("startDate", "")

    @property
    def end_date(self) -> str:
        return self._text("endDate", "")

    @property
    def direction(self) -> str:
        return self._text("direction", self.strategy.directions[0])

    @property
    def fees(self) -> str:
        return self._percent("fees", "0.1")

    @property
    def slippage(self) -> str:
        return self._percent("slippage", "0")

    @property
    def initial_capital(self) -> str:
        return self._text("initialCapital", "100000")

    @property
    def beta_scaling(self) -> bool:
        return self._ticked("enableBetaScaling", default=False)

    @property
    def whole_shares(self) -> bool:
        return self._ticked("wholeShares", default=False)

    @property
    def comparison(self) -> bool:
        return self._ticked("includeComparison", default=True)

    @property
    def coefficients(self) -> str:
        return self._text("coefficients", "0.5, 1, 1.5").replace(",", ", ").replace(",  ", ", ")

    @property
    def sort_by(self) -> str:
        return self._text("sortBy", "annualizedReturn")

    @property
    def timeout(self) -> str:
        """Minutes."""
        if "timeoutSeconds" in self.data:
            seconds = number(self._text("timeoutSeconds", ""))
            return exact(seconds / 60) if not isinstance(seconds, str) else seconds
        return self._text("timeoutMinutes", exact(settings.BATCH_TIMEOUT_S / 60))

    @property
    def abort_share(self) -> str:
        """Percent of failed tests; 100 never aborts."""
        return self._percent("abortFailureShare", in_percent(exact(settings.BATCH_ABORT_FAILURE_SHARE)))

    @property
    def abort_minimum(self) -> str:
        return self._text("abortMinimumTests", str(settings.BATCH_ABORT_MINIMUM_TESTS))

    @property
    def range_fields(self) -> list[RangeField]:
        return [
            range_field(self.strategy, each, self.data, self.errors.get(f"parameterRanges.{wire_name(each.name)}", ""))
            for each in self.strategy.all_parameters
        ]

    @property
    def own_fields(self) -> list[RangeField]:
        """Those that the strategy always has."""
        return [field for field in self.range_fields if not field.optional]

    @property
    def stops(self) -> list[RangeField]:
        """Those that are part of the grid only when someone asks for them."""
        return [field for field in self.range_fields if field.optional]

    def wire(self) -> dict[str, Any]:
        """The body that `parse_start` takes."""
        minutes = number(self.timeout)
        body: dict[str, Any] = {
            "strategy": self.strategy_name,
            "symbols": self.choice.symbols,
            "parameterRanges": {field.name: field.wire() for field in self.range_fields if field.mode != "off"},
            "startDate": self.start_date or None,
            "endDate": self.end_date or None,
            "direction": self.direction,
            "enableBetaScaling": self.beta_scaling,
            "fees": number(self.fees, percent=True),
            "slippage": number(self.slippage, percent=True),
            "initialCapital": number(self.initial_capital.replace(",", "")),
            "wholeShares": self.whole_shares,
            "sortBy": self.sort_by,
            "includeComparison": self.comparison,
            "timeoutSeconds": round(minutes * 60) if not isinstance(minutes, str) else minutes,
            "abortFailureShare": number(self.abort_share, percent=True),
            "abortMinimumTests": number(self.abort_minimum),
        }
        if self.beta_scaling:
            body["coefficients"] = numbers(self.coefficients)
        return body

    def request(self) -> StartRequest:
        """What is asked for, checked."""
        self.choice.refuse_unknown_groups()
        return parse_start(self.wire())

    def query(self) -> str:
        """The link that opens this very form."""
        return sweep_query(self.wire() | self.choice.linked())

    def query_for_all(self) -> str:
        """The link that chooses every share."""
        return sweep_query(self.wire() | {"symbols": [EVERY]})

    def query_for_none(self) -> str:
        """The link that chooses nothing."""
        return sweep_query(self.wire() | {"symbols": []})

    def groups(self) -> list[dict[str, Any]]:
        """The groups of symbols, each with the link that chooses it alone."""
        asked = self.wire() | {"symbols": []}
        return [each | {"query": sweep_query(asked | {"groups": [each["name"]]})} for each in self.choice.groups]


def _by_field(details: Sequence[Detail], percent: Set[str]) -> Mapping[str, str]:
    """The messages for each field, joined. They speak of fractions where the form speaks of percent."""
    found: dict[str, str] = {}
    for detail in details:
        head, dot, name = detail.field.partition(".")
        field = f"{head}.{wire_name(name)}" if dot else head
        message = f"{detail.message} (0.5 is 50%.)" if field in percent else detail.message
        found[field] = f"{found[field]} {message}" if field in found else message
    return found
