"""A log line is one line, says what it is about, and cannot be forged."""

import io
import json
import logging
import logging.config

import pytest
from structlog.contextvars import bound_contextvars

from backtester import logs

FORGED = "AAPL\n2026-01-01 [error] all is lost\r\x1b[2J\u2028"


@pytest.fixture
def lines():
    """lines(form): a logger's lines in that form, as a function."""
    handlers = []

    def start(form):
        formatter = logging.config.DictConfigurator({}).configure_formatter(
            logs.configuration(level="INFO", form=form)["formatters"]["line"]
        )
        stream = io.StringIO()
        handlers.append(logging.StreamHandler(stream))
        handlers[-1].setFormatter(formatter)
        log.addHandler(handlers[-1])
        return lambda: stream.getvalue().splitlines()

    log = logging.getLogger("tests.logs")
    yield start
    for handler in handlers:
        log.removeHandler(handler)


log = logging.getLogger("tests.logs")


def test_json_has_what_the_line_is_about(lines):
    said = lines("json")
    with bound_contextvars(session="s1", chunk=7):
        log.warning("%d tests failed", 3, extra={"path": "/x", "surprise": object()})
    (line,) = said()
    told = json.loads(line)
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "3 tests failed",
        "level": "warning",
        "logger": "tests.logs",
        "session": "s1",
        "chunk": 7,
        "path": "/x",
    }


@pytest.mark.parametrize("form", logs.FORMATS)
def test_what_comes_from_outside_stays_in_its_line(lines, form):
    said = lines(form)
    with bound_contextvars(request_id=FORGED):
        log.warning("no prices for %s", FORGED)
    (line,) = said()
    assert "\x1b" not in line
    assert "AAPL" in line


def test_a_traceback_in_json_is_one_line_too(lines):
    said = lines("json")
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("it failed")
    (line,) = said()
    assert "Traceback (most recent call last):\n" in json.loads(line)["exception"]


def test_a_traceback_for_people_is_python_s_own(lines):
    said = lines("text")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("it failed")
    assert "Traceback (most recent call last):" in said()
    assert said()[-1] == "ValueError: why"
