"""The process of the people: what `signal_traffic` does, at a steady rate, going on whatever fails meanwhile.

Run as a module: `python -m tests.soak.traffic RATE SEED`. SIGTERM ends it; then it prints what it did, as JSON.
"""

from __future__ import annotations

import json
import sys
from random import Random

import django


def main() -> None:
    """Act until it is ended."""
    django.setup()
    from django.test import override_settings

    from observatory.traffic import running
    from observatory.traffic.actions import Actions
    from observatory.traffic.population import Population
    from observatory.traffic.visitor import allowed_host, traffic_settings

    running.MAX_CONSECUTIVE_FAILURES = sys.maxsize  # type: ignore[misc]  the site is killed on purpose here
    rng, stop = Random(sys.argv[2]), running.Stop()
    population = Population(rng)
    with override_settings(**traffic_settings()), stop.on_signals(), population.marking():
        actions = Actions(population, rng, 40, allowed_host())
        run = running.Run(float(sys.argv[1]), 0, rng, stop)
        for _ in run.ticks():
            if problem := run.attempt(actions.draw, actions.do):
                print(problem, file=sys.stderr, flush=True)
                stop.wait(0.2)
    print(json.dumps({"done": run.done.total(), "failed": run.failed.total()}), flush=True)


if __name__ == "__main__":
    main()
