"""Lines of the history as HTML, written in Python: a template takes several times as long for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from signal_log.models import SignalEvent
from signal_log.show.links import event_url
from signal_log.show.words import ways
from signal_log.show.words.diff import pairs
from signal_log.show.words.hits import Hits, marked
from signal_log.show.words.operations import Line
from signal_log.show.words.summary import LONGEST_NAME, Part
from signal_log.show.words.text import initials, one_line, visible

_PARTS: Final = {
    "cause": '<span class="cause mono"{}>{}</span>',
    "old": '<del class="mono"{}>{}</del>',
    "new": '<ins class="mono"{}>{}</ins>',
    "remark": '<span class="remark"{}>{}</span>',
    "error": '<span class="mono err"{}>{}</span>',
    "": '<span class="mono"{}>{}</span>',
}
_DIM: Final = '<span class="muted"{}>{}</span>'


def history_rows(lines: Iterable[Line], hits: Hits | None = None) -> SafeString:
    """The rows of the history's table, with a heading for each day; what a query asked for is marked."""
    written, day = [], None
    for line in lines:
        when = localtime(line.event.occurred_at)
        if when.date() != day:
            day = when.date()
            heading = f"{day:%A}, {day.day} {day:%B %Y}"
            columns = 7 if line.origin else 6
            written.append(f'<tr class="day"><th colspan="{columns}" scope="rowgroup">{heading}</th></tr>\n')
        written.append(_row(line, when.isoformat(" ", "milliseconds")[11:23], hits))
    return mark_safe("".join(written))  # noqa: S308  each text in it is escaped


def _row(line: Line, when: str, hits: Hits | None) -> str:
    event, kind = line.event, line.kind
    actor = escape(line.actor)
    child = " child" if line.depth else ""
    way = ways.row(event, goes=bool(line.object_url), here=line.is_here)
    title = ' title="History of this object"' if line.object_url else ""
    named = _to(line.object_url, marked(line.object, hits), f'class="value"{title}{way}')
    word = _to(line.url, f"<span>{escape(kind.word)}</span>", f'class="kind {kind.style}"')
    time = f'<time datetime="{line.iso}" title="{line.iso} · event {event.pk}">{when}</time>'
    said = _said(event) if line.is_here else ""
    change = summary_html(line, hits)
    log = f'<td class="l"><span class="value" title="{escape(line.origin)}">{escape(line.origin)}</span></td>\n'
    trace = _to(line.trace_url, "trace", f'title="{escape(line.request_line)}: full trace"') if line.trace_url else ""
    return (
        f'<tr><td class="t">{_to(line.url, time)}</td>\n'
        f"{log if line.origin else ''}"
        f'<td class="k">{word}</td>\n'
        f'<td class="o"><span class="in{line.indent}{child}"><a class="model" href="{escape(line.model_filter)}" '
        f'title="Show only {escape(visible(event.sender))}"{ways.model(event)}>{escape(line.model)}</a> '
        f"{named}</span></td>\n"
        f'<td class="c">{said}{change if line.url else _whole(line, change)}</td>\n'
        f'<td class="a"><a href="{escape(line.actor_filter)}" title="Show only events by {actor}"'
        f"{ways.actor(event, here=not line.origin)}>"
        f'<span class="who small" aria-hidden="true">{escape(initials(line.actor))}</span><span class="value">'
        f"{marked(line.actor, hits)}</span></a></td>\n"
        f'<td class="s"><span><a class="mono value" href="{escape(line.source_filter)}" title="Show only this source"'
        f"{ways.source(event)}>{marked(visible(event.source), hits)}</a> {trace}</span></td></tr>\n"
    )


def _to(address: str, html: str, attributes: str = "") -> str:
    """A link, or the same without one where it would lead nowhere."""
    attributes = attributes and f" {attributes}"
    return f'<a href="{escape(address)}"{attributes}>{html}</a>' if address else f"<span{attributes}>{html}</span>"


def _whole(line: Line, summary: str) -> str:
    """What an event without a page tells, to be opened in its row."""
    event = line.event
    told = [
        ("event", str(event.pk)), ("signal", event.signal), ("outcome", event.outcome),
        ("object", f"{event.sender}/{event.object_pk}"), ("trace", str(event.trace_id)), ("request", line.request_line),
        ("caused by", event.caused_by), ("error", event.error),
    ]  # fmt: skip
    rows = [f"<dt>{name}</dt><dd>{escape(visible(text))}</dd>" for name, text in told if text]
    for diff in line.diffs:
        old, new = (
            f'<{tag} class="mono {side.style}">{escape(side.text)}</{tag}>' if side else ""
            for tag, side in (("del", diff.old), ("ins", diff.new))
        )
        rows.append(f"<dt>{escape(diff.name)}</dt><dd>{old} {new}</dd>")
    return f'<details class="whole"><summary>{summary}</summary><dl>{"".join(rows)}</dl></details>'


def _said(event: SignalEvent) -> str:
    """A mark of what people have pinned or noted."""
    if not (event.pinned or event.notes):
        return ""
    words = ["pinned"] if event.pinned else []
    if event.notes:
        words.append(f"{event.notes:,} note{'' if event.notes == 1 else 's'}")
    told = ", ".join(words)
    address = f"{event_url(event.pk)}#notes"
    return (
        f'<a class="pin" href="{escape(address)}" title="{told}"><span aria-hidden="true">'
        f'{"★" if event.pinned else "✎"}</span><span class="sr-only">{told}</span></a> '
    )


def summary_html(line: Line, hits: Hits | None = None) -> str:
    """What caused an event, why it was undone, and its change, on one line."""
    return "".join(f"{_part(part, way, line, hits)} " for part, way in _with_ways(line))


def told_html(line: Line) -> str:
    """The same without links, for a line that is itself something to press."""
    return "".join(f"{_PARTS.get(part.role, _DIM).format('', escape(part.text))} " for part in line.summary)


def _with_ways(line: Line) -> Iterator[tuple[Part, str]]:
    """The pieces of a line, each with the attributes of the changed field or the value that it shows."""
    fields = {one_line(name, LONGEST_NAME): (name, old, new) for name, old, new in pairs(line.event.changes)}
    named: tuple[str, Any, Any] | None = None
    for part in line.summary:
        way = ""
        if part.role == "dim" and part.text in fields:
            named = fields[part.text]
            way = ways.field(named[0])
        elif part.role in ("old", "new") and named is not None:
            way = ways.value(named[0], part.role == "new", named[1 + (part.role == "new")])
        elif part.role == "cause":
            way = ways.word("receiver", line.event.caused_by)
        yield part, way


def _part(part: Part, way: str, line: Line, hits: Hits | None) -> str:
    if part.role == "cause":
        cause = escape(visible(line.event.caused_by))
        return _to(line.trace_url, marked(part.text, hits), f'class="cause mono" title="{cause}"{way}')
    return _PARTS.get(part.role, _DIM).format(way, marked(part.text, hits))
