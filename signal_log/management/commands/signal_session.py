"""``manage.py signal_session``: record what a browser, a client, a user, a command or everything does, under a name."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import REMAINDER, ArgumentParser
from pathlib import Path
from typing import Any

from signal_log.capture.trace.session_token import ENVIRONMENT
from signal_log.errors import SessionError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import ending
from signal_log.management.output_file import output_file, why_not_written
from signal_log.models import DebugSession
from signal_log.show.sessions import compared, document, overview, parts
from signal_log.show.sessions.caught import choose
from signal_log.show.words.text import inert_json, one_line
from signal_log.telemetry import recorded

Scope = DebugSession.Scope


class Command(SignalCommand):
    """``signal_session``."""

    help = (
        "Record, share and compare debugging sessions. Exit status: 0 done (run: that of the command), 2 not possible."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb each."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        start = verbs.add_parser("start", help="start one; the page /sessions/ starts one for a browser")
        start.add_argument("name")
        whose = start.add_mutually_exclusive_group()
        whose.add_argument("--user", metavar="NAME", help="what this user does")
        whose.add_argument("--everything", action="store_true", help="what everybody does; ends after 15 minutes")
        whose.add_argument("--client", action="store_true", help="requests with the header X-Signal-Session (default)")
        stop = verbs.add_parser("stop", help="stop one")
        stop.add_argument("name")
        verbs.add_parser("list", help="those that have not expired")
        show = verbs.add_parser("show", help="what one has caught")
        show.add_argument("name")
        export = verbs.add_parser("export", help="write one to a file")
        export.add_argument("name")
        export.add_argument("--output", metavar="FILE", help="instead of standard output")
        read = verbs.add_parser("import", help="read one from a file")
        read.add_argument("file")
        read.add_argument("--name", default="", help="instead of the name in the file")
        compare = verbs.add_parser("compare", help="what differs between two")
        compare.add_argument("before")
        compare.add_argument("after")
        run = verbs.add_parser("run", help="run a command and record it: run NAME -- COMMAND ARGUMENTS")
        run.add_argument("name")
        run.add_argument("command_line", nargs=REMAINDER, metavar="-- COMMAND")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        verb = {
            "start": self._start, "stop": self._stop, "list": self._list, "show": self._show, "export": self._export,
            "import": self._import, "compare": self._compare, "run": self._run,
        }[options["verb"]]  # fmt: skip
        with ending(SessionError):
            verb(options)

    def _start(self, options: dict[str, Any]) -> None:
        scope = Scope.USER if options["user"] else Scope.EVERYTHING if options["everything"] else Scope.CLIENT
        session = recorded.start(options["name"], scope, target=options["user"] or "")
        self.stdout.write(f"Recording “{session.name}” (session {session.pk}) until {session.stops_at:%H:%M} UTC.")
        if scope == Scope.CLIENT:
            self.stdout.write(f"Send with each request:\nX-Signal-Session: {recorded.token(session)}")
        else:
            self.stdout.write("Running servers begin up to a second late, each at the end of its next trace.")

    def _stop(self, options: dict[str, Any]) -> None:
        session = recorded.find(options["name"])
        if not recorded.stop(session):
            raise SessionError(f"“{session.name}” has ended before: {one_line(recorded.why_ended(session), 200)}")
        self.stdout.write(f"Stopped “{session.name}”: {_held(session)}.")

    def _list(self, options: dict[str, Any]) -> None:
        found = list(recorded.all_sessions())
        names = recorded.targets(found)
        for session in found:
            state = "recording" if recorded.is_running(session) else "ended"
            origin = " · imported" if session.imported_from else ""
            told = f"{_scope(session, names[session.pk])} · {state} · {_held(session)}{origin}"
            self.stdout.write(f"{session.pk:>4}  {session.name}   {told}")
        if not found:
            self.stdout.write("No sessions. Start one: signal_session start NAME")

    def _show(self, options: dict[str, Any]) -> None:
        session = recorded.find(options["name"])
        state = one_line(recorded.why_ended(session), 200) or f"Recording until {session.stops_at:%H:%M} UTC."
        scope = _scope(session, recorded.targets([session])[session.pk])
        self.stdout.write(f"{session.name}   {scope} · {_held(session)} · {state}\n")
        for line in overview.lines(choose(session)):
            self.stdout.write(line)
        if not session.traces:
            self.stdout.write("Nothing has fired a signal in it yet.")

    def _export(self, options: dict[str, Any]) -> None:
        written = document.written(recorded.find(options["name"]))
        if not options["output"]:
            self.stdout.write(inert_json(written.content.decode()))
        else:
            path = Path(options["output"])
            try:
                with output_file(path) as out:
                    out.write(written.content)
            except OSError as error:
                raise SessionError(f"The file cannot be written: {why_not_written(path, error)}") from error
            size = f"{len(written.content):,} bytes written."
            self.stderr.write(f"{size} It may hold personal data; masked values stay masked.")
        if written.cut:
            traces = f"{written.cut:,} trace{' has' if written.cut == 1 else 's have'}"
            self.stderr.write(f"{traces} more events than fit, and only the first of them in the file.")

    def _import(self, options: dict[str, Any]) -> None:
        try:
            content = parts.read(Path(options["file"]))
        except OSError as error:
            raise SessionError(f"The file cannot be read: {error}.") from error
        session, traces = document.read_document(content, name=options["name"])
        session.traces, session.bytes = len(traces), sum(trace.bytes for trace in traces)
        recorded.save(session, traces)
        self.stdout.write(f"Imported “{session.name}” (session {session.pk}): {_held(session)}.")

    def _compare(self, options: dict[str, Any]) -> None:
        before, after = recorded.find(options["before"]), recorded.find(options["after"])
        found = compared.pairs(choose(before), choose(after))
        for line in compared.lines(found, before.name, after.name):
            self.stdout.write(line)

    def _run(self, options: dict[str, Any]) -> None:
        line = options["command_line"]
        line = line[1:] if line[:1] == ["--"] else line
        if not line:
            raise SessionError("Say what to run: signal_session run NAME -- COMMAND ARGUMENTS")
        session = recorded.start(options["name"], Scope.COMMAND, target=one_line(" ".join(line), 255))
        try:
            ended = subprocess.run(line, env={**os.environ, ENVIRONMENT: recorded.token(session)}, check=False)  # noqa: S603
            code = ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
        except OSError as error:
            recorded.stop(session, "The command could not be started.")
            raise SessionError(f"The command could not be started: {error}.") from error
        except KeyboardInterrupt:
            code = 130
        recorded.stop(session, f"The command ended with {code}.")
        self.stderr.write(f"Recorded “{session.name}”: {_held(session)}. signal_session show {session.pk}")
        if code:
            sys.exit(code)


def _scope(session: DebugSession, target: str) -> str:
    return f"{session.get_scope_display()} {one_line(target, 60)}".rstrip()


def _held(session: DebugSession) -> str:
    number = session.traces
    return f"{number:,} trace{'' if number == 1 else 's'}"
