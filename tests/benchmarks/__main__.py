"""Measures everything in docs/performance.md and prints its tables ready to paste: ``make bench``."""

from __future__ import annotations

import argparse

from tests.benchmarks import instructions, memory, save_cost, size, telemetry, trips
from tests.benchmarks.process import DATABASES

INSTRUCTION_SAVES = 200


def main() -> None:
    """Run one measurement after the other."""
    options = arguments()
    databases = DATABASES if options.database == "both" else (options.database,)
    print("## Time\n")
    print("\n".join(save_cost.report(save_cost.measure(options), options)), flush=True)
    print("\n## Statements and round trips\n")
    print("\n".join(trips.report(trips.measure(databases))), flush=True)
    print("\n## Instructions\n")
    if instructions.can_count():
        print("\n".join(instructions.report(instructions.count(INSTRUCTION_SAVES))), flush=True)
    else:
        print(f"**{instructions.MISSING}**", flush=True)
    print("\n## Telemetry and fixtures\n")
    print("\n".join(telemetry.report(telemetry.measure(databases, options.rounds))), flush=True)
    print("\n## Memory\n")
    print("\n".join(memory.report(memory.measure(databases))), flush=True)
    print("\n## Size\n")
    print("\n".join(size.report(size.measure(databases, options.events))))


def arguments() -> argparse.Namespace:
    """Parse the command line of all measurements."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.split("\n")[0])
    for part in (save_cost, size):
        part.add_options(parser)
    options = parser.parse_args()
    for part in (save_cost, size):
        part.check(parser, options)
    return options


if __name__ == "__main__":
    main()
