from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "backtester.accounts"
    label = "people"  # prefix of the tables; another one would need a migration of every installation
    verbose_name = "Accounts"

    def ready(self) -> None:
        from backtester.accounts.roles import create_missing_roles

        # The roles need the permissions of `batches`, which is listed before this app.
        post_migrate.connect(create_missing_roles, sender=self)
