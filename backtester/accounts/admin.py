"""Accounts, roles and tokens in the admin."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from backtester.accounts.models import Token

admin.site.unregister([User, Group])


@admin.register(User)
class AccountAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # Django's double lists name their icons in a way that screen readers ignore


@admin.register(Group)
class RoleAdmin(GroupAdmin, ModelAdmin):
    pass


@admin.register(Token)
class TokenAdmin(ModelAdmin):
    """Tokens are read-only here: deleting one revokes it."""

    list_display = ("name", "user", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an administrator would see the secret; owners create tokens on their account page

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False
