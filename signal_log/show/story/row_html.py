"""The lines of a story as HTML, written in Python: a template takes several times as long for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from signal_log.show.story.line import StoryLine
from signal_log.show.words.text import visible

Written = Callable[[StoryLine], str]


def story_html(
    lines: Iterable[StoryLine], label: str, comparable: Sequence[int], said: Written, diffs: Written
) -> SafeString:
    """A list of lines with a heading for each day; ``said`` writes the change on one line, ``diffs`` the whole of it.

    ``comparable`` are the two events that are chosen to be compared, if any can be.
    """
    written, day = [], None
    for line in lines:
        when = localtime(line.event.occurred_at)
        if when.date() != day:
            day = when.date()
            written.append(f'<li class="day">{day:%A}, {day.day} {day:%B %Y}</li>')
        written.append(_line(line, f"{when:%H:%M:%S}", label, comparable, said, diffs))
    return mark_safe(f'<ol class="story">{"".join(written)}</ol>')  # noqa: S308  each text in it is escaped


def _line(line: StoryLine, when: str, label: str, comparable: Sequence[int], said: Written, diffs: Written) -> str:
    event, kind = line.event, line.kind
    lost = "" if event.outcome == "committed" else " lost"
    iso, actor = line.iso, escape(line.actor)
    whose = "" if line.is_own and event.sender == label else f"<b>{escape(line.model)}</b> "
    if not line.is_own:
        whose += f'<span class="value">{escape(line.object)}</span> '
    told = whose + said(line)
    if event.redacted_at is not None:
        told += ' <span class="remark">redacted</span>'
    if not told:  # where there is little room the kind is an icon, which alone says nothing
        told = f'<span class="muted word">{escape(kind.word)}</span>'
    return (
        f'<li class="op{lost}">{_pair(line, comparable)}<details id="e{event.pk}"><summary>'
        f'<time datetime="{iso}" title="{iso} · event {event.pk}">{when}</time> '
        f'<span class="kind {kind.style}">{escape(kind.word)}</span> <span class="said">{told}</span> '
        f'<span class="by value">{actor}</span></summary><div class="how">{_how(line, diffs)}'
        f'<p class="links">{" ".join(_links(line, actor))}</p><p class="muted mono value">{escape(line.request_line)}'
        f"{_cause(line)}</p></div></details></li>"
    )


def _pair(line: StoryLine, comparable: Sequence[int]) -> str:
    """Two buttons that choose the event as one end of a comparison; an empty cell where it is none."""
    if not comparable:
        return ""
    pk = line.event.pk
    if not (line.tells and line.is_own):
        return '<span class="pair"></span>'
    ends = (
        f'<input type="radio" form="compare" name="{name}" value="{pk}"{" checked" if pk == chosen else ""} '
        f'aria-label="Compare {name} event {pk}">'
        for name, chosen in zip(("from", "to"), comparable, strict=True)
    )
    return f'<span class="pair">{" ".join(ends)}</span>'


def _how(line: StoryLine, diffs: Written) -> str:
    error, remarks = line.error, line.remarks
    told = f'<pre class="value err">{escape(error)}</pre>' if error else ""
    told += "".join(f'<p class="remark">{escape(remark)}</p>' for remark in remarks)
    shown = diffs(line)
    return told + (shown if shown or told else '<p class="muted">No fields changed.</p>')


def _links(line: StoryLine, actor: str) -> Iterable[str]:
    yield _link(line.url, f"Event {line.event.pk}")
    yield _link(line.trace_url, "Trace")
    if line.at_url:
        yield _link(line.at_url, "State then")
    if not line.is_own and line.object_url:
        yield _link(line.object_url, f"History of this {escape(line.model)}")
    yield _link(line.actor_url, f'Everything by <span class="value">{actor}</span>')
    if line.restore_url:
        yield _link(line.restore_url, "Restore what was before")


def _link(address: str, shown: str) -> str:
    return f'<a href="{escape(address)}">{shown}</a>'


def _cause(line: StoryLine) -> str:
    return f' · <span class="cause">{escape(visible(line.event.caused_by))}</span>' if line.event.caused_by else ""
