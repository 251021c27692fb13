"""A one-time login URL for development, on the machine that the server runs on.

`make run` prints it. A token is a file named by its hash in var/login-once/; whichever request deletes the file has
used the token, so two requests cannot both succeed. Except under DEBUG on loopback the URL does not exist.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

SECONDS_VALID = 24 * 60 * 60
# Behind a proxy on this machine every client looks local, but the proxy sets one of these.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def folder() -> Path:
    """The directory of unused tokens."""
    return Path(settings.BASE_DIR) / "var" / "login-once"


def issue(user: AbstractBaseUser) -> str:
    """Create a token for this user, and delete expired ones."""
    directory = folder()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in directory.iterdir():
        if time.time() - old.stat().st_mtime > SECONDS_VALID:
            old.unlink(missing_ok=True)
    token = secrets.token_urlsafe(32)
    file = directory / hashed(token)
    file.touch(mode=0o600)
    file.write_text(str(user.pk), encoding="utf-8")
    return token


def withdraw(token: str) -> None:
    """Revoke an unused token."""
    (folder() / hashed(token)).unlink(missing_ok=True)


def consume(token: str) -> str | None:
    """The primary key that the token was issued for, on first use; None afterwards."""
    file = folder() / hashed(token)
    try:
        fresh = time.time() - file.stat().st_mtime <= SECONDS_VALID
        pk = file.read_text(encoding="utf-8")
        file.unlink()
    except FileNotFoundError:
        return None
    return pk if fresh else None


def hashed(token: str) -> str:
    """A token's file name, from which the token cannot be recovered."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_local(request: HttpRequest) -> bool:
    """Whether the request comes from this machine, is addressed to it, and passed no proxy."""
    if any(request.META.get(name) for name in FORWARDED):
        return False
    # Check the Host too: another site can point its own name at 127.0.0.1 (DNS rebinding).
    name = split_domain_port(request.get_host())[0].strip("[]")
    return is_loopback(str(request.META.get("REMOTE_ADDR", ""))) and (name == "localhost" or is_loopback(name))


def is_loopback(address: str) -> bool:
    """Whether the text is a loopback address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@never_cache
@require_GET
def login_once(request: HttpRequest, token: str) -> HttpResponse:
    """Log in with an unused token and redirect to the live page; a used one redirects to the login form."""
    if not settings.DEBUG or not is_local(request):
        raise Http404
    pk = consume(token)
    user = get_user_model()._default_manager.filter(pk=pk, is_active=True).first() if pk else None
    if user is not None:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    elif not request.user.is_authenticated:
        messages.info(request, "That address has been used. Log in with the password that `make run` printed.")
        return redirect(settings.LOGIN_URL)
    return redirect("/")


urlpatterns = [path("<str:token>/", login_once, name="login-once")]
