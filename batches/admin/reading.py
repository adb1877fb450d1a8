"""What the admin pages share: lists that refuse null characters, and pages that are read only."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin


class Lists(ModelAdmin):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Refuse what PostgreSQL cannot compare; Django's own admin answers 500."""
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            raise BadRequest("The address must not contain null characters.")
        return super().changelist_view(request, extra_context)  # type: ignore[no-any-return]


class ReadOnly(Lists):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
