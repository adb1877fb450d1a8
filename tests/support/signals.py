"""Signals that come in ignored: with nohup SIGHUP is, behind & in a script SIGINT."""

import signal

import pytest


def reset_ignored_signals(config: pytest.Config) -> None:
    """Replace an ignored signal by a handler that does nothing.

    Pytest goes on ignoring it, but the processes that the tests start do not: a handler, unlike SIG_IGN, is not
    inherited. Not in the controller of xdist, whose workers would lose the protection of nohup.
    """
    is_controller = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    for number in (signal.SIGINT, signal.SIGHUP):
        if not is_controller and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
