"""The Celery application, and nothing else. Tasks are in `batches/tasks.py`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")

app = Celery("backtester")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
