"""The faulty shop as a site beside the observatory: each act of its day, and its upgrade, has an address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from tests import faulty

ACTS = {act.__name__: act for act in (faulty.stock_up, *faulty.DAY, faulty.upgrade, faulty.downgrade)}


def shop(request: HttpRequest, act: str) -> HttpResponse:
    """Do it in this request."""
    ACTS[act]()
    return HttpResponse("done")


urlpatterns = [path("shop/<str:act>/", shop), path("", include("observatory.urls"))]
