"""The project's addresses, and some that a written test sends again: a form with a query and a file, a body of JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from observatory.urls import urlpatterns as project
from tests.shop.models import Category, Item


@csrf_exempt
def stocked(request: HttpRequest) -> HttpResponse:
    """Create an item as the form, the query and the files say."""
    category = Category.objects.create(name=request.GET["in"])
    tags = request.POST.getlist("tag")
    Item.objects.create(category=category, name=request.POST["name"], tags=[*tags, *sorted(request.FILES)])
    return HttpResponse(status=201 if len(tags) == 2 and "picture" in request.FILES else 400)


@csrf_exempt
def by_json(request: HttpRequest) -> HttpResponse:
    """Create a category."""
    Category.objects.create(name=f"of {len(request.body)} bytes")
    return HttpResponse(status=201)


urlpatterns = [*project, path("stocked/", stocked), path("by-json/", by_json)]
