"""The app's configuration."""

from django.apps import AppConfig
from django.conf import settings


class BatchesConfig(AppConfig):
    """Batches: their life, their results, their watchers."""

    name = "batches"
    verbose_name = "Batches"

    def ready(self) -> None:
        """Know the user's own strategies before anything asks for one."""
        from batches.sweep import user_strategies

        user_strategies.load(settings.STRATEGIES_DIR)
