"""What holds for every account page: labels, focus, nothing inline, nothing cached."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from tests.accounts import person

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


class Outline(HTMLParser):
    """What a page says about its fields: labels, descriptions, and any inline script or style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.autofocus = 0
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids.add(named.get("id") or "")
        self.autofocus += "autofocus" in named
        if tag == "label":
            self.labelled.add(named.get("for") or "")
        if tag in ("input", "textarea") and named.get("type") != "hidden" and "hidden" not in named:
            self.fields.append(named)
        inline = [name for name in named if name == "style" or name.startswith("on")]
        if inline or tag == "style" or (tag == "script" and "src" not in named):
            self.inline.append(tag)


ANONYMOUS_PAGES = ["register", "login", "password_reset", "password_reset_done", "password_reset_complete"]
OWN_PAGES = ["profile", "delete", "password_change", "password_change_done"]


@pytest.mark.parametrize("name", ANONYMOUS_PAGES + OWN_PAGES)
@pytest.mark.parametrize("posted", [False, True], ids=["fresh", "with errors"])
def test_every_page_can_be_used_by_ear_and_keyboard(name: str, posted: bool, client: Client) -> None:
    """Each field has a label, an autocomplete value and existing descriptions, and one element has the focus."""
    if name in OWN_PAGES:
        client.force_login(person("ada"))
    address = reverse(f"users:{name}")
    response = client.post(address, {"email": "nope"}) if posted else client.get(address)
    if posted and response.status_code == 405:
        return
    outline = Outline(response.content.decode())
    for field in outline.fields:
        assert field["id"] in outline.labelled
        assert field.get("autocomplete") or field["name"] == "bio"
        described = (field.get("aria-describedby") or "").split()
        assert set(described) <= outline.ids
        if posted and field["name"] in response.context["form"].errors:
            assert field["aria-invalid"] == "true"
            assert described
    assert outline.autofocus == (0 if not outline.fields or (name == "profile" and not posted) else 1)
    assert outline.inline == []
    assert response.content.decode().count("<h1") == 1


@pytest.mark.parametrize("name", ["register", "login", *OWN_PAGES])
def test_pages_with_personal_data_are_not_kept_by_caches(name: str, client: Client) -> None:
    """The back button shows nothing after logging out."""
    if name in OWN_PAGES:
        client.force_login(person("ada"))
    assert "no-store" in client.get(reverse(f"users:{name}")).headers["Cache-Control"]
