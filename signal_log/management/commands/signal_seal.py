"""``manage.py signal_seal``: seal what has been recorded, now or from time to time; its keys, and new generations."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connections, transaction

from signal_log import clock
from signal_log.amounts import counted
from signal_log.audit.forgetful_witness import tell_of_forgotten
from signal_log.audit.new_generation import go_on
from signal_log.audit.own_events import SEALED, tell
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import ending
from signal_log.management.key_verbs import add_verbs, begin_here, content_of, signer_here
from signal_log.models import SealTree
from signal_log.seal import beside_file
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.keys.remembered import remember, remember_followed
from signal_log.seal.keys.signing import key_that_signs, vkey_of
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.note import ED25519, Note, VerifierKey
from signal_log.seal.origin import origin_of
from signal_log.seal.publish import publish
from signal_log.seal.sealer import Round, Sealer, first_tree
from signal_log.seal.state import seal_state
from signal_log.seal.stored import current_tree
from signal_log.seal.witness.client import cosigned_by
from signal_log.store.own_connection import dedicated_connection

STOPPED: Final = 1
KEY: Final = "signal_seal.key"
TRIES: Final = 5
"""How often a round is begun again that another sealer was quicker in."""
ELSEWHERE: Final = "Another sealer is at work, in a server or as `signal_seal --watch`; nothing was done here."

REDACT_AGAIN: Final = (
    "If a backup was restored, whoever was erased since it was made is in the log again, and what erased them is not: "
    "repeat each `signal_redact` by your own record of such requests."
)


class Command(SignalCommand):
    """``signal_seal``."""

    help = (
        "Seal what has been recorded: let the tree grow, and sign it. Without a verb once, now. Exit status: 0 done, "
        "1 sealing is stopped, or nothing is signed although a key is named, 2 not possible."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb, or none."""
        parser.add_argument("--watch", action="store_true", help="seal every SEAL_EVERY seconds until it is ended")
        parser.add_argument(
            "--publish", type=Path, metavar="DIR", help="then bring DIR up to date, which any tlog-tiles reader takes"
        )
        verbs = parser.add_subparsers(dest="verb", metavar="VERB")
        init = verbs.add_parser("init", help="make the key that signs, in a new file")
        rotate = verbs.add_parser("rotate", help="make a key that signs from now on; the old ones stay for verifying")
        for verb in (init, rotate):
            verb.add_argument("--key", type=Path, metavar="FILE", help=f"the file to make; default: {KEY} here")
        verbs.add_parser("vkey", help="print what verifies this log's checkpoints")
        generation = verbs.add_parser("new-generation", help="go on after the log was rewound")
        generation.add_argument("--reason", required=True, metavar="TEXT", help="why, for the log")
        generation.add_argument(
            "--checkpoint", type=Path, metavar="FILE", help="the last checkpoint that somebody has kept"
        )
        add_verbs(verbs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        verbs: dict[str | None, Callable[[dict[str, Any]], None]] = {
            None: self._watch if options["watch"] else self._once, "init": self._init, "rotate": self._rotate,
            "vkey": self._vkey, "new-generation": self._new_generation,
            "begin": partial(begin_here, self.stdout), "signer": partial(signer_here, self.stdout),
        }  # fmt: skip
        with ending(ProofError):
            verbs[options["verb"]](options)

    def _once(self, options: dict[str, Any]) -> None:
        sealer = Sealer()
        try:
            done = sealer.round()
            for _ in range(TRIES):
                if done.outcome == "overtaken":
                    done = sealer.round()
        finally:
            sealer.close()
        if done.outcome == "stopped":
            raise CommandError(f"Sealing has stopped. {done.problem}", returncode=STOPPED)
        if done.outcome == "elsewhere":
            self.stdout.write(ELSEWHERE)
            return
        tell_of_forgotten()
        self.stdout.write(_report(done))
        for problem in seal_state().problems:
            if problem != done.problem:
                self.stderr.write(problem)
        if options["publish"] and done.tree is not None:
            written = _publish(done.tree, options["publish"])
            self.stdout.write(f"{options['publish']} is up to date; {counted(written, 'file')} written.")
        if done.problem:
            raise CommandError(f"The tree grows unsigned. {done.problem}", returncode=STOPPED)

    def _watch(self, options: dict[str, Any]) -> None:
        """Seal for ever; a database that does not answer is waited for."""
        over = Event()
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        dedicated_connection(conf.DATABASE, "signal_log sealer")
        sealer, said = Sealer(over.is_set, beside=True), ""
        try:
            while True:
                try:
                    done = sealer.round()
                    tell_of_forgotten()
                    says = ELSEWHERE if done.outcome == "elsewhere" else done.problem
                    if options["publish"] and done.checkpoint is not None and done.tree is not None:
                        says = _published(done.tree, options["publish"]) or says
                    if done.grown:
                        self.stdout.write(f"{clock.now():%H:%M:%S} {_report(done)}")
                        self.stdout.flush()
                except (DatabaseError, InterfaceError) as error:
                    connections[conf.DATABASE].close()
                    says = f"The database does not answer: {str(error).strip()}"
                if says and says != said:
                    self.stderr.write(says)
                said = says
                over.wait(conf.SEAL_EVERY)
        except KeyboardInterrupt:
            return
        finally:
            sealer.close()
            connections[conf.DATABASE].close()
            beside_file.give_back()

    def _init(self, options: dict[str, Any]) -> None:
        named = Path(conf.SEAL_KEYS[0]) if conf.SEAL_KEYS else None
        path = options["key"] or named or Path(KEY)
        if named is not None and (named.exists() or named.resolve() != path.resolve()):
            raise ProofError("SEAL_KEYS names a key already; `signal_seal rotate` makes one to follow it.")
        self._made(path, self._make(path, action="init"), [])

    def _rotate(self, options: dict[str, Any]) -> None:
        if not conf.SEAL_KEYS:
            raise ProofError("SEAL_KEYS names no key that another could follow; `signal_seal init` makes the first.")
        origin = _origin()
        old = str(vkey_of(conf.SEAL_KEYS[0], origin))
        path = options["key"] or Path(KEY)
        vkey = self._make(path, action="rotate", followed=old)
        if (last := key_that_signs(conf.SEAL_KEYS[0]).last(origin)) is not None:
            remember(path, last.note)
            if (follows := key_that_signs(conf.SEAL_KEYS[0]).followed(origin)) is not None:
                remember_followed(path, follows)
        self._made(path, vkey, list(conf.SEAL_KEYS))
        self.stdout.write("Tell every witness and auditor the new verifier key; the old checkpoints need the old one.")

    def _make(self, path: Path, **labels: str) -> VerifierKey:
        """Make a key's file, and an event of it."""
        with transaction.atomic(using=conf.DATABASE):
            tree = current_tree() or first_tree()  # so that the name that is printed is the one that is signed
            signer = new_signer(tree.origin, ED25519)
            tell(SEALED, verifier=str(signer.vkey()), **labels)
            write_key(path, signer)
            if tree.generation > 1:  # nothing else lets it sign that
                first = Checkpoint(tree.origin, 1, leaf_hash(bytes(tree.previous or b"")))
                remember(path, Note(first.text, (signer.sign(first.text),)))
        return signer.vkey()

    def _made(self, path: Path, vkey: VerifierKey, old: list[str]) -> None:
        keys = ", ".join(f'"{one}"' for one in (path.resolve(), *old))
        self.stdout.write(
            f"The key is in {path.resolve()}. Only its owner may read it; keep a copy where nobody else finds it.\n"
            f"What verifies it, for auditors and witnesses:\n    {vkey}\n"
            f'In the settings, after which the server has to be restarted:\n    SIGNAL_LOG["SEAL_KEYS"] = [{keys}]'
        )

    def _vkey(self, options: dict[str, Any]) -> None:
        if not conf.SEAL_KEYS:
            raise ProofError("SEAL_KEYS names no key; `signal_seal init` makes one.")
        for entry in conf.SEAL_KEYS:
            self.stdout.write(str(vkey_of(entry, _origin())))

    def _new_generation(self, options: dict[str, Any]) -> None:
        went_on = go_on(options["reason"], content_of(options["checkpoint"]))
        for problem in went_on.unasked:
            self.stderr.write(problem)
        self.stdout.write(went_on.sentence)
        self.stdout.write(REDACT_AGAIN)


def _report(done: Round) -> str:
    """What a round came to, in a sentence or two."""
    size = done.tree.size if done.tree else 0
    sealed = f"{counted(done.grown, 'event')} sealed, {size:,} in all."
    if done.checkpoint is None or done.checkpoint.size != size:
        return sealed
    witnesses = len(cosigned_by(done.checkpoint))
    by = f", countersigned by {witnesses} of {len(conf.WITNESSES)} witnesses" if conf.WITNESSES else ""
    return f"{sealed} Checkpoint {done.checkpoint.number:,} is signed{by}."


def _publish(tree: SealTree, directory: Path) -> int:
    """Bring a directory up to date; a problem of it is a ``ProofError``, too."""
    try:
        return publish(tree, directory)
    except OSError as error:
        raise ProofError(f"{error.filename or directory} cannot be written: {error.strerror}.") from None


def _published(tree: SealTree, directory: Path) -> str:
    """Why it could not be published, in a sentence, or nothing."""
    try:
        _publish(tree, directory)
    except ProofError as problem:
        return str(problem)
    return ""


def _origin() -> str:
    tree = current_tree()
    return tree.origin if tree else origin_of(1)
