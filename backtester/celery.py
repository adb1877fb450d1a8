"""The Celery application. Its tasks are in `batches/tasks.py`."""

import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging
from kombu.connection import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
# Skipped, because they would import all pages and routes before the first test.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")


class SteadyConnection(Connection):
    """Reconnects to the broker every second. By default the pauses grow, and work would stop for as long."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        pauses = {"interval_start": 1, "interval_step": 0, "interval_max": 1}
        return super().ensure_connection(*arguments, **options | pauses)  # type: ignore[no-untyped-call]


class Broker(AMQP):
    Connection = SteadyConnection


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Keep the logging of the settings: with a receiver Celery does not add its own handlers."""


app = Celery("backtester", amqp=Broker)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # `current_app` is per thread, and requests are answered in many
app.autodiscover_tasks()
