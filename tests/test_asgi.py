"""What the server's process is told when the application is loaded."""

import contextlib
import importlib
import socket
import sys
import threading
import time

from backtester import asgi

SENDS = 100


@contextlib.contextmanager
def a_thread_that_computes():
    """As one that makes a page out of a million results."""
    over = threading.Event()

    def compute():
        while not over.is_set():
            sum(number * number for number in range(10_000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def sending_s(sender):
    """Seconds for as many sends as a batch may have watchers: each lets go of the interpreter."""
    began = time.perf_counter()
    for _ in range(SENDS):
        sender.send(b"event")
    return time.perf_counter() - began


def test_a_thread_that_computes_holds_up_no_events():
    ours, theirs = socket.socketpair()
    with ours, theirs, a_thread_that_computes():
        sys.setswitchinterval(0.005)
        by_default = sending_s(ours)
        importlib.reload(asgi)
        assert sending_s(ours) < by_default / 3
