"""``/seals/``: how far the log is sealed and signed, by which keys and witnesses, and what verification found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.audit.guard.queue import stuck_or_unknown
from signal_log.audit.new_generation import go_on
from signal_log.audit.reason_text import said as said_in
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, Verification
from signal_log.permission import SEAL, may, needed
from signal_log.seal.canonical import timestamp
from signal_log.seal.note import Note, read_note
from signal_log.seal.rewound import GO_ON
from signal_log.seal.state import SealState, seal_state
from signal_log.seal.stored import trees
from signal_log.seal.verify.acknowledged import rewind_told, told_of
from signal_log.show.access import for_observers
from signal_log.show.formats import format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import READING, only
from signal_log.show.words.moments import zone
from signal_log.show.words.sealing import spoken, standing
from signal_log.show.words.text import one_line

SIZE: Final = 30
FINDINGS: Final = 20
"""How many findings of a verification are shown; the command tells all."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A checkpoint, as a row of the list."""

    checkpoint: SealCheckpoint
    signed_by: tuple[str, ...]

    @property
    def root(self) -> str:
        """The start of its root, by which two are told apart."""
        return bytes(self.checkpoint.root).hex()[:16]


class Generation:
    """A tree, as a row of the list."""

    def __init__(self, tree: SealTree) -> None:
        self.tree = tree
        why = tree.problem if tree.state != SealTree.State.CLOSED else tree.problem.partition(GO_ON)[0]
        self.why = spoken(why)


@csrf_protect
@only(*READING, "POST")
@for_observers
@formats("json")
def seals_page(request: HttpRequest) -> HttpResponse:
    """The page; ``?format=json`` the same as values; ``?before=`` older checkpoints.

    A POST goes on as a new generation, with a reason, for who may seal.
    """
    problem, reason = "", ""
    if request.method == "POST":
        reason = said_in(request.POST.get("reason", ""))
        problem = _went_on(request, reason)
        if not problem:
            return HttpResponseRedirect(url("seals"))
    state = seal_state()
    before = _number(request.GET.get("before", ""))
    generations = list(trees()) if state.tree and state.tree.generation > 1 else []
    found = list(_checkpoints(state.tree, before)[: SIZE + 1])
    if format_of(request) == "json":
        return JsonResponse(as_json(state, found[:SIZE]))
    context: dict[str, Any] = {
        "state": state,
        "standing": standing(state),
        "may_go_on": bool(state.stopped) and may(request.user, SEAL),
        "problem": spoken(problem, 2_000),
        "reason": reason,
        "tree": state.tree,
        "root": bytes(state.tree.root).hex() if state.tree else "",
        "signed_by": _signers(state.checkpoint) if state.checkpoint else (),
        "note": state.checkpoint.note if state.checkpoint else "",
        "log_url": request.build_absolute_uri(url("sealed_file", "checkpoint")).removesuffix("checkpoint"),
        "witnesses": state.witnesses,
        "verification": state.verification,
        "findings": [one_line(said(one), 400) for one in _findings(state.verification)[:FINDINGS]],
        "more_findings": max(0, len(_findings(state.verification)) - FINDINGS),
        "evidence": [one_line(one, 400) for one in state.verification.evidence]
        if state.verification and state.tampered
        else [],
        "generations": [Generation(one) for one in generations],
        "past_writes": spoken(stuck_or_unknown()),
        "rewinds": [one_line(one, 400) for one in _rewinds(generations)],
        "checkpoints": [Stated(one, _signers(one)) for one in found[:SIZE]],
        "older_url": url("seals", before=str(found[SIZE - 1].number)) if len(found) > SIZE else "",
        "newest_url": url("seals") if before else "",
        "json_url": url("seals", format="json"),
        "zone": zone(),
    }
    return render(request, "signal_log/seals.html", context, status=400 if problem else 200)


def _went_on(request: HttpRequest, reason: str) -> str:
    """Why it did not go on, in a sentence; empty if it did."""
    if not may(request.user, SEAL):
        raise PermissionDenied(needed(SEAL))
    if not reason:
        return "A new generation needs a reason: what has happened to the log, and how that is known."
    try:
        go_on(reason)
    except ProofError as error:
        return str(error)
    return ""


def as_json(state: SealState, checkpoints: list[SealCheckpoint]) -> dict[str, Any]:
    """The state and the newest checkpoints as JSON values."""
    tree, last = state.tree, state.checkpoint
    seen = state.verification
    return {
        "standing": standing(state).kind,
        "problems": list(state.problems),
        "origin": tree.origin if tree else None,
        "generation": tree.generation if tree else None,
        "size": state.size,
        "root": bytes(tree.root).hex() if tree else None,
        "last_event": tree.last_id if tree else None,
        "waiting": state.waiting,
        "waiting_seconds": round(state.waiting_seconds, 1),
        "signed_size": state.signed_size,
        "signed_at": timestamp(last.made_at) if last else None,
        "witnesses": [
            {"name": one.name, "size": one.size, "cosigned_at": one.cosigned_at or None, "problem": one.problem,
             "forgotten": one.forgotten}
            for one in state.witnesses
        ],
        "verification": seen
        and {
            "verdict": seen.verdict,
            "whole": seen.whole,
            "looked_at": seen.evidence,
            "begun_at": timestamp(seen.begun_at),
            "ended_at": seen.ended_at and timestamp(seen.ended_at),
            "size": seen.size,
            "findings": seen.findings,
        },
        "checkpoints": [
            {"number": one.number, "size": one.size, "root": bytes(one.root).hex(), "made_at": timestamp(one.made_at),
             "signed_by": list(_signers(one))}
            for one in checkpoints
        ],
    }  # fmt: skip


def said(finding: Any) -> str:
    """A finding as a sentence, whatever shape a later version of the command gives it."""
    if isinstance(finding, dict):
        return str(finding.get("text") or finding.get("detail") or finding)
    return str(finding)


def _findings(verification: Verification | None) -> list[Any]:
    return list(verification.findings or []) if verification else []


def _evidence(state: SealState) -> list[str]:
    """What a run has to look at, too, that is to settle what was found."""
    return state.verification.evidence if state.verification and state.tampered else []


def _rewinds(generations: list[SealTree]) -> Iterator[str]:
    """What is missing since the log was rewound, each in a sentence."""
    for before, after in pairwise(sorted(generations, key=lambda tree: tree.generation)):
        told = told_of(after)
        if told is not None and (sentence := rewind_told(before, after, told)):
            yield sentence


def _checkpoints(tree: SealTree | None, before: int) -> Any:
    found = SealCheckpoint.objects.filter(tree=tree) if tree else SealCheckpoint.objects.none()
    if before:
        found = found.filter(number__lt=before)
    return found.order_by("-number")


def _signers(checkpoint: SealCheckpoint) -> tuple[str, ...]:
    """Whose signatures stand below a checkpoint; that they hold is for ``signal_verify`` to say."""
    if not checkpoint.note:
        return ()
    try:
        note: Note = read_note(checkpoint.note.encode())
    except ProofError:
        return ("not a signed note",)
    return tuple(dict.fromkeys(one_line(one.name, 120) for one in note.signatures))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
