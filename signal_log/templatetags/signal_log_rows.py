"""Parts of rows as tags, written in Python; ``{% load signal_log_rows %}``.

A template that is included for each row costs a host gigabytes if a tool of it watches templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from signal_log.event import BASELINE
from signal_log.models import SignalEvent
from signal_log.show.line_html import history_rows, summary_html, told_html
from signal_log.show.links import url
from signal_log.show.sessions.compared import Row
from signal_log.show.story.line import StoryLine
from signal_log.show.story.row_html import story_html
from signal_log.show.trace.percentiles import Standing
from signal_log.show.trace.row_html import band as percentile_band
from signal_log.show.words import ways
from signal_log.show.words.broken import Broken
from signal_log.show.words.diff import FieldDiff, Side
from signal_log.show.words.hits import Hits
from signal_log.show.words.operations import Line
from signal_log.show.words.state import Known
from signal_log.show.words.text import visible

register = template.Library()


@register.simple_tag
def change(line: Line) -> SafeString:
    """What caused an event, why it was undone, and its change, on one line."""
    return _safe(summary_html(line))


@register.simple_tag
def history(lines: Iterable[Line], hits: Hits | None = None) -> SafeString:
    """The rows of the history's table, with what the query asked for marked."""
    return history_rows(lines, hits)


@register.simple_tag
def story(lines: Iterable[StoryLine], label: str, comparable: Sequence[int]) -> SafeString:
    """A story's lines, which are opened in place."""
    return story_html(lines, label, comparable, told_html, lambda line: diff(line.diffs))


@register.simple_tag
def known(field: Known, unknown: str = "unknown: not in any recorded change") -> SafeString:
    """The cells of a field at a moment: what it held, and from which event that is known; ``unknown`` if it is not."""
    if field.event is None or field.value is None:
        return _safe(f'<td><span class="muted">{escape(unknown)}</span></td><td></td>')
    told = [f'<span class="mono value {field.value.style}">{escape(field.value.text)}</span>']
    if field.redacted:
        told.append('<span class="remark">masked by a redaction</span>')
    if field.believed:
        told.append('<span class="remark">as the object believed; the database did not tell</span>')
    if field.found is not None and field.found_by is not None:
        told.append(
            f'<span class="remark">the <a href="{escape(url("event", field.found_by.pk))}">next change</a> found '
            f'<span class="mono value {field.found.style}">{escape(field.found.text)}</span>, written in between</span>'
        )
    when = localtime(field.event.occurred_at).strftime("%Y-%m-%d %H:%M:%S")
    source = f'<a href="{escape(url("event", field.event.pk))}">{_next(field)}{when}</a>'
    return _safe(f"<td>{' '.join(told)}</td><td>{source}</td>")


def _next(field: Known) -> str:
    if not field.later or field.event is None:
        return ""
    return "baseline after it, " if field.event.signal == BASELINE else "next change, "


@register.simple_tag
def broken_line(each: Broken) -> SafeString:
    """One value that was written past Django, in a sentence with the events on both sides."""
    before, after = (f'<a href="{escape(url("event", pk))}">event {pk}</a>' for pk in (each.before, each.after))
    if each.is_of_row:
        known, found = escape(each.known.text), escape(each.found.text)
        return _safe(f"The row was {known} after {before} and {found} before {after}.")
    known, found = (
        f'<span class="mono value {side.style}">{escape(side.text)}</span>' for side in (each.known, each.found)
    )
    return _safe(f'<b class="value">{escape(each.name)}</b> was {known} after {before} and {after} found {found}.')


@register.simple_tag
def diff(diffs: Sequence[FieldDiff]) -> SafeString:
    """The changes of one event, old above new."""
    return _safe(f'<dl class="diff">{"".join(map(_field, diffs))}</dl>' if diffs else "")


@register.simple_tag
def stack(frames: Sequence[Sequence[str]]) -> SafeString:
    """A call stack, folded to its innermost own frame; nothing without one."""
    if not frames:
        return _safe("")
    told = "".join(_frame(where, above) for where, above in frames)
    return _safe(f'<details class="stack"><summary>{_text(frames[0][0])}</summary><ol>{told}</ol></details>')


@register.simple_tag
def way(event: SignalEvent, name: str) -> SafeString:
    """The attributes of an element that shows a value of an event, so that its menu can ask for it."""
    of = {"model": ways.model, "object": ways.row, "actor": ways.actor, "source": ways.source}
    return _safe(of[name](event) if name in of else ways.of_column(event, name))


@register.simple_tag
def word_way(of: str, text: str) -> SafeString:
    """The same of a text that only a search finds."""
    return _safe(ways.word(of, str(text)))


@register.simple_tag
def band(standing: Standing | None) -> SafeString:
    """A receiver's run: a band from p50 to p99 with a mark for this run."""
    return _safe(percentile_band(standing) if standing else "")


@register.simple_tag
def compared_rows(rows: Iterable[Row]) -> SafeString:
    """What differs between two trees, as the rows of a table."""
    return _safe("".join(map(_compared, rows)))


def _frame(where: str, above: str) -> str:
    called = f' <span class="muted value">→ {_text(above)}</span>' if above else ""
    return f'<li><span class="value" data-place>{_text(where)}</span>{called}</li>'


def _field(field: FieldDiff) -> str:
    old, new = _side("del", field.old, field.field, 0), _side("ins", field.new, field.field, 1)
    why = "masked by a redaction, or never logged" if field.redacted else "masked: the value was never logged"
    masked = f'<small class="muted">{why}</small>' if field.masked else ""
    unseen = '<small class="remark">its writer had not seen the old value</small>' if field.unseen else ""
    name = _asked(escape(field.name), ways.field(field.field))
    return f"\n<div><dt>{name}</dt><dd>{old}{new}{masked}{unseen}</dd></div>"


def _side(tag: str, side: Side | None, name: str, place: int) -> str:
    if side is None:
        return ""
    style = f' class="{side.style}"' if side.style else ""
    pieces = (f"<mark>{escape(one.text)}</mark>" if one.marked else escape(one.text) for one in side.pieces)
    way = ways.side(name, place, side.asked) if name and side.asked else ""
    return f"<{tag}{style}>{_asked(''.join(pieces), way)}</{tag}>"


def _asked(html: str, way: str) -> str:
    return f"<span{way}>{html}</span>" if way else html


def _compared(row: Row) -> str:
    deep = f'<span class="sr-only">level </span><span class="muted">{row.level}</span> ' if row.is_deep else ""
    note = f' <span class="chip">{escape(row.note)}</span>' if row.note else ""
    mono = " mono" if row.is_receiver else ""
    return (
        f'<tr class="{escape(row.change)}"><td class="sign"><span aria-hidden="true">{row.sign}</span>'
        f'<span class="sr-only">{row.said}</span></td>'
        f'<td class="level-{row.indent} value{mono}">{deep}{escape(row.words)}{note}</td>'
        f'<td class="nowrap before">{escape(row.before)}</td><td class="nowrap after">{escape(row.after)}</td></tr>'
    )


def _text(text: str) -> str:
    return escape(visible(str(text)))


def _safe(html: str) -> SafeString:
    return mark_safe(html)  # noqa: S308  each text in it is escaped
