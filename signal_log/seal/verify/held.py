"""Checkpoints that others hold: witnesses, the key's own memory, a file that somebody kept. The database has no say."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.db.models import Max

from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SealWitness
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.http_call import SECONDS, call
from signal_log.seal.keys.remembered import generation_of, log_of
from signal_log.seal.keys.signing import signing_key
from signal_log.seal.note import MOST_BYTES, VerifierKey, read_note, signed_by
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.checkpoints import Countersigned
from signal_log.seal.verify.findings import CHECKPOINT, FORK, REWOUND, Report
from signal_log.seal.verify.roots import Stated, rows_at
from signal_log.seal.witness.call import Witness, newest_from
from signal_log.seal.witness.protocol import checkpoint_path

NOT_FOUND: Final = 404
CLOCKS_DIFFER: Final = 60
"""Seconds by which a witness's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint of this log that is kept elsewhere."""

    who: str
    """For the beginning of a sentence: "The witness W"."""
    checkpoint: Checkpoint
    time: int = 0
    """When a witness countersigned it."""
    is_given: bool = False
    """Whether this run was asked about it: then it counts against the log, also if a rewind was acknowledged."""
    is_witness: bool = False
    """Whether a witness has it, which got it when it was in the table."""
    is_key: bool = False
    """Whether the key itself remembers it, which signs only what is in the table."""

    def when(self) -> str:
        """The same in words."""
        return f" at {datetime.fromtimestamp(self.time, UTC):%Y-%m-%d %H:%M:%S} UTC" if self.time else ""


def from_witnesses(
    origin: str, witnesses: Sequence[Witness], keys: list[VerifierKey], report: Report, expected: Container[str] = ()
) -> list[Held]:
    """Ask each witness for the newest checkpoint that it has countersigned.

    Those whose addresses are ``expected`` must have countersigned something.
    """
    found = []
    for one in witnesses:
        try:
            newest = newest_from(one.url, one.key, origin, keys)
        except ProofError as error:
            report.unchecked.append(f"The witness {one.name}: {error}")
            continue
        if newest is None:
            _tell_nothing(f"The witness {one.name}", origin, report, is_expected=one.url in expected)
            continue
        found.append(Held(f"The witness {one.name}", newest.checkpoint, newest.time, is_witness=True))
    return found


def from_address(
    origin: str, url: str, keys: list[VerifierKey], report: Report, expected: Container[str] = ()
) -> list[Held]:
    """Ask a witness whose key nobody has named: what it shows counts if the log itself has signed it."""
    try:
        answer = call("GET", f"{url.rstrip('/')}/{checkpoint_path(origin)}", seconds=SECONDS)
        if answer.status == NOT_FOUND:
            _tell_nothing(f"The witness at {url}", origin, report, is_expected=url.rstrip("/") in expected)
            return []
        return [Held(f"The witness at {url}", _read(answer.body, origin, keys), is_witness=True)]
    except ProofError as error:
        report.unchecked.append(f"The witness at {url}: {error}")
        return []


def _tell_nothing(who: str, origin: str, report: Report, *, is_expected: bool) -> None:
    if not is_expected:
        report.notes.append(f"{who} has countersigned nothing of {origin}.")
        return
    number = generation_of(origin)
    what = f"generation {number} of this log" if number > 1 else "this log"
    report.unchecked.append(
        f"{who} knows nothing of {what}: it has countersigned nothing of {origin}. If that is this log, have its "
        "operator trust the log's key, and verify again."
    )


def from_memory(origin: str, report: Report, *, is_newest: bool = True) -> list[Held]:
    """What the key itself has signed last of this log, in this generation, or in a later one that is gone."""
    try:
        key = signing_key()
        last = key.last(origin) if key else None
    except ProofError as error:
        report.unchecked.append(str(error))
        return []
    if last is not None and is_newest and generation_of(last.checkpoint.origin) > generation_of(origin):
        report.find(
            REWOUND,
            f"The key remembers a checkpoint of {last.checkpoint.size:,} events of generation "
            f"{generation_of(last.checkpoint.origin)}, which is gone: an older copy of the database was put back.",
        )
    return [Held("The key", last.checkpoint, is_key=True)] if last and last.checkpoint.origin == origin else []


def from_file(path: Path) -> Checkpoint:
    """Read a checkpoint that somebody has kept; raises ``ProofError``. Its signature is still to be verified."""
    return read_checkpoint(read_note(_content(path)).text)


def verified_file(path: Path, origin: str, keys: list[VerifierKey]) -> Held:
    """The same with its signature verified; raises ``ProofError``."""
    return Held(f"{path}", _read(_content(path), origin, keys), is_given=True)


def is_of_log(checkpoint: Checkpoint, origins: Sequence[str]) -> bool:
    """Whether it is of this log, in whatever generation."""
    return checkpoint.origin in origins or log_of(checkpoint.origin) in {log_of(one) for one in origins}


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProofError(f"{path} could not be read: {error.strerror}.") from None


def _read(content: bytes, origin: str, keys: list[VerifierKey]) -> Checkpoint:
    note = read_note(content)
    checkpoint = read_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise ProofError(f"This is a checkpoint of another log, {checkpoint.origin}.")
    if not keys:
        raise ProofError("Whether the log has signed this checkpoint cannot be told without its key: name it, --vkey.")
    if not signed_by(note, keys):
        raise ProofError("None of this log's keys has signed this checkpoint.")
    return checkpoint


def compared(tree: SealTree, held: Sequence[Held], report: Report) -> list[Stated]:
    """What is to be compared with the tiles; one that is larger than the tree tells that its end is gone."""
    found = []
    for one in held:
        size = one.checkpoint.size
        if size <= tree.size:
            found.append(Stated(size, one.checkpoint.root, _tell(tree, one, report)))
            continue
        missing = size - tree.size
        text = (
            f"{one.who} holds a checkpoint of {size:,} events{one.when()}, but the tree has {tree.size:,}: "
            f"{missing:,} sealed {'event is' if missing == 1 else 'events are'} missing at its end, which was cut off, "
            "or an older copy of the database was put back"
        )
        if tree.state == SealTree.State.CLOSED and not one.is_given:
            report.notes.append(f"{text}; the log has gone on as a new generation.")
        else:
            report.find(REWOUND, f"{text}.", indexes={tree.generation: Ranges([(tree.size, size - 1)])})
    return sorted(found, key=lambda one: one.size)


def _tell(tree: SealTree, one: Held, report: Report) -> Callable[[int], None]:
    def tell(held: int) -> None:
        last = one.checkpoint.size - 1
        leaves = Ranges([(held, last)]) if held <= last else Ranges()
        report.find(
            FORK,
            f"{one.who} holds another history: its checkpoint of {one.checkpoint.size:,} events{one.when()} has "
            f"another root than the tiles give, so that what stands at the indexes {leaves} was rewritten.",
            events=rows_at(tree, held, last) if leaves else None, indexes={tree.generation: leaves},
        )  # fmt: skip

    return tell


def has_forgotten(one: Witness, cosigned: Countersigned, held: Sequence[Held], asked: float, report: Report) -> None:
    """A witness that shows less than it had countersigned when it was asked cannot say what the newest is."""
    name = f"The witness {one.name}"
    size = max((its.checkpoint.size for its in held if its.who == name), default=0)
    if size < cosigned.size and cosigned.time < asked - CLOCKS_DIFFER and not _has_failed(name, report):
        shown = f"a checkpoint of {size:,} events" if size else "no checkpoint"
        report.unchecked[:] = [one for one in report.unchecked if not one.startswith(f"{name} knows nothing")]
        report.unchecked.append(
            f"{name} shows {shown} and has countersigned one of {cosigned.size:,}: it has forgotten what it signed, "
            "or does not tell."
        )


def _has_failed(name: str, report: Report) -> bool:
    return any(sentence.startswith(f"{name}:") for sentence in report.unchecked)


def must_be_in_table(tree: SealTree, held: Sequence[Held], report: Report) -> None:
    """What a witness holds of a tree that has that size was in the table."""
    for one in held:
        size = one.checkpoint.size
        if not one.is_witness or size > tree.size or tree.state == SealTree.State.CLOSED:
            continue
        if not SealCheckpoint.objects.filter(tree=tree, size=size).exists():
            report.unchecked.append(
                f"{one.who} holds a checkpoint of {size:,} events of {tree.origin} that the table does not have: it "
                "was removed, or a backup was put back."
            )


def must_reach_what_was_signed(tree: SealTree, held: Sequence[Held], report: Report) -> None:
    """The table's newest checkpoint is not smaller than the newest that the key has signed.

    The row is committed before the key signs, and only a later one takes its place. (A key has signed the first leaf of
    a generation that it was let begin, of which there is no row.)
    """
    for one in held:
        size = one.checkpoint.size
        if not one.is_key or size > tree.size or tree.state == SealTree.State.CLOSED:
            continue
        newest = SealCheckpoint.objects.filter(tree=tree).aggregate(newest=Max("size"))["newest"] or 0
        if newest < size and not (tree.generation > 1 and size == 1):
            report.find(
                CHECKPOINT,
                f"{one.who} has signed a checkpoint of {size:,} events of {tree.origin}, and the newest in the table "
                f"has {newest:,}: it was removed, or an older copy of the database was put back.",
            )


def told_by_ourselves(tree: SealTree, report: Report, size: int) -> None:
    """What our own table says that witnesses have countersigned must not be more than there is."""
    for row in SealWitness.objects.filter(tree=tree, size__gt=size):
        report.find(
            REWOUND,
            f"The witness {row.name} has countersigned {row.size:,} events, as was noted here, but the tree has "
            f"{size:,}.",
        )


def named_witnesses() -> tuple[list[Witness], list[str]]:
    """Those in ``WITNESSES``, and what is wrong with entries that are none."""
    from signal_log.seal.witness.call import witness

    found, wrong = [], []
    for entry in conf.WITNESSES:
        try:
            found.append(witness(str(entry["url"]), str(entry["vkey"])))
        except ProofError as error:
            wrong.append(f"SIGNAL_LOG['WITNESSES']: {error}")
    return found, wrong
