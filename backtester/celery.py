"""The Celery application, and nothing else. Tasks are in `batches/tasks.py`."""

import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging
from kombu.connection import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
# Whoever starts a worker has run Django's checks; here they would import every page and route before the first test.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")


class SteadyConnection(Connection):
    """Looks for a broker that is away every second; by default the pauses grow, and work would rest for as long."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        pauses = {"interval_start": 1, "interval_step": 0, "interval_max": 1}
        return super().ensure_connection(*arguments, **options | pauses)  # type: ignore[no-untyped-call]


class Broker(AMQP):
    """Celery's own, over that connection."""

    Connection = SteadyConnection


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """As the settings have it: a receiver is enough to keep Celery from putting handlers of its own in."""


app = Celery("backtester", amqp=Broker)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # `current_app` is per thread, and requests are answered in many
app.autodiscover_tasks()
