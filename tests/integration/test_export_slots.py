"""Exports of all processes are counted together, and one that dies gives its place back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from signal_log.seal import beside_file
from signal_log.show.export import slots
from signal_log.show.export.slots import MOST_AT_ONCE, MOST_OF_ONE, NoPlace, take

pytestmark = pytest.mark.django_db


def taken_by_this_process() -> int:
    """Take all that are free; return how many, and give them back."""
    held = []
    with pytest.raises(NoPlace, match="as many as run at once"):
        while True:
            held.append(take())
    for slot in held:
        slot.release()
    return len(held)


@pytest.mark.postgresql
def test_another_process_counts_on_postgresql() -> None:
    """By its connections, whatever becomes of it; ours are closed again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'signal_log export'")
        before = cursor.fetchone()[0]
        others = [slots._of_postgresql([number, 3]) for number in range(3)]
        assert [number for number, _ in others] == [0, 1, 2]
        assert slots._of_postgresql([0, 1]) is None
        assert taken_by_this_process() == 1
        for _, give_back in others:
            give_back()
        assert taken_by_this_process() == MOST_AT_ONCE
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'signal_log export'")
        assert cursor.fetchone()[0] <= before + MOST_AT_ONCE


@pytest.mark.one_database
def test_another_process_counts_on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By files beside the database, until it is killed; a forked one has none of its parent's places."""
    database = tmp_path / "log.sqlite3"
    database.touch()
    monkeypatch.setattr(slots, "file_of_log", lambda: str(database))
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        held = [beside_file.locked(str(database), f"-export{number}") for number in (1, 2, 3)]
        os.write(writer, bytes([None not in held]))
        signal.pause()
    try:
        assert os.read(reader, 1) == b"\x01"
        mine = take()
        assert taken_by_this_process() == 0
        grandchild = os.fork()
        if not grandchild:
            mine.release()
            os._exit(len(slots._taken) + taken_by_this_process())
        assert os.waitpid(grandchild, 0)[1] == 0
        assert {*slots._taken} == {3}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert taken_by_this_process() == MOST_AT_ONCE - 1
    mine.release()
    assert taken_by_this_process() == MOST_AT_ONCE


def test_without_a_lock_each_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no file can be locked, or no connection opened, that is logged, and exports go on."""

    def full(*_: object) -> None:
        raise DatabaseError("too many clients")

    monkeypatch.setattr(slots, "own_connection", full)
    monkeypatch.setattr(slots, "file_of_log", lambda: str(tmp_path / "no" / "log.sqlite3"))
    assert taken_by_this_process() == MOST_AT_ONCE


def test_one_account_leaves_half_of_the_places_to_others() -> None:
    """However often it asks; who is refused is told that it is their own that they wait for."""
    held = [take("7") for _ in range(MOST_OF_ONE)]
    with pytest.raises(NoPlace, match="exports of your account are under way"):
        take("7")
    assert taken_by_this_process() == MOST_AT_ONCE - MOST_OF_ONE
    held.append(take("8"))
    held[0].release()
    held.append(take("7"))
    for slot in held:
        slot.release()
    assert taken_by_this_process() == MOST_AT_ONCE


@pytest.mark.postgresql
def test_an_account_has_its_share_of_all_processes_on_postgresql() -> None:
    """Wherever its exports run; without a place among all, its own is given back too."""
    others = [slots._of_postgresql([number], "7") for number in range(MOST_OF_ONE)]
    with pytest.raises(NoPlace, match="exports of your account are under way"):
        take("7")
    assert slots._of_postgresql([0], "8") is None
    held = [take("8") for _ in range(MOST_OF_ONE)]
    for taken in (*others, *((0, slot.release) for slot in held)):
        assert taken is not None
        taken[1]()
    assert taken_by_this_process() == MOST_AT_ONCE
