"""Writes the figures as tables in Markdown, each beside its goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from tests.benchmarks.machine import description
from tests.benchmarks.markdown import head, line, with_goal

Figures = Mapping[str, Any]
MB: Final = 1_000_000
GOAL_TIMES, GOAL_SHARE = 20.0, 0.5
BASELINES: Final = {
    "textbook": "(a) textbook consumer, payload in `group_send`, pubsub layer",
    "bare": "(b) bare daphne, one event a frame",
    "bare batched": "(b) bare daphne, 50 events a frame",
    "ours": "signal_log",
}


def report(found: Figures) -> Iterator[str]:
    """Return all tables for which there are figures."""
    yield f"{description()}, channels {version('channels')}, daphne {version('daphne')}; PostgreSQL, Valkey."
    for part in (deliveries, latencies, processes, handshakes, ring, trouble):
        if lines := list(part(found)):
            yield ""
            yield from lines


def deliveries(found: Figures) -> Iterator[str]:
    """Return what is sustained, and the two ratios."""
    rates = found.get("sustained", {})
    if not rates:
        return
    first = next(iter(rates.values()))
    sockets = first.get("broke_at", first)["sockets"]
    yield from head(
        [
            f"{sockets} sockets, sustained",
            "events/s",
            "deliveries/s",
            "p50, p99 ms",
            "server's CPU, its wait for the core",
            "µs a delivery",
            "next step",
        ]
    )
    for name, step in rates.items():
        yield line([BASELINES[name], *step_cells(step)])
    for name, goal in (("textbook", GOAL_TIMES), ("bare", None), ("bare batched", GOAL_SHARE)):
        if {name, "ours"} <= rates.keys() and rates[name]["deliveries_a_second"]:
            ratio = rates["ours"]["deliveries_a_second"] / rates[name]["deliveries_a_second"]
            for_cpu = rates[name]["us_a_delivery"] / rates["ours"]["us_a_delivery"]
            yield ""
            times = f"{at_least(ratio, goal)} times {BASELINES[name]}"
            yield f"signal_log delivers {times}; for the same CPU {for_cpu:.2f} times."


def step_cells(step: Figures) -> list[str]:
    """Return a step that held, and how the next one failed."""
    broke = step.get("broke_at")
    return [
        f"{step['rate']:,}",
        f"{step['deliveries_a_second']:,.0f}",
        f"{step['p50']:.0f}, {step['p99']:.0f}" if "p50" in step else "",
        f"{step['server_cpu']:.0%}, {step['server_waited']:.0%}" if "server_cpu" in step else "",
        f"{step['us_a_delivery']:.1f}" if "us_a_delivery" in step else "",
        f"{broke['rate']:,}/s: p99 {broke['p99']:,.0f} ms, {broke['lost']} lost" if broke else "held all",
    ]


def at_least(number: float, goal: float | None) -> str:
    """Format a value that met its goal as ``55.0 ≥ 20``, one that did not as ``**11.0** < 20``."""
    if goal is None:
        return f"{number:.2f}"
    return f"{number:.2f} ≥ {goal:g}" if number >= goal else f"**{number:.2f}** < {goal:g}"


def latencies(found: Figures) -> Iterator[str]:
    """Return the latencies, and whether each event came once."""
    scenarios = found.get("soon", {})
    if not scenarios:
        return
    yield from head(
        ["events", "p50 ms", "p99 ms", "lost", "twice on a socket", "again after a cut", "cuts", "wait for the core"]
    )
    for name, scenario in scenarios.items():
        yield line(
            [
                name,
                with_goal(scenario["p50"], scenario.get("goal_p50"), ".1f"),
                with_goal(scenario["p99"], scenario.get("goal_p99"), ".0f"),
                with_goal(scenario["lost"], 0, "d"),
                with_goal(scenario["twice"], 0, "d"),
                f"{scenario['again']:,}",
                f"{scenario['cuts']:,}",
                f"{scenario['server_waited']:.0%}",
            ]
        )


def processes(found: Figures) -> Iterator[str]:
    """Return the latencies of the same sockets at one and at several server processes."""
    measured = found.get("processes", {})
    if not measured:
        return
    sockets = next(iter(measured.values()))["sockets"]
    yield from head(
        [f"{sockets} sockets, 20 saves a second", "p50 ms", "p99 ms", "lost", "twice on a socket", "all servers' CPU"]
    )
    for number, figures in measured.items():
        yield line(
            [
                f"{number} server process{'es' * (number != '1')}",
                with_goal(figures["p50"], 100.0, ".1f"),
                f"{figures['p99']:.0f}",
                with_goal(figures["lost"], 0, "d"),
                with_goal(figures["twice"], 0, "d"),
                f"{figures['all_cpu']:.0%}",
            ]
        )


def handshakes(found: Figures) -> Iterator[str]:
    """Return what opening a socket costs the server."""
    opened = found.get("handshakes", {})
    if not opened:
        return
    yield from head([f"a handshake, the mean of {opened['bare']['sockets']}", "ms of the server's CPU"])
    for name, title in (
        ("bare", "bare daphne, nothing checked"),
        ("again", "a page that comes back within seconds"),
        ("first", "as many people, none of whom had one before"),
    ):
        yield line([title, with_goal(opened[name]["ms"], opened[name].get("goal"), ".1f")])


def ring(found: Figures) -> Iterator[str]:
    """Return what a writer pays for a ring."""
    scenarios = found.get("ring", {})
    if not scenarios:
        return
    yield from head(
        [
            "µs a ring, in the server's process",
            "200 a second: p50",
            "p99",
            "p50 of an empty call",
            "20,000 in a row: mean",
        ]
    )
    for name, scenario in scenarios.items():
        goal = scenario["goal"]
        apart, row = scenario["apart"], scenario["in_a_row"]
        yield line(
            [
                name,
                with_goal(apart["p50"], goal, ".1f"),
                f"{apart['p99']:.1f}",
                f"{apart['nothing_p50']:.1f}",
                with_goal(row["mean"], goal, ".1f"),
            ]
        )


def trouble(found: Figures) -> Iterator[str]:
    """Return stalled sockets, outages and idling."""
    if stalled := found.get("stalled"):
        yield from head(["50 sockets, 500 events/s", "p50 ms", "p99 ms", "server memory, grown by MB", "lost"])
        for name, title in (("all", "all 50 read"), ("stalled", "5 stop reading: the other 45")):
            scenario = stalled[name]
            grown = with_goal(scenario["grown"] / MB, 5.0 if name == "stalled" else None, ".1f")
            yield line(
                [title, f"{scenario['p50']:.0f}", f"{scenario['p99']:.0f}", grown, with_goal(scenario["lost"], 0, "d")]
            )
        yield ""
    if outages := found.get("outages"):
        yield from head(["50 sockets, 200 events/s", "events", "lost", "twice on a socket", "sockets told"])
        for name, scenario in outages.items():
            told = ", ".join(f"{count} x {code}" for code, count in scenario["said"].items())
            lost, twice = (with_goal(scenario[key], 0, "d") for key in ("lost", "twice"))
            yield line([f"{scenario['away']:.0f} s without the {name}", f"{scenario['events']:,}", lost, twice, told])
        yield ""
    if idle := found.get("idle"):
        share = idle["cpu_seconds"] / idle["seconds"]
        yield (
            f"{idle['sockets']} idle sockets: the server uses {idle['cpu_seconds']:.2f} s of CPU in "
            f"{idle['seconds']:.0f} s ({share:.1%} of a core) and holds {idle['memory'] / MB:.0f} MB."
        )
