"""The map of receivers as a Mermaid flowchart, for documentation and pull requests."""

from __future__ import annotations

from signal_log.show.receivers.wiring import Wired, label, mutual
from signal_log.show.words.kinds import short_name
from signal_log.show.words.text import duration, one_line

NO_WRITES = "no writes"


def mermaid(found: list[Wired]) -> str:
    """Models as boxes, extra signals rounded, an edge for each receiver and model that it changed.

    Dotted to “no writes”, grey where never called, amber where two models cause each other.
    """
    nodes: dict[str, str] = {}
    edges: list[str] = []
    styles: list[str] = []
    both = mutual(found)

    def node(name: str, *, is_signal: bool = False) -> str:
        if name not in nodes:
            nodes[name] = f"n{len(nodes)}"
            text = _quoted(name)
            edges.append(f"  {nodes[name]}({text})" if is_signal or name == NO_WRITES else f"  {nodes[name]}[{text}]")
        return nodes[name]

    number = 0
    for one in found:
        start = node(one.model or short_name(one.signal), is_signal=not one.model)
        targets = one.caused.most_common() or [(("", NO_WRITES), 0)]
        for (verb, model), times in targets:
            did = f"<br/>{one_line(verb, 60)} × {times:,} · p95 {duration(one.seen.p95_us)}" if verb else ""
            arrow = "-->" if verb else "-.->"
            edges.append(f"  {start} {arrow}|{_quoted(label(one), did)}| {node(model)}")
            if not one.seen.calls:
                styles.append(f"  linkStyle {number} stroke:#999,color:#777")
            elif (one.model, model) in both:
                styles.append(f"  linkStyle {number} stroke:#b45309,stroke-width:2px")
            number += 1
    return "\n".join(["flowchart LR", *edges, *styles]) + "\n"


def _quoted(text: str, html: str = "") -> str:
    shown = one_line(text, 120).replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return f'"{shown}{html}"'
