"""The form of a sweep: from a link or a POST to a request, and back to a link."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict

from backtester.engine import STRATEGIES
from batches.errors import BatchError, InvalidRequest
from batches.models import BatchSession
from batches.sweep.link import exact, sweep_query
from batches.sweep.start_request import StartRequest, parse_start
from batches.sweep.wire_names import wire_name
from batches.symbols import EVERY
from batches.web.forms import fields, numbers
from batches.web.forms.symbol_choice import Group, SymbolChoice

DEFAULT_STRATEGY = "sma_cross"
RANGE_PREFIX = "parameterRanges."  # as in the details of a refusal


class SweepForm(forms.Form):
    """A bound form. Links and defaults fill what the data leaves out; `parse_start` validates.

    request : the checked request, None if anything is invalid; body : what `parse_start` was given;
    batches : the batches of the user, newest first, whose last one may suggest symbols
    """

    strategy = fields.TextField(DEFAULT_STRATEGY)
    symbols = forms.Field(required=False)  # for its errors; the symbols are in `choice`, since links name groups, too
    start_date = fields.TextField()
    end_date = fields.TextField()
    holdout = fields.HoldoutField()
    timeframes = fields.TimeframesField()
    fees = fields.PercentField("0.1")
    slippage = fields.PercentField("0")
    initial_capital = fields.AmountField("100000")
    whole_shares = fields.SwitchField(default=False)
    flat_at_session_end = fields.SwitchField(default=False)
    sort_by = fields.TextField("annualizedReturn")
    timeout_seconds = fields.MinutesField(lambda: exact(settings.BATCH_TIMEOUT_S / 60))
    abort_failure_share = fields.PercentField(lambda: fields.in_percent(exact(settings.BATCH_ABORT_FAILURE_SHARE)))
    abort_minimum_tests = fields.NumberField(lambda: str(settings.BATCH_ABORT_MINIMUM_TESTS))
    include_comparison = fields.SwitchField(default=True)
    direction = fields.TextField()
    enable_beta_scaling = fields.SwitchField(default=False)
    coefficients = fields.NumbersField("0.5, 1, 1.5")
    title = fields.TextField()
    tags = fields.TagsField()

    def __init__(self, data: QueryDict, batches: QuerySet[BatchSession] | None = None) -> None:
        super().__init__(data)
        self.choice = SymbolChoice(data, sent_by_form="form" in data, batches=batches)
        self.definition = STRATEGIES.get(self["strategy"].data) or STRATEGIES[DEFAULT_STRATEGY]
        self.fields["direction"] = fields.TextField(self.definition.directions[0])
        for parameter in self.definition.all_parameters:
            self.fields[RANGE_PREFIX + wire_name(parameter.name)] = fields.RangeField(self.definition, parameter)
        self.request: StartRequest | None = None
        self.body: dict[str, Any] = {}
        self.full_clean()

    def add_prefix(self, field_name: str) -> str:
        """Return the name of the field in the page and in links."""
        return wire_name(field_name.removeprefix(RANGE_PREFIX))

    def clean(self) -> None:
        values = self.cleaned_data
        self.body = {wire_name(name): values[name] for name in self.base_fields} | {
            "symbols": self.choice.symbols,
            "parameterRanges": {
                field.html_name: values[field.name] for field in self.ranges if values[field.name] is not None
            },
            "startDate": values["start_date"] or None,
            "endDate": values["end_date"] or None,
            "timeframes": values["timeframes"] or None,
        }
        if not values["enable_beta_scaling"]:
            del self.body["coefficients"]
        if not values["flat_at_session_end"]:
            del self.body["flatAtSessionEnd"]
        try:
            self.choice.check_groups()
            self.request = parse_start(self.body)
        except InvalidRequest as error:
            self.refuse(error)

    def refuse(self, error: BatchError) -> None:
        """Show the details of the error at their fields, or at the parameters."""
        self.request = None
        names = {wire_name(name): name for name in self.fields}
        for detail in error.details:
            name = names.get(wire_name(detail.field))
            percent = name is not None and getattr(self.fields[name], "percent", False)
            # The message is about the fraction in the body, the field holds percent.
            hint = " (0.5 is 50%.)" if percent else ""
            self.add_error(name, f"{detail.message}{hint}{self._doubt(name)}")

    def _doubt(self, name: str | None) -> str:
        """Return which of the field's numbers has two readings; "" when none has."""
        data = self[name].data if name in self.fields else ""
        texts = vars(data).values() if isinstance(data, fields.RangeText) else [data]
        return next((doubt for text in texts if isinstance(text, str) and (doubt := numbers.doubt(text))), "")

    @property
    def noted(self) -> list[forms.BoundField]:
        """Return the fields that say what they have read."""
        return [field for field in self if isinstance(field, fields.BoundRange | fields.BoundNote)]

    @property
    def ranges(self) -> list[fields.BoundRange]:
        return [field for field in self if isinstance(field, fields.BoundRange)]

    @property
    def own_ranges(self) -> list[fields.BoundRange]:
        return [field for field in self.ranges if not field.range.optional]

    @property
    def stops(self) -> list[fields.BoundRange]:
        """Return those that are part of the grid only if they are switched on."""
        return [field for field in self.ranges if field.range.optional]

    @property
    def scales(self) -> bool:
        return any(parameter.scaled_by_beta for parameter in self.definition.all_parameters)

    def query(self) -> str:
        return sweep_query(self.body | self.choice.linked())

    def query_over(self, days: tuple[date, date]) -> str:
        """Return the link to this sweep over other days."""
        first, last = days
        return sweep_query(self.body | {"startDate": str(first), "endDate": str(last)} | self.choice.linked())

    def query_for_all(self) -> str:
        return sweep_query(self.body | {"symbols": [EVERY]})

    def query_for_none(self) -> str:
        return sweep_query(self.body | {"symbols": []})

    def groups(self) -> list[tuple[Group, str]]:
        """Return each group with the link that chooses it alone."""
        body = self.body | {"symbols": []}
        return [(group, sweep_query(body | {"groups": [group.name]})) for group in self.choice.groups]
