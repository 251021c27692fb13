"""What the commands print: no character of anybody's text reaches a terminal that would obey it."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, find_commands, load_command_class
from django.core.management.base import CommandError, OutputWrapper

import signal_log
from signal_log import checks
from signal_log.capture.signals.connected import Connected
from signal_log.checks import receivers
from signal_log.management.command import SignalCommand
from signal_log.management.output_file import output_file
from signal_log.show.cascade.operation import cascade_of
from signal_log.show.cascade.phrase import phrase
from signal_log.show.words.text import inert_json
from tests.factories import event_value

OBEYED = "\x1b[31mX\x07\x7f\x9b1m\u202e\u2066\r"
COMMANDS = find_commands(str(Path(signal_log.__file__).parent / "management"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Says(SignalCommand):
    requires_system_checks: Any = ()

    def handle(self, *args: Any, **options: Any) -> str:
        self.stdout.write(f"name {OBEYED}\nnext line")
        self.stdout.write("\x1b[2Kprogress", style_func=str, ending="")
        self.stderr.write(f"error {OBEYED}")
        return f"result {OBEYED}"


def said(text: str) -> str:
    return text.replace("\x1b[2Kprogress", "")


def test_a_command_ends_as_ever_where_nobody_can_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``>&-`` Python has no such stream; a traceback's status would be that of a log that was tampered with."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert "result" in call_command(Says())


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_line_of_a_command_has_what_a_terminal_obeys(stream):
    """Wherever it comes from; line breaks and what brings its own style stay."""
    out, err = stream(), stream()
    Says().execute(stdout=out, stderr=err, force_color=False, no_color=True, skip_checks=True)
    assert not set(said(out.getvalue())) & set(OBEYED) - set("[31mX")
    assert "name [U+001B][31mX[U+0007][U+007F][U+009B]1m[U+202E][U+2066][U+000D]\nnext line\n" in out.getvalue()
    assert "result [U+001B]" in out.getvalue()
    assert "\x1b[2Kprogress" in out.getvalue()
    assert "error [U+001B][31m" in err.getvalue()
    assert "\x1b" not in err.getvalue()


def test_a_refusal_is_shown_as_well(capsys, monkeypatch):
    """Django prints it itself, with the name that was given."""
    monkeypatch.setattr(Says, "handle", lambda *_, **__: (_ for _ in ()).throw(CommandError(f"no session {OBEYED}")))
    with pytest.raises(SystemExit):
        Says().run_from_argv(["manage.py", "says"])
    assert capsys.readouterr().err.startswith("CommandError: no session [U+001B][31mX[U+0007]")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_in_this_way(command):
    made = load_command_class("signal_log", command)
    assert isinstance(made, SignalCommand)
    assert type(made.stdout) is type(made.stderr) is not OutputWrapper


def test_json_stays_equal_and_has_nothing_that_is_obeyed():
    for text in (OBEYED, "plain", "é ü 漢字 😀", "\u2028\ufeff"):
        given = json.dumps({"a": text}, ensure_ascii=False)
        assert json.loads(inert_json(given)) == {"a": text}
        assert not set(inert_json(given)) & set("\x7f\x9b\u202e\u2066\u2028\ufeff")
    assert inert_json('{"a": "é"}') == '{"a": "é"}'


def test_a_pipe_that_is_closed_is_no_error(monkeypatch):
    """``signal_session list | head -1`` ends quietly, when it prints or when Python flushes at exit."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as out:
        monkeypatch.setattr("sys.stdout", out)
        command = Says()
        assert command.execute(stdout=out, stderr=out, force_color=False, no_color=True, skip_checks=True) is None
        print("more", file=out)
        out.flush()  # goes nowhere


def test_a_silent_write_of_a_file_is_one_line():
    """Whatever it calls its signal."""
    (operation,) = cascade_of([event_value(signal=f"silent_{OBEYED}\n")]).operations
    assert not set(phrase(operation)) & set("\x1b\x07\x7f\x9b\u202e\r\n")


def test_a_check_tells_no_file_name_that_is_obeyed(monkeypatch):
    """Code that was made under a name of its own; Django prints checks itself."""
    one = Connected(
        model="shop.Item", signal="post_save", order=1, receiver=f"shop.f{OBEYED}", function=lambda **_: None, app="",
        file=f"{OBEYED}\n.py", line=1, is_async=False, is_weak=True, for_every_sender=False, dispatch_uid="",
    )  # fmt: skip
    monkeypatch.setattr(receivers, "connected", lambda: [one, one])
    monkeypatch.setattr(receivers, "problems", list)
    (message,) = checks._of_this_app(receivers.check_connected)()
    assert message.id == "signal_log.W015"
    assert not set(message.msg) & set("\x1b\x07\x7f\x9b\u202e\r\n")


def test_a_file_is_its_owners_alone_and_complete_or_not_there(tmp_path):
    """Whoever has put something else into its place before, and whoever reads the file that it replaces."""
    path, other = tmp_path / "session.json", tmp_path / "other"
    path.write_text("precious")
    path.chmod(0o644)
    other.write_text("somebody's")
    (tmp_path / "session.json.part").symlink_to(other)
    with pytest.raises(TypeError), output_file(path) as out:
        out.write(b"half" + "not bytes")
    assert (path.read_text(), other.read_text()) == ("precious", "somebody's")
    with output_file(path) as out:
        out.write(b"whole")
        out.flush()
        assert path.read_text() == "precious"
        assert stat.S_IMODE((tmp_path / "session.json.part").stat().st_mode) == 0o600
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"whole", 0o600)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "session.json"]
