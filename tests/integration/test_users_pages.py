"""The account pages, as a browser without scripts sees them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse

from signal_log.models import SignalEvent
from tests.accounts import PASSWORD, all_mail_sent, in_step, person
from users.models import Profile

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

HOSTILE = "\"><script>alert(1)</script><b x='"
FORM = {
    "username": "ada",
    "first_name": "Ada",
    "email": "ada@example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.fixture
def ada(client: Client) -> User:
    """A client that is logged in."""
    user = person("ada")
    client.force_login(user)
    return user


def page(client: Client, name: str, **kwargs: Any) -> str:
    response = client.get(reverse(f"users:{name}"), **kwargs)
    assert response.status_code == 200
    return response.content.decode()


def observer(username: str = "grace") -> User:
    user = person(username)
    user.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    return user


# --- register -------------------------------------------------------------------------------------
def test_registering_makes_the_account_and_logs_in(client: Client) -> None:
    """One request creates the user, its profile by signal, logs in and leads to the profile, which greets by name."""
    response = client.post(reverse("users:register"), FORM)
    assert response.headers["Location"] == reverse("users:profile")
    assert in_step(User.objects.get(username="ada"))
    greeting = page(client, "profile")
    assert "Welcome, Ada." in greeting
    causes = SignalEvent.objects.filter(sender="users.Profile").values_list("caused_by", "path")
    assert set(causes) == {("users.signals.create_profile", reverse("users:register"))}


BAD = {
    "taken username": ({"username": "grace"}, "username", "This username is taken"),
    "taken username in other case": ({"username": "GRACE"}, "username", "already exists|is taken"),
    "username with a space": ({"username": "ada l"}, "username", "Enter a valid username"),
    "username too long": ({"username": "a" * 151}, "username", "at most 150"),
    "no username": ({"username": ""}, "username", "required"),
    "no email": ({"email": ""}, "email", "required"),
    "bad email": ({"email": "ada@"}, "email", "valid email"),
    "two passwords": ({"password2": "other"}, "password2", "match"),
    "short password": ({"password1": "x7#", "password2": "x7#"}, "password2", "too short"),
    "common password": ({"password1": "password", "password2": "password"}, "password2", "too common"),
    "password like the name": (
        {"password1": "ada@example.org", "password2": "ada@example.org"},
        "password2",
        "similar",
    ),
    "nul": ({"first_name": "A\x00da"}, "first_name", "Null characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_at_its_field_and_nothing_typed_is_lost(case: str, client: Client) -> None:
    """The error is shown in the summary and at the field, and only passwords must be typed again."""
    person("grace")
    change, field, error = BAD[case]
    typed = FORM | change
    response = client.post(reverse("users:register"), typed)
    assert response.status_code == 200
    form = response.context["form"]
    assert re.search(error, " ".join(form.errors[field]))
    html = response.content.decode()
    assert f'id="id_{field}_error"' in html
    assert f'href="#id_{field}"' in html
    assert "<title>Error: Register" in html
    for name in ("username", "first_name", "email"):
        assert form[name].value() == typed[name]
    assert PASSWORD not in html
    assert User.objects.count() == 1


def test_registering_continues_to_the_requested_page(client: Client) -> None:
    """``next`` is kept on the way, and followed only on this site."""
    assert 'name="next" value="/accounts/delete/"' in page(client, "register", data={"next": "/accounts/delete/"})
    response = client.post(reverse("users:register"), FORM | {"next": "/accounts/delete/"})
    assert response.headers["Location"] == "/accounts/delete/"
    response = Client().post(
        reverse("users:register"),
        FORM | {"username": "eve", "email": "eve@example.org", "next": "https://evil.example/"},
    )
    assert response.headers["Location"] == reverse("users:profile")


def test_logged_in_people_do_not_register_again(client: Client, ada: User) -> None:
    """Logged-in people are redirected to their profile, so no second account is created by accident."""
    response = client.post(reverse("users:register") + "?next=/accounts/register/", FORM | {"username": "second"})
    assert response.headers["Location"] == reverse("users:profile")
    assert User.objects.count() == 1


# --- log in and out -------------------------------------------------------------------------------
def log_in(client: Client, username: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post(reverse("users:login"), {"username": username, "password": password} | more)


def test_after_log_in_observers_go_to_the_live_page_and_others_to_their_profile(client: Client) -> None:
    """People who may see events have come for the live page."""
    observer("grace")
    person("ada")
    assert log_in(client, "grace").headers["Location"] == reverse("signal_log:live")
    assert log_in(Client(), "ada").headers["Location"] == reverse("users:profile")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_log_in_follows_next_only_on_this_site(target: str, client: Client) -> None:
    """Addresses of other sites are ignored, our own are followed."""
    person("ada")
    assert log_in(client, "ada", next=target).headers["Location"] == reverse("users:profile")
    assert log_in(Client(), "ada", next="/accounts/password/").headers["Location"] == "/accounts/password/"


def test_a_wrong_password_says_so_and_keeps_the_username(client: Client) -> None:
    """The message does not reveal whether the account exists."""
    person("ada")
    wrong, nobody = log_in(client, "ada", "wrong"), log_in(client, "nobody", "wrong")
    for response, name in ((wrong, "ada"), (nobody, "nobody")):
        html = response.content.decode()
        assert "Please enter a correct username and password" in html
        assert f'value="{name}"' in html
        assert 'role="alert"' in html


def test_logging_out_is_by_post_and_says_so(client: Client, ada: User) -> None:
    """A link, an image or a prefetch cannot log anybody out."""
    assert client.get(reverse("users:logout")).status_code == 405
    page(client, "profile")
    response = client.post(reverse("users:logout"), follow=True)
    assert "You have been logged out." in response.content.decode()
    assert client.get(reverse("users:profile")).status_code == 302


@pytest.mark.parametrize("name", ["profile", "delete", "password_change", "password_change_done"])
def test_account_pages_ask_anonymous_visitors_to_log_in(name: str, client: Client) -> None:
    """After the log-in they lead back to the page."""
    address = reverse(f"users:{name}")
    assert client.get(address).headers["Location"] == f"{reverse('users:login')}?next={address}"


def test_forms_are_protected_against_forged_requests(ada: User) -> None:
    """Without a token nothing changes."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    for name in ("register", "login", "logout", "profile", "delete", "password_change", "password_reset"):
        assert client.post(reverse(f"users:{name}"), {"password": PASSWORD}).status_code == 403
    assert User.objects.filter(pk=ada.pk).exists()


# --- profile --------------------------------------------------------------------------------------
EDIT = {
    "name": "Augusta",
    "email": "countess@EXAMPLE.org",
    "headline": "Countess",
    "location": "London",
    "bio": "First.",
}


def test_editing_the_profile_changes_the_user_too(client: Client, ada: User) -> None:
    """The change is saved, confirmed and shown, and the log names who made it."""
    response = client.post(reverse("users:profile"), EDIT, follow=True)
    html = response.content.decode()
    assert "Your profile has been saved." in html
    profile = Profile.objects.get()
    assert {name: getattr(profile, name) for name in EDIT} == EDIT | {"email": "countess@example.org"}
    assert in_step(ada)
    actors = SignalEvent.objects.filter(path=reverse("users:profile")).values_list("sender", "actor_repr")
    assert set(actors) == {("users.Profile", "ada"), ("auth.User", "ada")}


def test_only_what_was_changed_is_written(client: Client, ada: User) -> None:
    """Saving an unchanged form saves nothing, and a changed bio cannot undo a name that was changed meanwhile."""
    same = {"name": "Ada", "email": "ada@example.org"}
    before = SignalEvent.objects.count()
    client.post(reverse("users:profile"), same)
    assert SignalEvent.objects.count() == before
    client.post(reverse("users:profile"), same | {"bio": "First."})
    last = SignalEvent.objects.order_by("pk").last()
    assert last is not None
    assert set(last.changes) == {"bio", "updated"}
    assert set(last.update_fields) == {"bio", "updated"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nope"}, "email"),
        ({"bio": "x" * 2001}, "bio"),
        ({"headline": "x" * 121}, "headline"),
        ({"name": "x" * 151}, "name"),
    ],
)
def test_a_bad_edit_keeps_what_was_typed_and_shows_what_is_saved(
    change: dict[str, str], field: str, client: Client, ada: User
) -> None:
    """The form has the new text with its error, and the card beside it shows the profile as it is."""
    person("grace")
    response = client.post(reverse("users:profile"), EDIT | change)
    html = response.content.decode()
    assert f'id="id_{field}_error"' in html
    assert {name: response.context["form"][name].value() for name in EDIT} == EDIT | change
    assert response.context["saved"].name == "Ada"
    assert Profile.objects.get(user=ada).headline == ""


def test_keeping_the_own_email_in_another_case_is_allowed(client: Client, ada: User) -> None:
    """Changing its case is an edit like any other."""
    assert client.post(reverse("users:profile"), EDIT | {"email": "ADA@example.org"}).status_code == 302
    assert User.objects.get().email == "ADA@example.org"


def test_a_user_without_a_profile_gets_it_on_the_first_visit(client: Client) -> None:
    """Accounts created without signals do not cause a 500."""
    [user] = User.objects.bulk_create([User(username="ada", first_name="Ada")])
    client.force_login(User.objects.get(pk=user.pk))
    assert "Ada" in page(client, "profile")
    assert in_step(user)


def test_hostile_text_is_shown_as_text(client: Client) -> None:
    """The card, the form, messages, the menu and the log-out page show it as text."""
    user = User.objects.create(username=HOSTILE, first_name=HOSTILE, email=f"{HOSTILE}@example.org")
    user.set_password(PASSWORD)
    user.save()
    Profile.objects.filter(user=user).update(bio=HOSTILE * 20, headline=HOSTILE, location=HOSTILE)
    client.force_login(user)
    pages = [page(client, name) for name in ("profile", "delete", "password_change")]
    pages.append(
        client.post(reverse("users:profile"), {"name": HOSTILE, "bio": HOSTILE, "email": HOSTILE}).content.decode()
    )
    pages.append(client.post(reverse("users:delete"), {"password": PASSWORD}, follow=True).content.decode())
    pages.append(log_in(client, HOSTILE, next=HOSTILE).content.decode())
    for html in pages:
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "<b x=" not in html


# --- delete ---------------------------------------------------------------------------------------
def test_deleting_asks_for_the_password(client: Client, ada: User) -> None:
    """A wrong or missing password deletes nothing and says so; opening the page deletes nothing."""
    page(client, "delete")
    for password, error in (("wrong", "Nothing was deleted"), ("", "required")):
        response = client.post(reverse("users:delete"), {"password": password})
        assert error in response.content.decode()
    assert User.objects.filter(pk=ada.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_deleting_ends_the_session_and_says_so_on_the_next_page(client: Client, ada: User) -> None:
    """User and profile are gone, the account's other sessions are anonymous, and the log says who did it."""
    elsewhere = Client()
    elsewhere.force_login(ada)
    response = client.post(reverse("users:delete"), {"password": PASSWORD}, follow=True)
    assert "The account ada and its profile have been deleted." in response.content.decode()
    assert response.redirect_chain[-1][0] == reverse("users:login")
    assert "_auth_user_id" not in client.session
    assert elsewhere.get(reverse("users:profile")).status_code == 302
    assert not User.objects.exists()
    assert not Profile.objects.exists()
    deletes = SignalEvent.objects.filter(signal__endswith="_delete")
    assert set(deletes.values_list("actor_repr", "actor_pk")) == {("ada", str(ada.pk))}
    assert deletes.count() == 4


# --- passwords ------------------------------------------------------------------------------------
def test_changing_the_password(client: Client, ada: User) -> None:
    """The old password is required; this session continues, others end."""
    elsewhere = Client()
    elsewhere.force_login(ada)
    new = "another horse 8 battery"
    form = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert "id_old_password_error" in client.post(reverse("users:password_change"), form).content.decode()
    response = client.post(reverse("users:password_change"), form | {"old_password": PASSWORD}, follow=True)
    assert "Password changed" in response.content.decode()
    page(client, "profile")
    assert elsewhere.get(reverse("users:profile")).status_code == 302
    assert log_in(Client(), "ada", new).status_code == 302


def test_resetting_the_password_by_mail(client: Client) -> None:
    """The mail has a link that works once, and then the new password is valid."""
    person("ada")
    mail.outbox.clear()
    response = client.post(reverse("users:password_reset"), {"email": "ADA@example.org"}, follow=True)
    assert "Check your email" in response.content.decode()
    all_mail_sent()
    [message] = mail.outbox
    assert message.to == ["ada@example.org"]
    [link] = re.findall(r"http://testserver(/accounts/reset/\S+)", message.body)
    response = client.get(link, follow=True)
    new = "another horse 8 battery"
    assert 'autocomplete="new-password"' in response.content.decode()
    address = response.redirect_chain[-1][0]
    bad = client.post(address, {"new_password1": "x", "new_password2": "y"})
    assert "id_new_password2_error" in bad.content.decode()
    response = client.post(address, {"new_password1": new, "new_password2": new}, follow=True)
    assert "Your password has been reset" in response.content.decode()
    assert log_in(Client(), "ada", new).status_code == 302
    assert "This link no longer works" in Client().get(link, follow=True).content.decode()


def test_a_reset_for_an_unknown_address_looks_the_same(client: Client) -> None:
    """No mail is sent for an unknown address."""
    response = client.post(reverse("users:password_reset"), {"email": "nobody@example.org"}, follow=True)
    assert "Check your email" in response.content.decode()
    all_mail_sent()
    assert mail.outbox == []
