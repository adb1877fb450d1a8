"""Arrays that are made from the bars of a series and used by many tests, as prefix sums.

Of minutes they are larger than the bars, so they are kept for the series that were used last, die with their series,
and are counted: a cache of prices adds `derived_bytes` to what it holds.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from backtester.engine.prices import Prices

SERIES = 2  # that keep their arrays: tests of one series follow each other
Array = TypeVar("Array", bound="np.ndarray[Any, Any]")
_kept: WeakKeyDictionary[Prices, dict[Hashable, Any]] = WeakKeyDictionary()  # the series used last is the last one
_lock = threading.Lock()  # a server computes single tests in several threads


def derived(prices: Prices, key: Hashable, make: Callable[[Prices], Array]) -> Array:
    """Return `make(prices)`, made once while the series is in use. key : names the array, see `SERIES`"""
    with _lock:
        arrays = _kept[prices] = _kept.pop(prices, {})
        for other in list(_kept)[:-SERIES]:
            del _kept[other]
    if key not in arrays:
        arrays[key] = make(prices)
    array: Array = arrays[key]
    return array


def derived_bytes() -> int:
    """Return the bytes of all kept arrays."""
    with _lock:
        return sum(array.nbytes for arrays in _kept.values() for array in list(arrays.values()))
