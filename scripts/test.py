"""Runs every check and every test of the project, part by part, and says at the end what failed.

`python scripts/test.py lint sqlite` runs only the named parts. A part that cannot run (no browser, no PostgreSQL)
fails, and so does one of whose tests any was skipped.

At most five failed tests of a part are run once more by themselves, and only where pytest ran to its end: a hang, a
dead process or a test that never ran is a failure whatever a second run may say. A test that passes then is named at
the end as unsteady, for there is a fault to find in it or in what it tests; `STRICT=1` makes it a failure, too.
"""

import os
import sys
import time
from pathlib import Path

from scripts.testing.lanes import run_in_lanes
from scripts.testing.parts import ROOT, parts
from scripts.testing.running import Step
from scripts.testing.summary import summary


def main(chosen: list[str], known: dict[str, list[Step]], root: Path = ROOT) -> None:
    """Run the chosen parts, or all; exit with 1 when one failed."""
    for unknown in set(chosen) - set(known):
        sys.exit(f"There is no part {unknown!r}; there are: {', '.join(known)}.")
    # A part named twice is run twice: each run counts.
    numbered = [(name, (chosen or [*known])[:at].count(name)) for at, name in enumerate(chosen or known)]
    started = time.monotonic()
    results = run_in_lanes({f"{name} {n + 1}" if n else name: name for name, n in numbered}, known, root)
    print("\n".join(summary(results, time.monotonic() - started)), flush=True)
    strict = os.environ.get("STRICT", "0") not in ("", "0")
    failed = [name for name, result in results.items() if not result.passed or (strict and result.unsteady)]
    if failed:
        again = " ".join(dict.fromkeys(name.split()[0] for name in failed))
        sys.exit(f"\nFailed: {', '.join(failed)}. Again with:  make test PARTS='{again}'")


if __name__ == "__main__":
    main(sys.argv[1:], parts())
