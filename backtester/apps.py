"""The site's configuration."""

from django.apps import AppConfig


class BacktesterConfig(AppConfig):
    """Loads the Celery application. Celery's guide does so in the package's `__init__`, which stays empty here."""

    name = "backtester"

    def ready(self) -> None:
        import backtester.celery  # noqa: F401
