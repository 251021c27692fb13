"""How the seal stands, in a word and a sentence, and how one event is sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signal_log.amounts import counted
from signal_log.models import SealCheckpoint, SignalEvent
from signal_log.seal.state import UNSIGNED, SealState, found_tampering, why_stopped, why_unsigned
from signal_log.seal.stored import Place, current_tree, newest_checkpoint, place_of
from signal_log.show.words.text import one_line

STYLES: Final = {
    "sealed": "created", "unsigned": "silent", "behind": "undone", "stopped": "failed", "tampered": "failed",
    "nothing": "silent",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """How the seal stands as a whole."""

    kind: str
    sentence: str

    @property
    def style(self) -> str:
        """The style of its badge."""
        return STYLES[self.kind]


def standing(state: SealState) -> Standing:
    """The gravest thing first; a log of which everything is signed is *sealed*."""
    found = _standing(state)
    return Standing(found.kind, spoken(found.sentence, 2_000))


def spoken(text: str, most: int = 300) -> str:
    """A sentence without the backticks around commands, which are for terminals."""
    return one_line(text, most).replace("`", "")


def _standing(state: SealState) -> Standing:
    if state.tampered:
        return Standing("tampered", "Verification found that the log was changed behind the recorder.")
    if state.stopped:
        return Standing("stopped", f"Sealing has stopped. {state.stopped}")
    if state.tree is None:
        return Standing("nothing", "Nothing is sealed yet. The server begins with its first request.")
    number = counted(state.size, "event")
    if state.late:
        return Standing("behind", f"{number} sealed. {state.late}")
    if state.unsigned or state.checkpoint is None:
        why = state.unsigned or "No checkpoint is signed yet."
        return Standing("unsigned", f"{number} in the tree, not signed. {why}")
    waits = f"; {state.waiting_told} waiting" if state.waiting else ""
    signed = f"{counted(state.signed_size, 'event')} sealed and signed{waits}. {state.unwitnessed}"
    return Standing("sealed", signed.strip())


def alarm() -> str:
    """What everybody who sees events should know at once, in a sentence, for each page: two rows are read."""
    if found_tampering() is not None:
        return "Verification found that the log was changed behind the recorder."
    tree = current_tree()
    if tree is not None and (why := why_stopped(tree)):
        return f"Sealing has stopped. {spoken(why)}"
    if tree is not None and (why := why_unsigned(tree)):
        return f"{UNSIGNED} {spoken(why)}"
    return ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """How one event is sealed."""

    place: Place | None
    checkpoint: SealCheckpoint | None
    """The newest signed one, if it covers the event."""
    is_waiting: bool
    """Whether it is newer than the newest leaf; else it should have one."""

    @property
    def index(self) -> str:
        """Where it stands, counted from 0, as proofs and verification do."""
        return f"{self.place.leaf:,}" if self.place else ""


def sealed(event: SignalEvent) -> Sealed:
    """Where an event stands in the tree, and the newest signed checkpoint that covers it."""
    place = place_of(event)
    last = newest_checkpoint(place.tree, signed=True) if place else None
    covers = place is not None and last is not None and last.size > place.leaf
    tree = place.tree if place else current_tree()
    return Sealed(place, last if covers else None, tree is None or event.pk > tree.last_id)
