"""No token that stands in an address reaches the log, whenever the event is written (G7)."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path, re_path, register_converter, resolve

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace.path import request_path, shown_path
from signal_log.capture.trace.websocket import message_context
from signal_log.event import MASK
from tests.log import recorded
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

TOKEN = "cak5rj-5f2e8b1c9d7a6e3f4b2d1c0a"


class AsksTheDatabase:
    """A converter of the host's, which looks up what it converts."""

    regex = "[a-z]+"

    def to_python(self, value):
        return Category.objects.get(name=value)

    def to_url(self, value):
        return value.name


register_converter(AsksTheDatabase, "asks_the_database")


def view(request, *args, **kwargs):
    return HttpResponse()


urlpatterns = [
    path("confirm/<str:token>/", view),
    path("invited/<str:code>/", view),
    path("door/<int:pin>/", view),
    path("files/<path:secret_path>", view),
    re_path(r"^reset/(\w+)/([\w-]+)\.html$", view),
    path("shop/<slug:slug>/<int:pk>/", view),
    path("countries/<str:code>/", view),
    path("tickets/<uuid:pk>/", view),
    path("share/<uuid:reset_token>/", view),
    path("of/<asks_the_database:category>/", view),
]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("/confirm/abc/", f"/confirm/{MASK}/"),
        ("/confirm/confirm/", f"/{MASK}/{MASK}/"),
        ("/invited/WELCOMEPLANTED/", f"/invited/{MASK}/"),
        ("/invited/X7-K2/", "/invited/X7-K2/"),
        ("/door/1234/", f"/door/{MASK}/"),
        ("/files/a/planted/b", f"/files/{MASK}"),
        ("/reset/MQ/X7K2P9QA.html", f"/reset/MQ/{MASK}.html"),
        (f"/reset/MQ/{TOKEN}.html", f"/reset/MQ/{MASK}.html"),
        ("/shop/top-10-of-2026-in-8-lists/7/", "/shop/top-10-of-2026-in-8-lists/7/"),
        ("/countries/de/", "/countries/de/"),
        ("/tickets/3f2b8c1e-9d4a-4e6f-8a7b-1c2d3e4f5a6b/", "/tickets/3f2b8c1e-9d4a-4e6f-8a7b-1c2d3e4f5a6b/"),
        ("/share/3f2b8c1e-9d4a-4e6f-8a7b-1c2d3e4f5a6b/", f"/share/{MASK}/"),
        ("/x/token%253Dplanted/", f"/x/token%3D{MASK}/"),
        (f"/nowhere/{TOKEN}/", f"/nowhere/{MASK}/"),
        ("/of/planted/", "/of/planted/"),
        ("/x/token=planted/", f"/x/token={MASK}/"),
    ],
)
@pytest.mark.parametrize("resolved", [False, True])
def test_paths(given, shown, resolved, django_assert_num_queries):
    """By the name of the parameter or by its looks, of named and positional ones, before and after it is resolved."""
    Category.objects.create(name="planted")

    @SignalLogMiddleware
    def answer(request):
        if resolved and "nowhere" not in given and "/x/" not in given:
            request.resolver_match = resolve(request.path_info)
        with django_assert_num_queries(1):
            Category.objects.create(name="by the request")
        return HttpResponse()

    with override_settings(ROOT_URLCONF=__name__), recorded() as events:
        answer(RequestFactory().get(f"{given}?token=planted"))
    assert {event.path for event in events} == {shown}


def test_a_path_is_asked_for_again_once_it_is_resolved():
    """What an early event could not know, a later one does."""
    request = RequestFactory().get("/confirm/abc/")
    assert request_path(request) == "/confirm/abc/"
    with override_settings(ROOT_URLCONF=__name__):
        assert request_path(request) == f"/confirm/{MASK}/"


def test_the_path_of_a_socket():
    """It is masked like that of a request, by what the router has found."""
    scope = {"type": "websocket", "path": "/ws/room/abc/", "url_route": {"args": (), "kwargs": {"token": "abc"}}}
    assert message_context(scope, {"type": "websocket.receive"}).path() == f"/ws/room/{MASK}/"
    assert shown_path(f"/ws/{TOKEN}/") == f"/ws/{MASK}/"
