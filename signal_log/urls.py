"""The pages of the log; include them where the host likes: ``path("signals/", include("signal_log.urls"))``."""

from django.urls import path

app_name = "signal_log"
urlpatterns: list = []
