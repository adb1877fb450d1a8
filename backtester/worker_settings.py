"""The settings of Celery workers and of commands: without the apps that only pages and the API need.

Those would cost each process 30 MB, and the first test of a worker 0.25 s.
"""

from backtester import settings
from backtester.settings import *  # noqa: F403

_FOR_PAGES = {"daphne", "django_htmx", "corsheaders", "ninja", "unfold", "unfold.contrib.filters"}
_WITHOUT_PAGES = {"django.contrib.admin": "django.contrib.admin.apps.SimpleAdminConfig"}
INSTALLED_APPS = [_WITHOUT_PAGES.get(app, app) for app in settings.INSTALLED_APPS if app not in _FOR_PAGES]
