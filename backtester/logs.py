"""What a log line looks like: JSON for machines, aligned words for people. One line each, whatever was put in.

Modules log through the standard library. What a line is about (`request_id`, `session`, `chunk`) is bound around the
work with structlog's `bound_contextvars`, and comes with every line written inside, also by libraries.
"""

import re
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

FORMATS = ("text", "json")
# Of `extra=`: libraries put whole objects there.
EXTRA = ("session", "chunk", "method", "path", "status", "address", "ms")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
QUIET = {
    "channels_redis.pubsub": "CRITICAL",  # a traceback a second while Redis is away; `live` says it
    "daphne.server": "WARNING",
    "django.request": "ERROR",  # a refused request is the caller's business
    "celery.worker.strategy": "WARNING",  # two lines a task would drown everything else
    "celery.app.trace": "WARNING",
}


def configuration(*, level: str, form: str) -> dict[str, Any]:
    """For Django's LOGGING. form : "text" or "json"."""
    about: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=EXTRA),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    line = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": about,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": quiet} for name, quiet in QUIET.items()},
    }


def _rendering(form: str) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return [escape_control_characters, plain]


def escape_control_characters(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """A symbol or an id with a line break in it must not look like a line of ours. JSON escapes by itself."""
    return {key: escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def escaped(text: str) -> str:
    r"""The text with `\n` and the like written out."""
    return CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
