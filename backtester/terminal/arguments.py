"""Arguments that the commands share, and a batch as arguments: `--set fast=5:50:5 --set slow=20,50,100`."""

import re
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandParser

from backtester.client import ClientError

Number = int | float
# The option of the command, and the field of the contract.
FIELDS = {
    "direction": "direction",
    "fees": "fees",
    "slippage": "slippage",
    "capital": "initialCapital",
    "start": "startDate",
    "end": "endDate",
    "sort": "sortBy",
    "timeout": "timeoutSeconds",
}


def add_server(parser: CommandParser) -> None:
    """Where to ask."""
    parser.add_argument("--url", help="the server (default: BACKTESTER_URL, else the stack of this data folder)")
    parser.add_argument("--token", help="where people sign in (default: BACKTESTER_TOKEN, which `ps` does not show)")


def add_json(parser: CommandParser) -> None:
    """For programs."""
    parser.add_argument("--json", action="store_true", help="one line of JSON for each update, also on a terminal")


def add_batch(parser: CommandParser) -> None:
    """What to run."""
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
    parser.add_argument("--direction", help="long, short or both, as far as the strategy knows them")
    parser.add_argument("--fees", type=float, help="a fraction of the traded value, on each side: 0.001")
    parser.add_argument("--slippage", type=float, help="a fraction of the price: 0.0005")
    parser.add_argument("--capital", type=float, help="the capital that each test starts with")
    parser.add_argument("--start", metavar="YYYY-MM-DD", help="the first day to test")
    parser.add_argument("--end", metavar="YYYY-MM-DD", help="the last day to test")
    parser.add_argument(
        "--beta-coefficients", nargs="+", type=float, metavar="X", help="scale percentages by beta times each of these"
    )
    parser.add_argument("--whole-shares", action="store_true", default=None, help="trade no fractions of a share")
    parser.add_argument("--sort", help="the metric that decides what is best: annualizedReturn, sharpe, ...")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help="the time that the batch may take")


def request_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a start; what was not given is left to the server."""
    names = [name for name, _ in options["set"]]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ClientError(f"--set {twice[0]} is given twice; list all its values in one.")
    body = {"strategy": options["strategy"], "symbols": options["symbols"], "parameterRanges": dict(options["set"])}
    body |= {field: options[name] for name, field in FIELDS.items() if options[name] is not None}
    if options["whole_shares"]:
        body["wholeShares"] = True
    if options["beta_coefficients"]:
        body |= {"enableBetaScaling": True, "coefficients": options["beta_coefficients"]}
    return body


def parameter_range(text: str) -> tuple[str, list[Number] | dict[str, Number]]:
    """`fast=5:50:5` or `slow=20,50,100`."""
    name, equals, values = text.partition("=")
    if not equals or not re.fullmatch(r"\w+", name):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUES, as in fast=5:50:5 or slow=20,50,100")
    if ":" not in values:
        return name, _numbers(text, values.split(","))
    parts = _numbers(text, values.split(":"))
    if len(parts) not in (2, 3):
        raise ArgumentTypeError(f"{text!r} has {len(parts)} parts; start:stop or start:stop:step is wanted")
    start, stop, step = (*parts, 1)[:3]
    return name, {"start": start, "stop": stop, "step": step}


def bound(text: str) -> tuple[str, float]:
    """`sharpe=1`, for --min and --max."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not NAME=NUMBER, as in sharpe=1") from None


def _numbers(text: str, parts: Sequence[str]) -> list[Number]:
    return [_number(text, part.strip()) for part in parts]


def _number(text: str, part: str) -> Number:
    try:
        return int(part) if re.fullmatch(r"[+-]?\d+", part) else float(part)
    except ValueError:
        raise ArgumentTypeError(f"{part!r} in {text!r} is not a number") from None
