"""An address that logs its reader in once, on the machine the server runs on, while it is being developed.

`make run` prints it. A token is a file named by its hash under var/login-once/; who removes the file has
used it, so two requests cannot both win. Anywhere but under DEBUG on loopback the address does not exist.
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
# A proxy on this machine makes everybody look local; it also says so in one of these.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def folder() -> Path:
    """Where the tokens that wait to be used are kept."""
    return Path(settings.BASE_DIR) / "var" / "login-once"


def issue(user: AbstractBaseUser) -> str:
    """Make a new token for this user and forget those that are too old."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in place.iterdir():
        if time.time() - old.stat().st_mtime > SECONDS_VALID:
            old.unlink(missing_ok=True)
    token = secrets.token_urlsafe(32)
    waiting = place / hashed(token)
    waiting.touch(mode=0o600)
    waiting.write_text(str(user.pk), encoding="utf-8")
    return token


def withdraw(token: str) -> None:
    """Make a token that nobody used worthless."""
    (folder() / hashed(token)).unlink(missing_ok=True)


def consume(token: str) -> str | None:
    """The primary key the token was issued for, the first time it is shown; None ever after."""
    waiting = folder() / hashed(token)
    try:
        fresh = time.time() - waiting.stat().st_mtime <= SECONDS_VALID
        pk = waiting.read_text(encoding="utf-8")
        waiting.unlink()
    except FileNotFoundError:
        return None
    return pk if fresh else None


def hashed(token: str) -> str:
    """The name a token has on disk, from which it cannot be found."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_local(request: HttpRequest) -> bool:
    """Whether this request comes from this machine, to this machine, and through no proxy."""
    if any(request.META.get(name) for name in FORWARDED):
        return False
    # The Host as well: a page of another site can make a browser here ask for its own name at 127.0.0.1.
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
    """Log in who brings an unused token and show the live page; a used one leads to the log-in form."""
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
