"""Ranges of decimals have the counts and the values that a person would write, however they are sent."""

from decimal import Decimal

import pytest
from django.http import QueryDict

from backtester.terminal.arguments import parameter_range
from batches.web.forms.sweep_form import SweepForm
from tests.support import jobs

# Case 41 of the public bug reports: strategy, parameter, start, stop, step, count.
RANGES = [
    ("bollinger_reversal", "width", "1.1", "1.5", "0.1", 5),
    ("bollinger_reversal", "width", "0.1", "0.5", "0.1", 5),
    ("grid_dca", "profitRequirement", "0", "0.3", "0.1", 4),
    ("grid_dca", "profitRequirement", "0", "3", "0.1", 31),
    ("bollinger_reversal", "width", "0.1", "3", "0.2", 15),
    ("grid_dca", "gridInterval", "0.01", "0.3", "0.01", 30),
    ("bollinger_reversal", "width", "0.7", "0.9", "0.1", 3),
    ("volatility_target", "target", "0.05", "0.6", "0.05", 12),
    ("grid_dca", "gridInterval", "0.015", "0.06", "0.015", 4),
    ("bollinger_reversal", "width", "1", "2", "0.3", 4),
    ("grid_dca", "gridInterval", "0.0005", "0.001", "0.0001", 6),
]


def request(strategy, parameter, start, stop, step):
    ranges = {parameter: {"start": float(start), "stop": float(stop), "step": float(step)}}
    return {"strategy": strategy, "symbols": ["ACME"], "parameterRanges": ranges, "initialCapital": 1000}


@pytest.mark.parametrize(("strategy", "parameter", "start", "stop", "step", "count"), RANGES)
def test_a_range_of_decimals_has_its_count_and_plain_values(
    client, instruments, queued, strategy, parameter, start, stop, step, count
):
    body = request(strategy, parameter, start, stop, step)
    estimate = client.post("/api/backtest/batch/estimate", body, content_type="application/json").json()
    assert estimate["total"] == count
    session = jobs.submit(body)
    jobs.finish(session)
    rows = client.get(f"/api/backtest/batch/{session.pk}/results?sort=index&pageSize=100").json()["results"]
    values = [row["parameters"][parameter] for row in rows]
    assert [repr(float(value)) for value in values] == [
        repr(float(Decimal(start) + number * Decimal(step))) for number in range(count)
    ]


@pytest.mark.parametrize(("strategy", "parameter", "start", "stop", "step", "count"), RANGES)
def test_the_form_and_the_terminal_send_the_same_range(instruments, strategy, parameter, start, stop, step, count):
    expected = request(strategy, parameter, start, stop, step)["parameterRanges"][parameter]
    assert parameter_range(f"{parameter}={start}:{stop}:{step}") == (parameter, expected)
    typed = {"start": start, "stop": stop, "step": step}
    if parameter != "width":  # the form shows the others as percentages
        typed = {field: f"{Decimal(text) * 100:f}" for field, text in typed.items()}
    query = QueryDict(mutable=True)
    query.update({"form": "1", "strategy": strategy, "symbols": "ACME", f"{parameter}.mode": "range"})
    query.update({f"{parameter}.{field}": text for field, text in typed.items()})
    assert SweepForm(query).body["parameterRanges"][parameter] == expected
