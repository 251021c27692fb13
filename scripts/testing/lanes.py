"""Runs parts in two lanes at once: one keeps the processors busy, the other waits for browsers and processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Thread

from scripts.testing.running import Result, Step, run_part

# Each leaves a third of the processors' time to the parts of the other lane.
WAITING = ("processes", "browser")


def run_in_lanes(parts: Mapping[str, str], known: Mapping[str, Sequence[Step]], root: Path) -> dict[str, Result]:
    """Run the parts, given by title and name; where both lanes have one, the waiting ones print at their end."""
    waiting = [title for title, name in parts.items() if name in WAITING]
    busy = [title for title in parts if title not in waiting]
    done: dict[str, Result] = {}

    def run(lane: Iterable[str], *, beside: bool = False) -> None:
        for title in lane:
            done[title] = run_part(title, known[parts[title]], root, beside=beside)

    # Ctrl-C reaches the main thread alone, and ends the other with it.
    other = Thread(target=run, args=[waiting], kwargs={"beside": True}, daemon=True)
    if busy:
        other.start()
        run(busy)
        other.join()
    else:
        run(waiting)
    return {title: done[title] for title in parts}
