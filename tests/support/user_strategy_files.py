"""A file of a user's strategy that fails in every way, by its parameter."""

FINE, SURROGATE, LONG, EXIT, INTERRUPT, UNREADABLE, BASE, LOOP, PRINT, STUBBORN, GREEDY = range(11)
WICKED = """
import sys

import numpy as np

from backtester.engine import Parameter, from_function, register


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def wicked(close, kind):
    if kind == 1:
        raise ValueError("half a pair \\ud800, \\0 and \\x1b[31mred\\nsecond line")
    if kind == 2:
        raise ValueError("x" * 5_000_000)
    if kind == 3:
        sys.exit("no more")
    if kind == 4:
        raise KeyboardInterrupt
    if kind == 5:
        raise Unreadable
    if kind == 6:
        raise BaseException("the root of all errors")
    while kind == 7:
        pass
    if kind == 8:
        print("y" * 1_000_000)
        sys.stderr.write("the end of the output")
    while kind == 9:
        try:
            while True:
                pass
        except Exception:
            pass
    if kind == 10:
        return np.ones(1_250_000_000)
    return np.where(close > close.mean(), 1.0, 0.0)


kinds = Parameter("kind", "int", 0, 0, 99, "kind", "Kind \\ud800", "Help\\0.", {"start": 0, "stop": 9, "step": 1})
register(from_function(wicked, name="wicked", title="Wicked \\udfff", description="d" * 9_000, parameters=(kinds,)))
"""
