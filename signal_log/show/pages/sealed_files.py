"""``/seals/log/``: the tree as the files of c2sp.org/tlog-tiles, for readers of that format."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse

from signal_log.errors import ProofError
from signal_log.models import SealTree
from signal_log.seal.published import CHECKPOINT, content_of
from signal_log.seal.stored import current_tree
from signal_log.show.access import for_observers
from signal_log.show.methods import reads

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"


@reads
@for_observers
def sealed_file(request: HttpRequest, path: str, generation: int | None = None) -> HttpResponse:
    """A checkpoint, tile or bundle of the newest generation, or of the one named; 404 where there is none."""
    tree = current_tree() if generation is None else SealTree.objects.filter(generation=generation).first()
    try:
        content = content_of(tree, path) if tree else None
    except ProofError as problem:
        return HttpResponse(f"{problem}\n", content_type=TEXT, status=500)
    if content is None:
        return HttpResponse(_why_nothing(path, tree), content_type=TEXT, status=404)
    return HttpResponse(content, content_type=TEXT if path == CHECKPOINT else BYTES)


def _why_nothing(path: str, tree: SealTree | None) -> str:
    if tree is None:
        return "Nothing is sealed yet.\n"
    if path == CHECKPOINT:
        return "No checkpoint is signed yet: the log has no key, which `manage.py signal_seal init` makes.\n"
    return f"The tree of {tree.size:,} events has no such file; entries of pruned events are in the archive.\n"
