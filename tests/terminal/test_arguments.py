"""A batch as arguments of a command."""

from argparse import ArgumentTypeError

import pytest
from django.core.management.base import CommandParser

from backtester.client import ClientError
from backtester.terminal.arguments import add_batch, bound, parameter_range, request_body


def body(*arguments):
    parser = CommandParser()
    add_batch(parser)
    return request_body(vars(parser.parse_args(["sma_cross", "--symbols", "AAPL", "MSFT", *arguments])))


def test_options_that_are_not_given_are_left_to_the_server():
    assert body() == {"strategy": "sma_cross", "symbols": ["AAPL", "MSFT"], "parameterRanges": {}}


def test_a_holdout_may_be_a_date():
    assert body("--holdout", "2010-01-04")["holdout"] == "2010-01-04"


def test_every_option_has_its_field():
    options = (
        "--direction both --fees 0.001 --slippage 0.0005 --capital 5000 --start 2000-01-03 --end 2010-12-31"
        " --holdout 0.2 --beta-coefficients 0.5 1 --whole-shares --sort sharpe --timeout 60"
    )
    request = body(*options.split(), "--set", "fast=5:50:5", "--set", "slow=20,50.5")
    assert request["parameterRanges"] == {"fast": {"start": 5, "stop": 50, "step": 5}, "slow": [20, 50.5]}
    assert {name: request[name] for name in request if name not in ("strategy", "symbols", "parameterRanges")} == {
        "direction": "both",
        "fees": 0.001,
        "slippage": 0.0005,
        "initialCapital": 5000.0,
        "startDate": "2000-01-03",
        "endDate": "2010-12-31",
        "holdout": 0.2,
        "enableBetaScaling": True,
        "coefficients": [0.5, 1.0],
        "wholeShares": True,
        "sortBy": "sharpe",
        "timeoutSeconds": 60,
    }


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("window=14", [14]),
        ("band=0.5,1e-2,-3", [0.5, 0.01, -3]),
        ("fast=5:8", {"start": 5, "stop": 8, "step": 1}),
        ("width=0.1:0.5:0.1", {"start": 0.1, "stop": 0.5, "step": 0.1}),
    ],
)
def test_values_are_a_list_or_a_range(text, values):
    name, parsed = parameter_range(text)
    assert (name, parsed) == (text.partition("=")[0], values)
    assert repr(parsed) == repr(values), "whole numbers stay whole"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fast", "must be NAME=VALUES"),
        ("=5", "must be NAME=VALUES"),
        ("fast=", "must be numbers, got '' in 'fast='"),
        ("fast=5:x", "must be numbers, got 'x' in 'fast=5:x'"),
        ("fast=1:2:3:4", "must be start:stop or start:stop:step, got 'fast=1:2:3:4'"),
    ],
)
def test_a_malformed_range_is_refused(text, message):
    with pytest.raises(ArgumentTypeError, match=message):
        parameter_range(text)


def test_a_parameter_is_set_once():
    with pytest.raises(ClientError, match="--set fast is given twice"):
        body("--set", "fast=5", "--set", "fast=6")


def test_a_bound_is_a_name_and_a_number():
    assert bound("sharpe=1.5") == ("sharpe", 1.5)
    with pytest.raises(ArgumentTypeError, match="must be NAME=NUMBER, as in sharpe=1, got 'sharpe>1'"):
        bound("sharpe>1")
