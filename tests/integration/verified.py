"""`signal_verify` as tests call it, and the log that it is to verify."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from signal_log.models import SealCheckpoint, SealTree, Verification
from signal_log.seal.grow import begin_tree, grow
from tests.sealed import ORIGIN, Sealed, sealed_log, sql, unguarded
from tests.settings import SIGNAL_LOG as PROJECT


def log_in(folder: Path, settings: Any) -> Sealed:
    """A sealed log with its key in a folder, and no witness."""
    sealed = sealed_log(folder)
    settings.SIGNAL_LOG = {**PROJECT, **sealed.settings(WITNESSES=[])}
    unguarded()
    return sealed


def said(**options: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and what is said."""
    out = StringIO()
    code = 0
    try:
        call_command("signal_verify", json=True, stdout=out, **options)
    except SystemExit as ended:
        code = int(ended.code)
    told = json.loads(out.getvalue())
    assert told["exit"] == code
    return code, told


def refused(*words: str) -> str:
    """The one sentence of a run that could not be, which writes nothing."""
    before = Verification.objects.count()
    with pytest.raises(CommandError) as ended:
        call_command("signal_verify", *words, stdout=StringIO())
    assert ended.value.returncode == 2
    assert Verification.objects.count() == before
    assert "\n" not in str(ended.value)
    return str(ended.value)


def newest() -> str:
    """The note of the newest checkpoint."""
    return SealCheckpoint.objects.order_by("-number")[0].note


def changed(log: Sealed, *places: int) -> None:
    """Alter rows."""
    for place in places:
        sql("UPDATE {log} SET object_repr = 'eve' WHERE id = %s", log.ids[place])


def rewound(log: Sealed, size: int) -> SealTree:
    """Put the database back to what it was at a size, as a backup does."""
    sql("DELETE FROM {log} WHERE id >= %s", log.ids[size])
    kept = list(SealCheckpoint.objects.filter(size__lte=size).values())
    SealTree.objects.all().delete()
    tree = begin_tree(ORIGIN)
    while grow(tree, 2**62):
        pass
    SealCheckpoint.objects.bulk_create([SealCheckpoint(**{**one, "tree_id": tree.pk}) for one in kept])
    return tree
