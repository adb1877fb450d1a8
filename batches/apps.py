from django.apps import AppConfig
from django.conf import settings


class BatchesConfig(AppConfig):
    name = "batches"
    verbose_name = "Batches"
    default = True

    def ready(self) -> None:
        """Load the user's strategies before any code looks one up."""
        from batches.sweep import user_strategies

        user_strategies.load(settings.STRATEGIES_DIR)


class ModelsOnly(AppConfig):
    """For the supervisor, which must not run code of users."""

    name = "batches"
    verbose_name = "Batches"
