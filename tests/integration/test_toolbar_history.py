"""The toolbar's history of requests shows no passwords (G7)."""

import json

from django.http import HttpResponse
from django.test import RequestFactory

from observatory.toolbar import HistoryPanel
from signal_log.event import MASK


class Toolbar:
    """The parts of the toolbar that a panel uses."""

    request_id = "1"

    def __init__(self):
        self.stats = {}
        self.store = self

    def save_panel(self, request_id, panel_id, data):
        """Keep the data where the toolbar would keep it."""


def test_posted_secrets_are_masked():
    """Form data is kept by name, and fields whose name says secret are masked whole."""
    request = RequestFactory().post(
        "/accounts/register/",
        {"username": "ada", "password1": "correct horse", "new_password2": "staple", "csrfmiddlewaretoken": "abc"},
    )
    toolbar = Toolbar()
    HistoryPanel(toolbar, lambda request: HttpResponse()).generate_stats(request, HttpResponse())
    assert toolbar.stats["HistoryPanel"]["data"] == {
        "username": "ada",
        "password1": MASK,
        "new_password2": MASK,
        "csrfmiddlewaretoken": MASK,
    }
    assert "horse" not in json.dumps(toolbar.stats, default=str)
