"""The roles of a new installation: groups of permissions, which administrators may change."""

from typing import Any

from django.contrib.auth.models import Group, Permission

ROLES = {
    "Viewers": ("view_batchsession",),
    "Traders": ("add_batchsession",),
    "Operators": (
        "view_batchsession",
        "add_batchsession",
        "change_batchsession",
        "delete_batchsession",
        "view_instrument",
        "change_instrument",
        "view_priceseries",
        "view_priceimport",
        "add_priceimport",
    ),
}


def create_missing_roles(**_: Any) -> None:
    """A role that exists is left as it is: an administrator may have changed it."""
    existing = set(Group.objects.filter(name__in=ROLES).values_list("name", flat=True))
    for name, codenames in ROLES.items():
        if name not in existing:
            permissions = Permission.objects.filter(content_type__app_label="batches", codename__in=codenames)
            Group.objects.create(name=name).permissions.set(permissions)
