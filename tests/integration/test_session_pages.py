"""``/sessions/``: what one page starts, another shows, stops and compares; for people with the permission only."""

from __future__ import annotations

import contextlib
import io
import json
import re

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models.signals import post_save
from django.test import Client

from signal_log.capture.trace import session_token
from signal_log.models import DebugSession
from signal_log.show.sessions import document
from signal_log.telemetry import recorded
from tests.pages import text
from tests.tail import make_observer
from users.models import Profile

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("_nothing_waits", "_nothing_runs"),
    pytest.mark.one_database,
]

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def observer() -> Client:
    client = Client()
    client.force_login(make_observer("grace", superuser=True))
    return client


def start(client: Client, name: str = "checkout", **given: str):
    return client.post("/sessions/", {"name": name, "scope": "browser", **given})


def edit(client: Client, **given: str) -> None:
    form = {"name": "Grace H.", "email": "g@example.org", **given}
    assert client.post("/accounts/profile/", form).status_code == 302


def test_a_session_is_started_used_read_and_stopped_in_the_browser(observer):
    """The cookie is the browser's alone; the bar says on every page of ours what is recorded, until it is stopped."""
    answer = start(observer)
    cookie = answer.cookies[session_token.COOKIE]
    assert (answer.status_code, cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (302, True, "Lax", 3600)
    edit(observer)
    session = DebugSession.objects.get()
    page = text(observer.get(f"/sessions/{session.pk}/"))
    assert "POST /accounts/profile/" in page
    assert "UPDATE" in page
    assert "observatory" in page or "users/" in page
    assert "1 trace</" in text(observer.get("/sessions/")) or "1 trace" in text(observer.get("/sessions/"))
    bar = text(observer.get("/receivers/"))
    assert "in this browser · 1 trace · " in bar
    trace = recorded.caught(session).get()
    detail = text(observer.get(f"/sessions/{session.pk}/?trace={trace.trace_id}"))
    assert "updated" in detail
    assert "Grace H." in detail
    told = text(observer.get(f"/sessions/{session.pk}/?trace={trace.trace_id}&format=text"))
    assert re.search(r"^  ~  updated users.Profile .*Grace H.", told, re.MULTILINE)
    assert re.search(r"ms|µs  .*  UPDATE", told)
    assert text(observer.get(f"/sessions/{session.pk}/?format=text")).startswith("POST /accounts/profile/   ")
    test = text(observer.get(f"/sessions/{session.pk}/?trace={trace.trace_id}&format=pytest"))
    assert "client.force_login(grace" in test
    assert "'name': 'Grace H.'," in test
    compile(test, "test", "exec")
    stopped = observer.post(f"/sessions/{session.pk}/stop/")
    assert stopped.cookies[session_token.COOKIE].value == ""
    assert "Stopped." in text(observer.get(f"/sessions/{session.pk}/"))
    assert "in this browser" not in text(observer.get("/receivers/"))


def test_what_is_wrong_with_the_form_is_said(observer):
    """A name that is taken, none, a scope that is none, a user who is none."""
    start(observer)
    for given, said in (
        ({}, "already a session"),
        ({"name": ""}, "Give the session a name"),
        ({"name": "b", "scope": "command"}, "Choose what to record"),
        ({"name": "b", "scope": "user", "user": "nobody"}, "There is no user"),
    ):
        answer = start(observer, **given)
        assert answer.status_code == 400
        assert said in text(answer)
    assert DebugSession.objects.count() == 1


def test_a_forged_cookie_is_one_line_on_the_page(observer):
    observer.cookies[session_token.COOKIE] = "1.9999999999:forged"
    assert "It is ignored." in text(observer.get("/sessions/"))
    assert observer.get("/receivers/").status_code == 200


def test_a_clients_header_is_shown_while_it_runs(observer):
    session = DebugSession.objects.get(pk=start(observer, "api", scope="client").url.strip("/").rpartition("/")[2])
    token = recorded.token(session)
    assert token in text(observer.get(f"/sessions/{session.pk}/"))
    recorded.stop(session)
    assert token not in text(observer.get(f"/sessions/{session.pk}/"))


def test_two_sessions_side_by_side(observer):
    """Equal names are folded; a name on one side only is said; without any in common that is said."""
    start(observer, "before")
    edit(observer)
    before = DebugSession.objects.get(name="before")
    recorded.stop(before)
    start(observer, "after")
    edit(observer, headline="Admiral")
    after = DebugSession.objects.get(name="after")
    observer.post(f"/sessions/{after.pk}/stop/")
    User.objects.update(first_name="")
    page = text(observer.get(f"/sessions/{after.pk}/?with={before.pk}"))
    assert "POST /accounts/profile/" in page
    told = observer.get(f"/sessions/{after.pk}/?with={before.pk}&format=json").json()
    assert [told[key] for key in ("format", "in_common", "differs")] == ["signal_log.comparison/1", True, True]
    assert (told["before"]["name"], told["after"]["name"]) == ("before", "after")
    (pair,) = told["traces"]
    assert [pair[key] for key in ("name", "before", "after")] == ["POST /accounts/profile/", 1, 1]
    assert "removed" in {line["change"] for line in pair["lines"]}
    told = text(observer.get(f"/sessions/{after.pk}/?with={before.pk}&format=text"))
    assert told.startswith("~ POST /accounts/profile/   × 1 → × 1\n")
    empty = recorded.start("empty", "browser")
    assert "Nothing in common" in text(observer.get(f"/sessions/{empty.pk}/?with={before.pk}"))
    assert observer.get(f"/sessions/{after.pk}/?with=99").status_code == 404
    assert observer.get(f"/sessions/{after.pk}/?trace=nope").status_code == 404


def test_as_json(observer):
    """The list, and a session as the file that the command writes."""
    start(observer)
    edit(observer)
    session = DebugSession.objects.get()
    listed = observer.get("/sessions/?format=json").json()
    assert (listed["format"], listed["sessions"][0]["traces"]) == ("signal_log.sessions/1", 1)
    answer = observer.get(f"/sessions/{session.pk}/?format=json")
    assert "attachment" in answer["Content-Disposition"]
    copy, traces = document.read_document(answer.content, name="copy")
    assert (copy.name, len(traces)) == ("copy", 1)


def test_an_imported_session_is_shown_from_its_file(observer):
    """Its events are not those of this log; hostile text in it is text."""
    start(observer)
    edit(observer)
    content = document.as_document(DebugSession.objects.get())
    copy, traces = document.read_document(content, name=f"copy {HOSTILE}")
    for trace in traces:
        trace.name = trace.name + HOSTILE
        trace.data = trace.data.replace("UPDATE", f"UPDATE {HOSTILE}")
    copy.why_ended = f"\x9b31m{HOSTILE}"
    recorded.save(copy, traces)
    assert "[U+009B]31m&lt;script&gt;" in text(observer.get("/sessions/"))
    for address in ("", f"?trace={traces[0].trace_id}"):
        page = text(observer.get(f"/sessions/{copy.pk}/{address}"))
        assert HOSTILE not in page
        assert "\x9b" not in page
        assert "&lt;script&gt;" in page
        assert f"/traces/{traces[0].trace_id}/" not in page
        assert "format=pytest" not in page
    refused = observer.get(f"/sessions/{copy.pk}/?trace={traces[0].trace_id}&format=pytest")
    assert (refused.status_code, "Accepted: text." in text(refused)) == (400, True)


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_observers_see_or_start_sessions(method):
    """Strangers are sent to the log-in, others refused, and nothing is started, stopped or told."""
    session = recorded.start("secret name", "browser")
    client = Client()
    addresses = ["/sessions/", f"/sessions/{session.pk}/", f"/sessions/{session.pk}/?format=json"]
    addresses = [f"/sessions/{session.pk}/stop/", "/sessions/"] if method == "post" else addresses
    for status in (302, 403):
        for address in addresses:
            answer = getattr(client, method)(address, {"name": "x", "scope": "everything"} if method == "post" else {})
            assert answer.status_code == status
            assert "secret name" not in text(answer)
        client.force_login(User.objects.create_user(f"plain{status}"))
    assert DebugSession.objects.count() == 1
    assert recorded.is_running(session)


def test_starting_needs_a_csrf_token(observer):
    client = Client(enforce_csrf_checks=True)
    client.cookies = observer.cookies
    assert start(client).status_code == 403
    assert not DebugSession.objects.exists()


def test_a_session_that_is_not_there(observer):
    for number in ("99", "nope", "9" * 30):
        assert observer.get(f"/sessions/{number}/").status_code == 404
    assert observer.post("/sessions/99/stop/").status_code == 404
    assert "No sessions yet" in text(observer.get("/sessions/"))


def test_a_users_session_says_whose_it_is(observer):
    """By name, as long as there is such an account; in the list, on its page, as JSON and in the terminal."""
    start(observer, "hers", scope="user", user="grace")
    session = DebugSession.objects.get()
    for address in ("/sessions/", f"/sessions/{session.pk}/"):
        assert re.search(r"one user <span[^>]*>grace</span>", text(observer.get(address)), re.IGNORECASE)
    assert observer.get("/sessions/?format=json").json()["sessions"][0]["target_name"] == "grace"
    for verb in (["list"], ["show", "hers"]):
        out = io.StringIO()
        call_command("signal_session", *verb, stdout=out)
        assert "one user grace · " in out.getvalue()
    session.target = "4711"
    session.save()
    assert "key 4711</span>" in text(observer.get("/sessions/"))


def test_the_exception_of_an_error_page_is_told(observer):
    """By its class and the line that raised it; its message may quote anything that the host has read."""

    def refuse(instance, **kwargs):
        raise ValueError(f"no place for {instance.name}")

    start(observer)
    observer.raise_request_exception = False
    with contextlib.ExitStack() as stack:
        post_save.connect(refuse, sender=Profile)
        stack.callback(post_save.disconnect, refuse, sender=Profile)
        form = {"name": "Grace H.", "email": "g@example.org"}
        assert observer.post("/accounts/profile/", form).status_code == 500
    session = DebugSession.objects.get()
    address = f"/sessions/{session.pk}/?trace={recorded.caught(session).get().trace_id}"
    page = text(observer.get(address))
    assert "ValueError" in page
    kept = json.loads(recorded.caught(session).get().data)["raised"]
    assert kept[0] == "ValueError"
    assert re.search(r"data-place>tests/integration/test_session_pages\.py:\d+ in refuse</span></p>", page)
    assert re.search(r"^  !  ValueError   .*in refuse$", text(observer.get(f"{address}&format=text")), re.MULTILINE)
    copy, traces = document.read_document(document.as_document(session), name="copy")
    recorded.save(copy, traces)
    assert "ValueError" in text(observer.get(f"/sessions/{copy.pk}/?trace={traces[0].trace_id}"))


def test_nobody_stops_what_another_records(observer, client):
    """But a superuser; the page of a session has no button for others."""
    start(observer)
    session = DebugSession.objects.get()
    client.force_login(make_observer("viewer"))
    assert "Stop</button>" in observer.get("/sessions/").text
    assert "Stop</button>" not in client.get("/sessions/").text
    refused = client.post(f"/sessions/{session.pk}/stop/")
    assert (refused.status_code, "Only who started a session stops it" in refused.text) == (403, True)
    assert "Can view signal event" not in refused.text
    assert DebugSession.objects.get().ended_at is None
    client.force_login(User.objects.create_superuser("root"))
    assert client.post(f"/sessions/{session.pk}/stop/").status_code == 302
    assert DebugSession.objects.get().ended_at
