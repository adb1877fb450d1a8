"""The site's configuration."""

from django.apps import AppConfig


class BacktesterConfig(AppConfig):
    """Loads the Celery application, as Celery's guide for Django does in the package's `__init__`, which stays empty."""

    name = "backtester"

    def ready(self) -> None:
        import backtester.celery  # noqa: F401
