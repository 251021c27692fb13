"""Measures what the live page costs its browser: frames per second and memory, with many events held and arriving.

`python -m tests.benchmarks.live_page` starts a site and a Chromium; the events come from a websocket faked in the page,
so that nothing else is measured; what it takes to make them is left out. On a busy machine the milliseconds per frame
are more reliable than the frames per second. `--minutes 10` reports instead what the page holds after each minute, once
its garbage is collected, and `--loads 20` when its first text is painted.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.browser.live_site import Site, make_database, visiting
from tests.servers.browser import chromium

SOURCE = Path(__file__).with_suffix(".js")
COSTS = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
BUSY = "TaskDuration"
FRAMES = ("view", "fps", "p50 ms", "p99 ms", "script", "layout", "style", "main thread", "tasks > 50 ms")
HEAP = ("minutes", "MB of script's heap", "nodes", "listeners")
LOADS = ("ms, median (fastest to slowest)", "answer begins", "first paint", "first text", "list is connected")
PAINTED = """() => {
    const { responseStart } = performance.getEntriesByType("navigation")[0];
    const [paint, text] = performance.getEntriesByType("paint").map((entry) => entry.startTime);
    return [responseStart, paint, text, performance.now()];
}"""
VIEWS = {"operations": "", "signals": "?view=signals", "cascades": "?view=cascades"}


class AsInstalled(Site):
    """One that serves its static files as an installation does."""

    application = "asgi:application"


def main() -> None:
    """Measure each view: while it follows, paused and scrolled through, and only paused; or the memory of one."""
    options = parse_arguments()
    print(f"{options.held:,} events held, {options.rate:,} a second arriving\n")
    head, scene = (HEAP, remember) if options.minutes else (LOADS, load) if options.loads else (FRAMES, look)
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        closing(AsInstalled(make_database(Path(folder) / "site.sqlite3"))) as site,
    ):
        for name, query in list(VIEWS.items())[: 1 if options.minutes or options.loads else None]:
            with visiting(browser, site, "mira") as live:
                live.page.add_init_script(path=SOURCE)
                live.open(query)
                if not options.loads:
                    fill(live.page, options)
                scene(name, live.page, options)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--held", type=int, default=100_000, help="events that the page holds (100000)")
    parser.add_argument("--rate", type=int, default=1_000, help="events that arrive a second (1000)")
    parser.add_argument("--seconds", type=int, default=10, help="how long each measurement takes (10)")
    parser.add_argument("--minutes", type=int, default=0, help="how long its memory is watched (0: not at all)")
    parser.add_argument("--loads", type=int, default=0, help="how often it is loaded to time its first paint (0)")
    return parser.parse_args()


def fill(page: Any, options: argparse.Namespace) -> None:
    """Fill the page with events, and have more arrive."""
    page.evaluate(f"bench.wanted = {options.held}")
    while page.evaluate("bench.held < bench.wanted"):
        page.wait_for_timeout(200)
    page.evaluate(f"bench.perSecond = {options.rate}")
    page.wait_for_timeout(4_000)


def remember(name: str, page: Any, options: argparse.Namespace) -> None:
    """Print a line after each minute, for a page that follows and is read in between."""
    debugger = page.context.new_cdp_session(page)
    debugger.send("Performance.enable")
    for minute in range(options.minutes + 1):
        if minute:
            page.evaluate("bench.frames(15, true)")
            page.keyboard.press("f")
            page.wait_for_timeout(45_000)
        debugger.send("HeapProfiler.collectGarbage")
        found = metrics(debugger)
        cells = [f"{found['JSHeapUsedSize'] / 1e6:.1f}", f"{found['Nodes']:.0f}", f"{found['JSEventListeners']:.0f}"]
        print(f"| {minute} | {' | '.join(cells)} |", flush=True)


def load(name: str, page: Any, options: argparse.Namespace) -> None:
    """Print when the page was painted first, with its scripts and styles from the network and from the cache."""
    for how in ("nothing cached", "cached"):
        debugger = page.context.new_cdp_session(page)
        debugger.send("Network.setCacheDisabled", {"cacheDisabled": how == "nothing cached"})
        times = []
        for _ in range(options.loads):
            page.reload(wait_until="load")
            page.wait_for_function("document.querySelector('#state').dataset.tone === 'ok'")
            times.append(page.evaluate(PAINTED))
        debugger.detach()
        columns = [sorted(column) for column in zip(*times, strict=True)]
        cells = [f"{one[len(one) // 2]:.0f} ({one[0]:.0f} to {one[-1]:.0f})" for one in columns]
        print(f"| {how} | {' | '.join(cells)} |", flush=True)


def look(name: str, page: Any, options: argparse.Namespace) -> None:
    """Print a line for each way of looking."""
    line(f"{name}, following", page, options.seconds, scroll=False)
    page.keyboard.press("p")
    line(f"{name}, scrolling", page, options.seconds, scroll=True)
    line(f"{name}, paused", page, options.seconds, scroll=False)


def line(name: str, page: Any, seconds: int, *, scroll: bool) -> None:
    """Return frames, and what one of them cost the main thread, in milliseconds."""
    debugger = page.context.new_cdp_session(page)
    debugger.send("Performance.enable")
    before, long, own = metrics(debugger), page.evaluate("bench.long"), page.evaluate("bench.own")
    frames = page.evaluate(f"bench.frames({seconds}, {str(scroll).lower()})")
    after, own = metrics(debugger), page.evaluate("bench.own") - own
    spent = [(after[name] - before[name]) * 1000 / len(frames) for name in COSTS]
    spent[0] -= own / len(frames)
    p50, p99 = frames[len(frames) // 2], frames[int(len(frames) * 0.99)]
    cells = [f"{len(frames) / seconds:.1f}", f"{p50:.1f}", f"{p99:.1f}", *(f"{ms:.2f}" for ms in spent)]
    busy = (after[BUSY] - before[BUSY]) * 1000 - own
    cells += [f"{busy / 10 / seconds:.0f} %", str(page.evaluate("bench.long") - long)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def metrics(debugger: Any) -> dict[str, float]:
    """Return the browser's metrics of the page."""
    return {one["name"]: one["value"] for one in debugger.send("Performance.getMetrics")["metrics"]}


if __name__ == "__main__":
    main()
