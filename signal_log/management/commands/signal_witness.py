"""``manage.py signal_witness``: countersign the checkpoints of other installations, as a witness of their logs."""

from __future__ import annotations

import logging
import signal
import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, Final

from django.db import connections, transaction

from signal_log.amounts import counted
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import ending
from signal_log.models import WitnessedLog
from signal_log.seal.keys.key import Signer, new_signer, read_key, write_key
from signal_log.seal.note import COSIGNATURE
from signal_log.seal.witness.countersigning import countersign, distrust, keys_of, shown, trust
from signal_log.seal.witness.protocol import checkpoint_path
from signal_log.seal.witness.server import WitnessServer

KEY: Final = "signal_witness.key"
LISTEN: Final = "127.0.0.1:8765"


class Command(SignalCommand):
    """``signal_witness``."""

    help = (
        "Countersign the checkpoints of other installations' logs, each only if it follows from the one before. "
        "Exit status: 0 done, 2 not possible."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb each."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        init = verbs.add_parser("init", help="make this witness's key, and print what verifies its signatures")
        init.add_argument(
            "name", metavar="NAME", help="of this witness: an address without https://, e.g. a.example/w1"
        )
        serve = verbs.add_parser("serve", help="countersign over HTTP until it is ended")
        serve.add_argument("--listen", default=LISTEN, metavar="HOST:PORT", help=f"default: {LISTEN}")
        for verb in (init, serve):
            verb.add_argument(
                "--trust", action="append", default=[], metavar="VKEY", help="as `trust VKEY`; repeatable"
            )
        verbs.add_parser("list", help="this witness's key, the logs that it trusts, and what it last signed of each")
        for name, what in (("trust", "countersign the log with this key"), ("distrust", "sign nothing more for a key")):
            verb = verbs.add_parser(name, help=what)
            verb.add_argument(
                "vkey", metavar="VKEY", help="the log's verifier key, as `signal_seal init` prints it there"
            )
            verb.add_argument("--origin", default="", help="the log's origin, if it is not the key's name")
        for verb in (init, serve, verbs.choices["list"]):
            verb.add_argument(
                "--key", type=Path, default=Path(KEY), metavar="FILE", help=f"default: {KEY} in this folder"
            )
        for name in ("trust", "distrust"):
            verbs.choices[name].add_argument(
                "--key", type=Path, metavar="FILE", help="this witness's, which is not needed here, only looked at"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        verb = {
            "init": self._init, "serve": self._serve, "list": self._list, "trust": self._trust,
            "distrust": self._distrust,
        }[options["verb"]]  # fmt: skip
        with ending(ProofError):
            verb(options)

    def _init(self, options: dict[str, Any]) -> None:
        signer = new_signer(options["name"], COSIGNATURE)
        with transaction.atomic(using=conf.DATABASE):
            self._trust_all(options)
            write_key(options["key"], signer)
        self.stdout.write(str(signer.vkey()))
        self.stderr.write(
            f"The key is in {options['key']}. The line above is for the other installation, with the address at which "
            f'`signal_witness serve` will answer:\nSIGNAL_LOG["WITNESSES"] = [{{"url": "https://…", '
            f'"vkey": "{signer.vkey()}"}}]'
        )
        if not options["trust"]:
            self.stderr.write(
                "It countersigns no log yet: `signal_witness trust VKEY`, with what `signal_seal init` printed there."
            )

    def _trust(self, options: dict[str, Any]) -> None:
        if options["key"]:
            _witness(options["key"])
        row = trust(options["vkey"], options["origin"])
        self.stdout.write(f"Countersigns {row.origin} from now on; a witness that runs takes note at once.")

    def _distrust(self, options: dict[str, Any]) -> None:
        if options["key"]:
            _witness(options["key"])
        row = distrust(options["vkey"], options["origin"])
        left = len(keys_of(row))
        self.stdout.write(f"Signs nothing more for this key of {row.origin}; {left} of its keys are still trusted.")

    def _list(self, options: dict[str, Any]) -> None:
        try:
            self.stdout.write(f"{_witness(options['key']).vkey()}   this witness")
        except ProofError as error:
            self.stderr.write(str(error))
        rows = list(WitnessedLog.objects.all())
        if not rows:
            self.stderr.write(f"As a witness {_logs(0)}")
        for row in rows:
            when = f", signed {row.cosigned_at:%Y-%m-%d %H:%M:%S} UTC" if row.cosigned_at else ", nothing signed yet"
            self.stdout.write(f"{row.origin}   {counted(row.size, 'event')}{when}   /{checkpoint_path(row.origin)}")
            for key in keys_of(row):
                self.stdout.write(f"    {key}")

    def _serve(self, options: dict[str, Any]) -> None:
        signer = _witness(options["key"])
        self._trust_all(options)
        number = WitnessedLog.objects.exclude(keys="").count()
        with self._server(options["listen"], signer) as server:
            self.stdout.write(f"{signer.vkey()}\nThe witness {signer.name} answers on {server.url}; {_logs(number)}.")
            self.stdout.flush()
            connections.close_all()
            if current_thread() is main_thread():
                signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            logging.getLogger("signal_log").info("%s answers on %s", signer.name, server.url)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return

    def _server(self, listen: str, signer: Signer) -> WitnessServer:
        host, colon, port = listen.rpartition(":")
        if not (colon and port.isascii() and port.isdigit() and int(port) < 65_536):
            raise ProofError(f"{listen[:60]!r} is no HOST:PORT to listen on.")
        try:
            return WitnessServer(
                host.strip("[]"), int(port), partial(countersign, signer=signer), shown, connections.close_all
            )
        except OSError as error:
            raise ProofError(f"{listen[:60]} cannot be listened on: {error.strerror}.") from None

    def _trust_all(self, options: dict[str, Any]) -> None:
        with transaction.atomic(using=conf.DATABASE):
            for vkey in options["trust"]:
                trust(vkey)


def _witness(path: Path) -> Signer:
    """The key in a file, which must be a witness's."""
    if not path.exists():
        raise ProofError(f"There is no key's file {path}: `signal_witness init NAME` makes it, --key names another.")
    signer = read_key(path)
    if signer.kind != COSIGNATURE:
        raise ProofError(f"The key in {path} is a log's; `signal_witness init` makes a witness's.")
    return signer


def _logs(number: int) -> str:
    if not number:
        return "it trusts no log yet: signal_witness trust VKEY"
    return f"it trusts {number} {'log' if number == 1 else 'logs'}"
