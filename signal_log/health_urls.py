"""Addresses for orchestrators and monitoring, for the root of a site: ``include("signal_log.health_urls")``."""

from django.urls import path

from signal_log.health import views

app_name = "signal_log_health"
urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
