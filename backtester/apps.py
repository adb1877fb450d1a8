"""The site's configuration."""

from django.apps import AppConfig


class BacktesterConfig(AppConfig):
    """Loads the Celery application. Celery's guide does so in the package's `__init__`, which stays empty here."""

    name = "backtester"
    default = True

    def ready(self) -> None:
        import backtester.celery  # noqa: F401


class CommandsOnly(AppConfig):
    """For the supervisor, which queues nothing."""

    name = "backtester"
