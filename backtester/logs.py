"""The format of log lines: JSON or text, always one line.

Modules log through the standard library. The context (`request_id`, `session`, `chunk`) is bound with structlog's
`bound_contextvars`; all lines inside carry it, those of libraries included.
"""

import re
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

FORMATS = ("text", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# The keys of `extra=` that are logged; libraries put whole objects there.
EXTRA = ("session", "chunk", "method", "path", "status", "address", "ms")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
QUIET = {
    "channels_redis.pubsub": "CRITICAL",  # a traceback each second while Redis is down; `batches.live` logs it once
    "daphne.server": "WARNING",
    "django.request": "ERROR",  # refused requests are not errors of the server
    "celery.worker.strategy": "WARNING",  # two lines for each task
    "celery.app.trace": "WARNING",
}


def configuration(*, level: str, form: str) -> dict[str, Any]:
    """Return the value of Django's LOGGING. form : "text" or "json"."""
    context: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=EXTRA),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    line = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": context,
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
    """Escape line breaks in values, which could forge a log line. JSON does it itself."""
    return {key: escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def escaped(text: str) -> str:
    return CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
