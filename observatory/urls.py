"""The URLs of the reference installation."""

from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from users import throttle

handler500 = "observatory.errors.server_error"


@transaction.non_atomic_requests
def icon(request: HttpRequest) -> HttpResponseRedirect:
    """The icon for pages that declare none: the admin, the toolbar, an export opened in a tab."""
    return redirect(static("signal_log/icon.svg"))


@transaction.non_atomic_requests
def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin's log-in, which must not hold SQLite's write lock while it checks a password."""
    response = admin.site.login(request)
    form = (getattr(response, "context_data", None) or {}).get("form")
    return throttle.answered(response, getattr(form, "wait", 0))


urlpatterns = [
    path("", include("signal_log.urls")),
    path("accounts/", include("users.urls")),
    path("admin/login/", admin_login),  # before the admin's own
    path("admin/", admin.site.urls),
    path("favicon.ico", icon),
    path("", include("signal_log.health_urls")),
]

if settings.DEBUG:
    urlpatterns.append(path("login-once/", include("observatory.login_once")))

if settings.DEBUG_TOOLBAR:
    from debug_toolbar.toolbar import debug_toolbar_urls

    urlpatterns += debug_toolbar_urls()
