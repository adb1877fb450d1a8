"""Command-line arguments that the commands share, and those that describe a batch."""

import re
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandParser

from backtester.client import ClientError

Number = int | float
FIELDS = {  # option -> field of the request
    "direction": "direction",
    "fees": "fees",
    "slippage": "slippage",
    "capital": "initialCapital",
    "start": "startDate",
    "end": "endDate",
    "holdout": "holdout",
    "timeframes": "timeframes",
    "sort": "sortBy",
    "timeout": "timeoutSeconds",
}


def add_server(parser: CommandParser) -> None:
    parser.add_argument("--url", help="the server (default: BACKTESTER_URL, else the stack of this data folder)")
    parser.add_argument(
        "--token", help="for a server with accounts (default: BACKTESTER_TOKEN, which `ps` does not show)"
    )


def add_json(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each event, also on a terminal")


def add_batch(parser: CommandParser) -> None:
    parser.add_argument("strategy", help="such as sma_cross; GET /api/strategies lists them")
    parser.add_argument("--symbols", nargs="+", required=True, metavar="SYMBOL")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=parameter_range,
        metavar="NAME=VALUES",
        help="values of a parameter: fast=5:50:5 (start:stop:step, stop included), slow=20,50,100, or window=14",
    )
    parser.add_argument("--direction", help="long, short or both, as far as the strategy supports them")
    parser.add_argument("--fees", type=float, help="fraction of the traded value, on each side: 0.001")
    parser.add_argument("--slippage", type=float, help="fraction of the price: 0.0005")
    parser.add_argument("--capital", type=float, help="initial capital of each test")
    parser.add_argument("--timeframes", nargs="+", metavar="LENGTH", help="of the tested bars, as 5m 4h 1d 1w")
    parser.add_argument("--start", metavar="YYYY-MM-DD", help="the first day, or moment, to test")
    parser.add_argument("--end", metavar="YYYY-MM-DD", help="the last day to test")
    parser.add_argument(
        "--holdout",
        type=share_or_date,
        metavar="SHARE",
        help="lock the last part of the days: 0.2, or from YYYY-MM-DD on",
    )
    parser.add_argument(
        "--beta-coefficients", nargs="+", type=float, metavar="X", help="scale percentage parameters by beta times X"
    )
    parser.add_argument("--whole-shares", action="store_true", default=None, help="trade whole shares only")
    parser.add_argument(
        "--flat-at-session-end", action="store_true", default=None, help="close positions on the last bar of each day"
    )
    parser.add_argument("--sort", help="the metric that decides what is best: annualizedReturn, sharpe, ...")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help="time limit of the batch")


def request_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a start; options that are not given are left to the server."""
    names = [name for name, _ in options["set"]]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ClientError(f"--set {repeated[0]} is given twice; list all its values in one.")
    body = {"strategy": options["strategy"], "symbols": options["symbols"], "parameterRanges": dict(options["set"])}
    body |= {field: options[name] for name, field in FIELDS.items() if options[name] is not None}
    switches = {"whole_shares": "wholeShares", "flat_at_session_end": "flatAtSessionEnd"}
    body |= {field: True for name, field in switches.items() if options[name]}
    if options["beta_coefficients"]:
        body |= {"enableBetaScaling": True, "coefficients": options["beta_coefficients"]}
    return body


def share_or_date(text: str) -> Number | str:
    """Return a fraction as a number; the server checks what is none."""
    try:
        return float(text)
    except ValueError:
        return text


def parameter_range(text: str) -> tuple[str, list[Number] | dict[str, Number]]:
    """Parse `fast=5:50:5` or `slow=20,50,100`."""
    name, equals, values = text.partition("=")
    if not equals or not re.fullmatch(r"\w+", name):
        raise ArgumentTypeError(f"must be NAME=VALUES, as in fast=5:50:5 or slow=20,50,100, got {text!r}")
    if ":" not in values:
        return name, _numbers(text, values.split(","))
    parts = _numbers(text, values.split(":"))
    if len(parts) not in (2, 3):
        raise ArgumentTypeError(f"a range must be start:stop or start:stop:step, got {text!r}")
    start, stop, step = (*parts, 1)[:3]
    return name, {"start": start, "stop": stop, "step": step}


def bound(text: str) -> tuple[str, float]:
    """Parse `sharpe=1`, a value of --min or --max."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ArgumentTypeError(f"must be NAME=NUMBER, as in sharpe=1, got {text!r}") from None


def _numbers(text: str, parts: Sequence[str]) -> list[Number]:
    return [_number(text, part.strip()) for part in parts]


def _number(text: str, part: str) -> Number:
    try:
        return int(part) if re.fullmatch(r"[+-]?\d+", part) else float(part)
    except ValueError:
        raise ArgumentTypeError(f"values must be numbers, got {part!r} in {text!r}") from None
