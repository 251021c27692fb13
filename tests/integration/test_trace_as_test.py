"""A pytest test written from a trace: what it holds, and that it passes as it stands, for what the accounts do."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from signal_log.capture.trace.session_token import COOKIE
from signal_log.capture.trace.trace import TraceContext, new_trace
from signal_log.models import SignalEvent
from signal_log.show.trace import as_test, client_test
from signal_log.telemetry import recorded
from tests.factories import make_event
from tests.servers.daphne import ROOT, environment
from tests.shop.models import Category, Item, Valued
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


def recorded_as_tests(*posts: tuple[str, Any], **options: Any) -> list[str]:
    """Send these in a recorded session, and return what its page writes of each."""
    name = f"tests {uuid.uuid4()}"
    session = recorded.start(name, "browser")
    person, watcher = Client(), Client()
    person.cookies[COOKIE] = recorded.token(session)
    for address, form in posts:
        assert person.post(address, form, **options).status_code in (201, 302)
    watcher.force_login(make_observer(name[-12:]))
    traces = [row.trace_id for row in recorded.caught(session)]
    return [watcher.get(f"/sessions/{session.pk}/?trace={one}&format=pytest").content.decode() for one in traces]


def keep_values() -> None:
    """Save what is easily written wrongly: infinity, durations, bytes, a name that a test needs itself."""
    with new_trace(TraceContext("task")):
        named = Category.objects.create(name="date")
        Item.objects.create(category=named, weight=float("inf"), sold_on=date(2026, 3, 1))
        kept = Valued.objects.create(
            lasts=-timedelta(days=3, hours=1), blob=b"\x00\xff", number=uuid.uuid4(), data={"a": [1, "x"]}
        )
        kept.lasts, kept.blob = timedelta(days=3, hours=1), b"'"
        kept.save()


@pytest.mark.one_database
def test_what_is_written_passes_as_it_stands(written, client: Client, tmp_path: Path, settings):
    """Registering, editing and deleting; a form with a query and a file; values of every kind; and hostile ones."""
    settings.ROOT_URLCONF = "tests.integration.written_urls"
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
    posted = recorded_as_tests(
        ("/accounts/register/", PERSON | {"username": "bob", "email": "bob@example.org"}),
        ("/accounts/profile/", {"name": "Bob B.", "email": "bob@example.org", "headline": "Builder"}),
        ("/accounts/delete/", {"password": "Correct-Horse-9"}),
        ("/stocked/?in=tools&page=2", {"name": "saw", "tag": ["a", "b"], "picture": io.BytesIO(b"png")}),
    )
    assert all("client.post(" in text for text in posted)
    assert "query_params={'in': 'tools', 'page': '2'}" in posted[-1]
    keep_values()
    values = written("shop.Valued")
    pwned = tmp_path / "pwned"
    hostile = f"__import__('pathlib').Path({str(pwned)!r}).touch()"
    make_event(sender="shop.Item", signal="post_save", created=True, path=f'/"""+{hostile}+"""', changes={
        "weight": [None, hostile], "stock": [None, hostile], "name": [None, hostile], "sold_on": [None, hostile],
    })  # fmt: skip
    texts = {"register": register, "edit": edit, "delete": delete, "values": values, "hostile": written("shop.Item")}
    texts |= {f"posted_{number}": text for number, text in enumerate(posted)}
    ran = run_in_a_project(tmp_path, texts)
    assert ran.returncode == 0, "\n".join((ran.stdout, *texts.values()))
    assert "9 passed" in ran.stdout
    assert not pwned.exists()


def run_in_a_project(folder: Path, texts: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run these tests by pytest."""
    for name, text in texts.items():
        (folder / f"test_{name}.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef _addresses(settings):\n"
        "    settings.ROOT_URLCONF = 'tests.integration.written_urls'\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "signal_log.pytest_plugin",
         "--nomigrations", "--ds=tests.settings", "-c", str(folder / "pytest.ini"), "--rootdir", str(folder),
         str(folder)],
        cwd=ROOT, env=environment({"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}), capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_no_text_of_the_log_is_code(written):
    """Names of receivers, fields and models, labels and values: what is called in the test is what it needs."""
    trace = uuid.uuid4()
    hostile = '""")\n    evil()\n("""'
    common = {"trace_id": trace, "sender": "shop.Item", "signal": "post_save", "object_repr": hostile}
    make_event(**common, created=True, changes={"weight": [None, "evil()"], "name": [None, hostile]})
    make_event(**common, position=3, operation=3, parent_position=2, caused_by=f"a.{hostile}",
               changes={"name": ["x", hostile], "class": ["a", "b"], "evil()": ["a", "b"]})  # fmt: skip
    make_event(**common, position=4, operation=4, update_fields=["name", "evil()", 7],
               changes={"name": ["x", "y"], "stock": [1, "evil()"], "evil()": [1, 2], "x=evil()": ["a", "b"]},
               object_pk="2")  # fmt: skip
    make_event(**common, position=5, operation=5, object_pk="3", changes={"tags": [[], ["evil()", {"a": "b"}]]})
    text = written("shop.Item")
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
    assert calls == {
        "Item.objects.create", "item.save", "item_row.save", "signal_log.capture", "seen.assert_tree",
        "seen.assert_changed",
    }  # fmt: skip
    assert "# left out: shop.Item.weight, of which the log has no value of a FloatField" in text
    assert "save(update_fields=['name'])" in text


def test_a_long_trace_is_repeated_in_part(written, monkeypatch, django_assert_max_num_queries):
    """Few questions are asked of the log, however long it is, and what is left out is said."""
    monkeypatch.setattr(as_test, "MOST_OPERATIONS", 3)
    trace = uuid.uuid4()
    for number in range(12):
        make_event(trace_id=trace, sender="shop.Item", position=number + 1, operation=number + 1,
                   object_pk=str(number), changes={"category": [1, number], "stock": [1, number]})  # fmt: skip
    events = list(SignalEvent.objects.filter(trace_id=trace).order_by("position"))
    with django_assert_max_num_queries(6):  # each row and what it refers to
        text = as_test.as_pytest(events, None)
    assert text.count(".save(") == 3
    assert "# not repeated: updated shop.Item (category, stock) × 9" in text
    assert "updated shop.Item (category, stock) × 3" in text


def test_what_a_session_does_not_keep_is_said(settings):
    """A body of JSON, and the content of files."""
    settings.ROOT_URLCONF = "tests.integration.written_urls"
    (text,) = recorded_as_tests(("/by-json/?a=1&a=2", {"b": 3}), content_type="application/json")
    assert "# a session keeps no body but a form: put what was sent here" in text
    assert "client.post('/by-json/', query_params={'a': ['1', '2']}, data='', content_type='application/json')" in text
    (text,) = recorded_as_tests(("/stocked/?in=tools", {"name": "saw", "tag": ["a", "b"], "picture": io.BytesIO(b"")}))
    assert "# a session keeps no files: put the content of each here" in text


@pytest.mark.parametrize(("status", "answered"), [("500", True), ("302", False)])
def test_an_answered_error_is_answered_to_the_test_too(status, answered):
    """Django's client raises what a view has raised, unless it is told not to."""
    asked = {"method": "PUT", "path": "/x/", "content_type": "application/x-www-form-urlencoded"}
    text = client_test.as_client_test([make_event()], asked, status)
    assert ("client.raise_request_exception = False" in text) is answered
    assert "# a session keeps no form but one that Django reads" in text


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
