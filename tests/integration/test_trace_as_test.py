"""A pytest test written from a trace: what it holds, and that it passes as it stands, for what the accounts do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from signal_log.capture.trace.session_token import COOKIE
from signal_log.models import SignalEvent
from signal_log.telemetry import recorded
from tests.factories import make_event
from tests.servers.daphne import ROOT, environment
from tests.shop.models import Category, Item
from tests.tail import make_observer

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = {
    "username": "ada", "email": "ada@example.org", "first_name": "Ada", "password1": "Correct-Horse-9",
    "password2": "Correct-Horse-9",
}  # fmt: skip


@pytest.fixture
def written(client: Client):
    """Fetch the test that the newest trace of a sender's event becomes."""
    watcher = Client()
    watcher.force_login(make_observer())

    def written(sender: str, signal: str = "post_save") -> str:
        trace = SignalEvent.objects.filter(sender=sender, signal=signal).order_by("-id").first().trace_id
        response = watcher.get(f"/traces/{trace}/?format=pytest")
        assert response["Content-Type"].startswith("text/x-python")
        return response.content.decode()

    return written


def recorded_as_tests(*posts: tuple[str, dict[str, str]]) -> list[str]:
    """Send these in a recorded session, and return what its page writes of each."""
    session = recorded.start("tests", "browser")
    person, watcher = Client(), Client()
    person.cookies[COOKIE] = recorded.token(session)
    for address, form in posts:
        assert person.post(address, form).status_code == 302
    watcher.force_login(make_observer("heidi"))
    traces = [row.trace_id for row in recorded.caught(session)]
    return [watcher.get(f"/sessions/{session.pk}/?trace={one}&format=pytest").content.decode() for one in traces]


@pytest.mark.one_database
def test_registering_editing_and_deleting_become_tests_that_pass(written, client: Client, tmp_path: Path):
    """What is written for the accounts runs as it stands."""
    client.post("/accounts/register/", PERSON)
    register = written("auth.User")
    client.post("/accounts/profile/", {"name": "Ada L.", "email": "ada@example.org", "headline": "Countess"})
    edit = written("users.Profile")
    client.post("/accounts/delete/", {"password": "Correct-Horse-9"})
    delete = written("auth.User", "post_delete")

    assert "User.objects.create(" in register
    assert "create_profile → created users.Profile" in register
    assert "Profile.objects.get(user=" in edit
    assert '.name = "Ada L."' in edit.replace("'", '"')
    assert ".delete()" in delete
    for name, text in (("register", register), ("edit", edit), ("delete", delete)):
        (tmp_path / f"test_{name}.py").write_text(text)
    posted = recorded_as_tests(
        ("/accounts/register/", PERSON | {"username": "bob", "email": "bob@example.org"}),
        ("/accounts/profile/", {"name": "Bob B.", "email": "bob@example.org", "headline": "Builder"}),
        ("/accounts/delete/", {"password": "Correct-Horse-9"}),
    )
    for number, text in enumerate(posted):
        assert "client.post(" in text
        (tmp_path / f"test_posted_{number}.py").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "signal_log.pytest_plugin",
         "--ds=observatory.settings", "-c", str(tmp_path / "pytest.ini"), "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT, env=environment({"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, "\n".join((ran.stdout, register, edit, delete, *posted))
    assert "6 passed" in ran.stdout


def test_values_are_written_as_python(written):
    category = Category.objects.create(name='He said "no"\n# import os')
    item = Item.objects.create(
        category=category, price="2.50", tags=["a"], sold_on="2026-03-01", api_token="hidden-token"
    )
    item.stock = 7
    item.save(update_fields=["stock"])
    text = written("shop.Item")
    assert "hidden-token" not in text
    compile(text, "test", "exec")
    lines = [line.strip() for line in text.splitlines()]
    assert "from decimal import Decimal" in lines
    assert "from datetime import date" in lines
    assert any("price=Decimal('2.50')" in line and "date.fromisoformat('2026-03-01')" in line for line in lines)
    assert any("api_token=SECRET" in line for line in lines)
    assert any(line.endswith(".stock = 7") for line in lines)
    assert any(line.endswith(".save(update_fields=['stock'])") for line in lines)
    assert not any(line.startswith("# import os") for line in lines)


def test_what_cannot_be_repeated_is_a_comment(written):
    user = User.objects.create_user("ada")
    user.groups.add(Group.objects.create(name="staff"))
    text = written("auth.User", "m2m_changed")
    assert "# not repeated: added to auth.User.groups" in text
    compile(text, "test", "exec")


def test_a_model_that_is_gone_is_a_comment(written):
    make_event(sender="gone.Model")
    text = written("gone.Model")
    assert "# not repeated, for there is no such model any more: updated gone.Model" in text
    compile(text, "test", "exec")
