"""Users and profiles in the admin: each links to the other, and deleting either lists both for deletion."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from signal_log import ListedFiltersMixin
from users.forms import AdminLogInForm
from users.models import Profile

User = get_user_model()
FROM_USER = ("username", "email", "name")  # changing these in a profile changes its user


def may(request: HttpRequest, action: str) -> bool:
    """Whether the request's user may do this to users; also required to do it through a profile."""
    return request.user.has_perm(f"{User._meta.app_label}.{action}_{User._meta.model_name}")


def change_own_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """There is one page to change one's password, which limits how many are tried; the admin's does not."""
    return redirect("users:password_change")


admin.site.unregister([User, Group])
admin.site.login_form = AdminLogInForm
admin.site.password_change = change_own_password  # type: ignore[method-assign, assignment]  # redirects


@admin.register(User)
class UserAdmin(ListedFiltersMixin, DjangoUserAdmin):
    """Django's ``UserAdmin``, with a link to the profile."""

    readonly_fields = ("profile_link",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else (*fieldsets, ("Profile", {"fields": ("profile_link",)}))

    @admin.display(description="profile")
    def profile_link(self, user: Any) -> str:
        """A link to the profile's admin page."""
        profile = Profile._base_manager.filter(user=user).first()
        if profile is None:
            return "none yet: it is created when the user is saved"
        return format_html('<a href="{}">{}</a>', reverse("admin:users_profile_change", args=[profile.pk]), profile)


@admin.register(Group)
class GroupAdmin(ListedFiltersMixin, DjangoGroupAdmin):
    """Django's ``GroupAdmin``, without filters by regular expressions."""


@admin.register(Profile)
class ProfileAdmin(ListedFiltersMixin, admin.ModelAdmin):
    """Profiles are created and deleted with their user: adding is off, deleting requires permission on the user."""

    list_display = ("username", "name", "email", "headline", "location", "created")
    list_filter = ("created",)
    search_fields = ("username", "name", "email", "headline", "location")
    ordering = ("username",)
    fields = ("user_link", *FROM_USER, "headline", "bio", "location", "created", "updated")
    readonly_fields = ("user_link", "username", "created", "updated")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, *(() if may(request, "change") else FROM_USER))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and may(request, "delete")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """List the users to be deleted, and their profiles with them."""
        ids = [profile.user_id for profile in objs]
        return super().get_deleted_objects(User._base_manager.filter(pk__in=ids), request)

    @admin.display(description="user")
    def user_link(self, profile: Profile) -> str:
        """A link to the user's admin page."""
        address = reverse(f"admin:{User._meta.app_label}_{User._meta.model_name}_change", args=[profile.user_id])
        return format_html('<a href="{}">{}</a>', address, profile.user)
