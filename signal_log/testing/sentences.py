"""Says in a sentence why what fired is not what a test expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from signal_log.capture.model.registry import observed
from signal_log.conf import conf
from signal_log.show.cascade.operation import Cascade, Operation, Run
from signal_log.show.words.text import one_line
from signal_log.testing import trees
from signal_log.testing.named import is_receiver, shown_receiver, unobserved_in

MOST_NAMES: Final = 8
_DONE: Final = {"pre_save": "before the save", "post_save": "after the save", "pre_delete": "before the deletion",
                "post_delete": "after the deletion"}  # fmt: skip


def why_different(expected: Sequence[str], fired: Sequence[str], cascade: Cascade) -> list[str]:
    """Sentences about the expected lines that did not fire: an unobserved model, or what their receivers did."""
    if why := unobserved_in(expected):
        return [why]
    if trees.sorted_lines(expected) == trees.sorted_lines(fired):
        return ["The same operations, in another order; ordered=False accepts any."]
    if not fired:
        models = sorted({model._meta.label for model in observed()})
        names = ", ".join(models[:MOST_NAMES]) + (", …" if len(models) > MOST_NAMES else "")
        return [f"Nothing fired. Observed are {names or 'no models'}."]
    receivers = dict.fromkeys(filter(None, map(trees.receiver_in, trees.missing(expected, fired))))
    return [sentence for name in receivers if (sentence := receivers_that_ran(name, cascade))]


def receivers_that_ran(name: str, cascade: Cascade) -> str:
    """What is known of a receiver that did not do what was expected; empty if it did something."""
    if not conf.RECEIVERS:
        return ""
    runs = [(one, run) for one in cascade.operations for run in one.runs if is_receiver(name, run.receiver)]
    if not runs:
        others = dict.fromkeys(shown_receiver(run.receiver) for one in cascade.operations for run in one.runs)
        ran = f"; receivers that ran: {', '.join([*others][:MOST_NAMES])}" if others else "; no receiver did"
        return f"{name} did not run{ran}."
    raised = next((run for _, run in runs if run.error), None)
    if raised is not None:
        return f"{name} raised {one_line(raised.error, 200)}"
    if any(run.caused for _, run in runs):
        return ""
    often = "" if len(runs) == 1 else f" {len(runs)} times, the first time"
    return f"{name} ran{often} {_when(*runs[0])} and caused nothing."


def _when(operation: Operation, run: Run) -> str:
    model = operation.last.sender
    words = _DONE.get(run.signal)
    return f"{words} of {model}" if words else f"for {shown_receiver(run.signal)} of {model}"
