"""Recorded sessions as files, side by side, and by command."""

from __future__ import annotations

import hashlib
import io
import stat
import sys

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import post_save
from django.test import Client

from signal_log.errors import SessionError
from signal_log.models import DebugSession, SessionTrace, SignalEvent
from signal_log.show.sessions import caught, compared, document, overview
from signal_log.telemetry import recorded
from tests.integration.test_sessions import browser_of
from tests.shop.models import Category, Item

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.telemetry_views"),
    pytest.mark.usefixtures("_nothing_waits", "_restocking", "_nothing_runs"),
    pytest.mark.one_database,
]


def stock(sender, instance, **kwargs):
    """What an upgrade has added."""
    Item.objects.create(name=f"first of {instance.name}", category=instance)


@pytest.fixture
def before() -> DebugSession:
    """A session of three requests, one of which fails."""
    session = recorded.start("before", "browser")
    client: Client = browser_of(session)
    client.get("/save/toys/")
    with pytest.raises(Exception, match="broken"):
        client.get("/save/broken/")
    recorded.stop(session)
    return session


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("signal_session", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def again(name: str) -> DebugSession:
    """The same first request on other rows."""
    session = recorded.start(name, "browser")
    Category.objects.all().delete()
    browser_of(session).get("/save/toys/")
    return session


def spoiled(content: bytes, **changes: object) -> bytes:
    """The file with other content and the right sum."""
    held = orjson.loads(content) | changes
    whole = {"session": held["session"], "traces": held["traces"]}
    held["sha256"] = hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return orjson.dumps(held)


def test_a_session_is_told_as_a_whole(before):
    """Traces by name, receivers' statements by time, each with the number of runs."""
    (named, failed) = overview.by_name(caught.choose(before).traces)
    assert (named.name, named.operations, named.failed, named.statuses) == ("GET /save/toys/", 1, 0, "201")
    assert failed.name == "GET /save/broken/"
    told = run("show", "before")
    assert "GET /save/toys/" in told
    assert "restock" in told
    assert 'FROM "shop_category"' in told
    assert "toys'" not in told


def test_a_file_is_opened_as_it_was_written(before, tmp_path):
    """On a machine whose log has none of it: same traces, same operations, same statements, same stacks."""
    path = tmp_path / "before.json"
    run("export", "before", "--output", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert orjson.loads(run("export", "before")) == orjson.loads(path.read_bytes())
    ours = caught.choose(before).traces
    run("import", str(path), "--name", "after")
    copy = recorded.find("after")
    theirs = caught.choose(copy).traces
    assert [one.row.name for one in theirs] == [one.row.name for one in ours]
    assert [list(one.statements) for one in theirs] == [list(one.statements) for one in ours]
    assert [one.stack_of(1) for one in theirs] == [one.stack_of(1) for one in ours]
    assert [len(one.found) for one in theirs] == [len(one.found) for one in ours] != []
    found = compared.pairs(caught.choose(before), caught.choose(copy))
    assert not any(pair.differs for pair in found)
    assert not SignalEvent.objects.filter(sender="signal_log.SessionTrace").exists()
    assert "imported" in run("list")
    (exported,) = {document.as_document(copy)}
    assert orjson.loads(exported)["traces"] == orjson.loads(path.read_bytes())["traces"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content[:-20], "not JSON"),
        (lambda content: content.replace(b"toys", b"boys"), "SHA-256"),
        (lambda content: content.replace(b"session/1", b"session/7"), "another version (signal_log.session/7)"),
        (lambda _: b"[1, 2]", "not a recorded session"),
        (lambda content: spoiled(content, traces=[{"name": "x"}]), "in trace 1, source is not there"),
        (lambda content: spoiled(content, session={"name": "x"}), "of the session, scope is not there"),
        (lambda content: spoiled(content, traces=7), "lacks"),
        (lambda content: content, "already"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(before, tmp_path, spoil, said):
    """Exit status 2, and nothing is written."""
    path = tmp_path / "session.json"
    path.write_bytes(spoil(document.as_document(before)))
    with pytest.raises(CommandError) as refused:
        run("import", str(path))
    assert said in str(refused.value)
    assert refused.value.returncode == 2
    assert (DebugSession.objects.count(), SessionTrace.objects.count()) == (1, 2)


def test_a_session_that_the_database_refuses_is_not_said_to_have_a_name_that_is_taken(before):
    """Its name is free: a trace is in it twice."""
    one = recorded.caught(before)[0]
    rows = [SessionTrace(**{f.attname: getattr(one, f.attname) for f in one._meta.concrete_fields if not f.primary_key})
            for _ in range(2)]  # fmt: skip
    copy = DebugSession(name="copy", scope="browser", started_at=one.started_at, stops_at=one.started_at,
                        expires_at=before.expires_at)  # fmt: skip
    with pytest.raises(SessionError, match=r"cannot be stored: .*(?i:unique)"):
        recorded.save(copy, rows)
    assert DebugSession.objects.count() == 1


def test_what_an_upgrade_has_changed_is_told(before):
    """Traces are paired by name; what is on one side only is said, and what is equal is counted."""
    post_save.connect(stock, sender=Category, weak=False)
    try:
        again("after")
    finally:
        post_save.disconnect(stock, sender=Category)
    told = run("compare", "before", "after")
    assert "~ GET /save/toys/" in told
    assert "+   tests.integration.test_session_files.stock" in told
    assert "created shop.Item" in told
    assert "- GET /save/broken/" in told


def test_nothing_in_common_is_said(before):
    recorded.start("empty", "browser")
    assert "nothing to compare" in run("compare", "before", "empty")


def test_a_command_is_run_and_recorded(capfd):
    """Its exit status is the command's, and it ends the session."""
    with pytest.raises(SystemExit) as ended:
        run(
            "run",
            "import",
            "--",
            sys.executable,
            "-c",
            "import os, sys; print(len(os.environ['SIGNAL_SESSION'])); sys.exit(7)",
        )
    assert ended.value.code == 7
    assert int(capfd.readouterr().out) > 20
    session = recorded.find("import")
    assert (session.scope, session.why_ended) == ("command", "The command ended with 7.")
    with pytest.raises(CommandError, match="could not be started"):
        run("run", "no", "--", "no-such-program")
    with pytest.raises(CommandError, match="Say what to run"):
        run("run", "nothing")


def test_what_a_file_says_is_not_obeyed_by_a_terminal(before):
    """Neither why it ended nor a name in it, wherever a command tells them."""
    content = orjson.loads(document.as_document(before))
    (trace, _), session = content["traces"], content["session"] | {"why_ended": "\x1b[31mX\x9b\n"}
    trace["name"] = trace["log"][0]["sender"] = "GET /\x1b]0;x\x07"
    trace["log"][0]["signal"] = "silent_\x1b[31mX"
    trace["deeper"]["texts"][0] = "SELECT \x9b31m"
    copy, traces = document.read_document(spoiled(orjson.dumps(content), session=session, traces=[trace]), name="copy")
    recorded.save(copy, traces)
    told = run("show", "copy") + run("compare", "before", "copy") + run("export", "copy")
    with pytest.raises(CommandError) as refused:
        run("stop", "copy")
    assert "[U+001B][31mX[U+009B]⏎" in str(refused.value)
    assert not set(told + str(refused.value)) & set("\x1b\x9b\x07")


def test_sessions_by_command():
    """Start, list, stop; a name that is taken or unknown is said with exit status 2."""
    assert "X-Signal-Session: " in run("start", "api")
    assert "up to a second late" in run("start", "all", "--everything")
    assert "api   an API client · recording · 0 traces" in run("list")
    refusals = {("start", "api"): "already", ("stop", "nope"): "There are: ", ("start", "u", "--user", "x"): "no user"}
    for arguments, said in refusals.items():
        with pytest.raises(CommandError, match=said) as refused:
            run(*arguments)
        assert refused.value.returncode == 2
    assert "Stopped “all”: 0 traces." in run("stop", "all")
    with pytest.raises(CommandError, match="ended before"):
        run("stop", "all")
