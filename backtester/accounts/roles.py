"""Three groups of permissions to begin with. What an administrator makes of them afterwards, stays."""

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


def make_missing_roles(**_: Any) -> None:
    """Each role that there is none of yet."""
    known = set(Group.objects.filter(name__in=ROLES).values_list("name", flat=True))
    for name, codenames in ROLES.items():
        if name not in known:
            permissions = Permission.objects.filter(content_type__app_label="batches", codename__in=codenames)
            Group.objects.create(name=name).permissions.set(permissions)
