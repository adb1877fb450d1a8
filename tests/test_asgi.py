"""What a server's process is told when it loads the application."""

import importlib
import sys

import pytest

from backtester import asgi


def test_a_thread_that_computes_gives_way_within_a_tenth_of_a_millisecond():
    """The loop asks for it at every send: at Python's own five, two hundred watchers would wait for a second."""
    sys.setswitchinterval(0.005)
    importlib.reload(asgi)
    assert sys.getswitchinterval() == pytest.approx(0.0001)
