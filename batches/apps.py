"""The app's configuration."""

from django.apps import AppConfig


class BatchesConfig(AppConfig):
    """Batches: their life, their results, their watchers."""

    name = "batches"
    verbose_name = "Batches"
