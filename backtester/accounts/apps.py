"""The app's configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PeopleConfig(AppConfig):
    """Accounts, tokens, roles."""

    name = "backtester.accounts"
    label = "people"  # the tables' first name; another one would need a migration of every installation
    verbose_name = "People"

    def ready(self) -> None:
        """Make the roles once the permissions they hold exist: this app is listed after `batches`."""
        from backtester.accounts.roles import make_missing_roles

        post_migrate.connect(make_missing_roles, sender=self)
