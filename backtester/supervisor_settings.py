"""The settings of `manage.py runstack`: it migrates the database, computes nothing and runs no code of users.

Without the engine, Celery and the users' strategies it starts in a third of the time.
"""

from backtester.worker_settings import *  # noqa: F403
from backtester.worker_settings import INSTALLED_APPS as _APPS

_MODELS_ONLY = {"backtester": "backtester.apps.CommandsOnly", "batches": "batches.apps.ModelsOnly"}
INSTALLED_APPS = [_MODELS_ONLY.get(app, app) for app in _APPS]
