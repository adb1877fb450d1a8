"""What the admin's pages share: they mostly show, and seldom write."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin


class ReadOnly(ModelAdmin):
    """Rows that only the product writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Batches start through the form or the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Looking needs the view permission only."""
        return False


def shortened(values: list[Any], most: int = 12) -> str:
    """The first values, and how many more there are."""
    text = ", ".join(str(value) for value in values[:most])
    return text if len(values) <= most else f"{text} and {len(values) - most:,} more"
