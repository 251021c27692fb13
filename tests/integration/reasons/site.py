"""An admin with what hosts make of it: lists that are edited, actions, forms and views of their own."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from signal_log.models import SignalEvent
from tests.shop.models import Category, Item
from users.models import Profile

WHY = "She asked for it by mail."


class ItemInline(admin.TabularInline):
    model = Item
    fields = ("name",)
    extra = 1


class CategoryAdmin(admin.ModelAdmin):
    """Its own model is not named; that of its list is."""

    inlines = (ItemInline,)


@admin.action(description="Rename")
def rename(model_admin: Any, request: HttpRequest, rows: Any) -> None:
    rows.update(first_name="Renamed")


class Own(forms.ModelForm):
    class Meta:
        model = Group
        fields = ("name",)


class UserAdmin(admin.ModelAdmin):
    """A list that can be edited, an action, a form and a view that the host has made by itself."""

    list_display = ("username", "first_name")
    list_editable = ("first_name",)
    actions = (rename,)
    fields = ("username", "first_name")

    def get_urls(self) -> list[Any]:
        return [path("<int:pk>/rename/", self.admin_site.admin_view(self.rename), name="rename"), *super().get_urls()]

    def rename(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = User.objects.get(pk=pk)
        if request.method == "POST":
            user.first_name = request.POST["first_name"]
            user.save()
        elif "first_name" in request.GET:
            user.first_name = request.GET["first_name"]
            user.save()
        return HttpResponse("renamed")


class GroupAdmin(admin.ModelAdmin):
    """Not named; it writes a model that is, and takes no form from Django."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return Own

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        user = User.objects.get(username="ada")
        user.first_name = obj.name
        user.save()


class ProfileAdmin(admin.ModelAdmin):
    """Named, and with a form that Django has not made."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        class Form(forms.ModelForm):
            class Meta:
                model = Profile
                fields = ("headline",)

        return Form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": ["headline"]})]


class OtherSite(admin.AdminSite):
    """A site with a view of its own."""

    def get_urls(self) -> list[Any]:
        return [path("everybody/", self.admin_view(self.everybody), name="everybody"), *super().get_urls()]

    def everybody(self, request: HttpRequest) -> HttpResponse:
        for user in User.objects.all():
            user.first_name = request.POST.get("first_name", "")
            user.save()
        return HttpResponse("renamed")


other = OtherSite("other")
other.register(Category, CategoryAdmin)
other.register(User, UserAdmin)
other.register(Group, GroupAdmin)
other.register(Profile, ProfileAdmin)
urlpatterns: list[Any] = []


def at(view: str, *args: Any, site: str = "admin", model: str = "auth_user") -> str:
    return reverse(f"{site}:{model}_{view}", args=args)


def form_of(response: Any) -> dict[str, Any]:
    """What a browser would post of the page's last form."""
    html = response.content.decode()
    form = html[html.rindex("<form", 0, html.rindex("signal_log_reason")) :]
    found = re.findall(r'<input[^>]*type="(hidden|text|email)"[^>]*?name="([^"]+)"(?:[^>]*?value="([^"]*)")?', form)
    return {name: value for _, name, value in found}


def reasons(events: list[SignalEvent], sender: str) -> set[Any]:
    return {(event.labels or {}).get("reason") for event in events if event.sender == sender}
