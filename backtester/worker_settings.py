"""The settings of the site for a Celery worker, which answers no request: without what only pages and the API need.

Importing that would cost each of its processes 30 MB, and its first test a quarter of a second.
"""

from backtester import settings
from backtester.settings import *  # noqa: F403

_FOR_PAGES = {"daphne", "django_htmx", "corsheaders", "ninja", "unfold", "unfold.contrib.filters"}
_WITHOUT_PAGES = {"django.contrib.admin": "django.contrib.admin.apps.SimpleAdminConfig"}
INSTALLED_APPS = [_WITHOUT_PAGES.get(app, app) for app in settings.INSTALLED_APPS if app not in _FOR_PAGES]
