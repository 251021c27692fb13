"""The models that need a reason, and who is in the admin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import clear_url_caches, path

from observatory.urls import urlpatterns as of_the_project
from signal_log import pipeline
from tests.integration.reasons.site import (
    other,
    urlpatterns,
)
from tests.settings import SIGNAL_LOG


@pytest.fixture(autouse=True)
def _reasons() -> Iterator[None]:
    given = {**SIGNAL_LOG, "REASONS": ["auth.User", "shop.Item", "users.Profile"]}
    with override_settings(SIGNAL_LOG=given, ROOT_URLCONF="tests.integration.reasons.site"):
        pipeline.start()
        # As a project's, which are loaded when apps are ready.
        urlpatterns[:] = [path("other/", other.urls), path("admin/", admin.site.urls), *of_the_project]
        clear_url_caches()
        yield
    pipeline.start()


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def ada() -> User:
    return User.objects.create(username="ada")
