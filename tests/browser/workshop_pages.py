"""The pages of the workshop: forms, scripts, htmx, async views, redirects, and work with every kind of fault."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.db.models.signals import post_save
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import RequestContext, Template
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from observatory.urls import urlpatterns as project
from tests.servers.daphne import ROOT

PAGE = Template("""<!doctype html>
<html lang="en"><head><title>Workshop</title>
<meta name="htmx-config" content='{"includeIndicatorStyles": false, "allowEval": false}'>
<script nonce="{{ request.csp_nonce }}" src="/workshop/htmx.js"></script></head>
<body hx-headers='{"X-CSRFToken": "{{ csrf_token }}"}'>
<main><h1>{{ title }}</h1>
{% for address in addresses %}
<form method="post" action="{{ address }}">{% csrf_token %}<button>{{ address }}</button></form>{% endfor %}
<button id="swap" hx-post="/workshop/save/2/" hx-target="#said">htmx</button>
<button id="go" hx-post="/workshop/save/3/?go=HX-Redirect" hx-swap="none">htmx redirect</button>
<form hx-boost="true" method="post" action="/workshop/save/4/?go=Location">{% csrf_token %}
<button>boosted</button></form>
<p id="said"></p></main></body></html>""")
HERE = "/workshop/"


def page(request: HttpRequest) -> HttpResponse:
    addresses = [f"{HERE}{name}/?go=Location" for name in ("save/1", "nothing", "faults", "many", "hop/7")]
    context = RequestContext(request, {"title": "Workshop", "addresses": addresses})
    return HttpResponse(PAGE.render(context))


@cache
def htmx_source() -> str:
    return (ROOT / "node_modules" / "htmx.org" / "dist" / "htmx.min.js").read_text(encoding="utf-8")


def htmx(request: HttpRequest) -> HttpResponse:
    return HttpResponse(htmx_source(), content_type="text/javascript")


def save(request: HttpRequest, number: int) -> HttpResponse:
    """So many operations, then what ``?go=`` says."""
    for one in range(number):
        Group.objects.create(name=f"{request.path} {one} {Group.objects.count()}")
    return answer(request, number)


def nothing(request: HttpRequest) -> HttpResponse:
    return answer(request, 0)


def hop(request: HttpRequest, number: int) -> HttpResponse:
    Group.objects.create(name=f"hop {number} {Group.objects.count()}")
    response = HttpResponse(status=302)
    response["Location"] = f"{HERE}hop/{number - 1}/" if number else HERE
    return response


def answer(request: HttpRequest, number: int) -> HttpResponse:
    go = request.GET.get("go", "")
    if not go:
        return HttpResponse(f"{number} done")
    if go == "page":
        return page(request)
    return HttpResponse(status=302 if go == "Location" else 204, headers={go: HERE})


both = asyncio.Barrier(2)


@transaction.non_atomic_requests
async def meet(request: HttpRequest, number: int) -> JsonResponse:
    """Saves when another request has come; neither ends before the other has saved."""
    await both.wait()
    await sync_to_async(save)(request, number)
    await both.wait()
    return JsonResponse({"done": number})


def greet_again(sender: Any, instance: User, **kwargs: Any) -> None:
    """Runs twice, and the second time for nothing."""


def refuse(sender: Any, instance: User, **kwargs: Any) -> None:
    """Swallows an exception."""
    if instance.first_name == "swallow":
        try:
            with transaction.atomic():
                User.objects.create(username=instance.username)
        except IntegrityError:
            pass


@csrf_exempt
def faults(request: HttpRequest) -> HttpResponse:
    """A hidden cascade, a double receiver, a swallowed exception, a failed save and a silent write."""
    User.objects.filter(username__startswith="faulty").delete()
    for uid in ("one", "two"):
        post_save.connect(greet_again, sender=User, dispatch_uid=uid)
    post_save.connect(refuse, sender=User)
    try:
        user = User.objects.create(username="faulty", email="faulty@example.org", last_name="A long name " * 9)
        user.first_name = "swallow"
        user.save()
        User.objects.filter(pk=user.pk).update(first_name="behind the signals")
        try:
            with transaction.atomic():
                User.objects.create(username="faulty two", first_name="rolled back")
                User.objects.create(username="faulty")
        except IntegrityError:
            pass
    finally:
        for uid in ("one", "two"):
            post_save.disconnect(greet_again, sender=User, dispatch_uid=uid)
        post_save.disconnect(refuse, sender=User)
    return answer(request, 0)


def many(request: HttpRequest) -> HttpResponse:
    """Two thousand signals, no two neighbours alike."""
    with transaction.atomic():
        for number in range(1_000):
            group = Group.objects.create(name=f"many {number} {Group.objects.count()}")
            if number % 2:
                group.name += "!"
                group.save()
    return answer(request, 0)


urlpatterns = [
    path("workshop/", page),
    path("workshop/htmx.js", htmx),
    path("workshop/save/<int:number>/", save),
    path("workshop/nothing/", nothing),
    path("workshop/hop/<int:number>/", hop),
    path("workshop/meet/<int:number>/", meet),
    path("workshop/faults/", faults),
    path("workshop/many/", many),
    *project,
]
