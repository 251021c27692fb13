"""Writes the rows of a cascade as HTML, in Python: a template per row costs a host that watches templates gigabytes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import islice
from typing import Final
from urllib.parse import quote

from django.utils.safestring import SafeString, mark_safe

from signal_log.models import SignalEvent
from signal_log.show.links import url
from signal_log.show.trace.part import begin_of
from signal_log.show.trace.percentiles import Standing
from signal_log.show.trace.tree_row import Row
from signal_log.show.words import ways

CHUNK: Final = 50
"""Rows per block that the browser can skip when off-screen (``content-visibility``); trace.css uses the number too."""
MARK: Final = b"<!-- rows -->"


class Rows:
    """Rows as blocks of UTF-8, each a ``<tbody>``.

    A template has a mark, in the place of which ``into`` puts the rows: a template would hold a long page several
    times over. What it shows of itself is short, because tools for templates print the context.
    """

    def __init__(self, rows: Iterable[Row], *, timed: bool, grouped: bool = True) -> None:
        self._write = _Writer(timed=timed, grouped=grouped)
        self.number = 0
        self.positions: set[int] = set()
        self.folded = False
        self._blocks: list[bytes] = []
        begin = '<tbody role="rowgroup" class="chunk">' if timed else "<tbody>"
        pending = iter(rows)
        while block := "".join(map(self._row, islice(pending, CHUNK))):
            self._blocks.append(f"{begin}{block}</tbody>".encode())

    def into(self, page: str) -> bytes:
        """The page with the rows in their place."""
        before, after = page.encode().split(MARK)
        return b"".join((before, *self._blocks, after))

    @property
    def html(self) -> SafeString:
        """The rows themselves, for a page of few."""
        return mark_safe(b"".join(self._blocks).decode())  # noqa: S308  the writer escapes

    @property
    def mark(self) -> SafeString:
        """What ``into`` looks for; recorded text, which is escaped, cannot be the same."""
        return mark_safe(MARK.decode())  # noqa: S308  it is a comment

    def __len__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"<{self.number} rows>"

    def _row(self, row: Row) -> str:
        self.number += 1
        self.folded = self.folded or row.what == "many"
        if row.position is not None and row.what != "earlier":
            self.positions.add(row.position)
        return self._write.row(row)


def to_row(position: int, *, grouped: bool) -> str:
    """The query and the fragment of a trace's page that lead to the row of what began at this position."""
    after = begin_of(position, grouped=grouped)
    given = ([] if grouped else ["all=1"]) + ([f"after={after}"] if after else [])
    return f"?{'&'.join(given)}#p{position}"


class _Writer:
    """``timed`` adds self time and typical duration, for a table that is laid out as a grid."""

    def __init__(self, *, timed: bool, grouped: bool) -> None:
        self._timed = timed
        self._grouped = grouped
        self._event, _, self._after_event = url("event", 0).rpartition("0")
        self._trace = ""
        self._roles = (' role="row"', ' role="rowheader"', ' role="cell"') if timed else ("", ' scope="row"', "")

    def row(self, row: Row) -> str:
        """One ``<tr>``."""
        tr, th, td = self._roles
        kind = f"{row.what} {row.bad}" if row.bad else row.what
        level = f' data-level="{row.level}"' if self._timed else ""
        anchor = f' id="p{row.position}"' if self._timed and row.position is not None and row.what != "earlier" else ""
        rest = self._usual(row) if self._timed else ""
        return (
            f'<tr class="{kind}"{tr}{level}{anchor}><th{th} class="in{row.indent}">'
            f'<span class="sr-only">level {row.level}: </span>{self._label(row)}{_notes(row)}</th>'
            f'<td{td} class="axis">{_bar(row)}</td><td{td} class="num nowrap">{row.time}</td>{rest}</tr>'
        )

    def _label(self, row: Row) -> str:
        label, event = escape(row.label), row.event
        if row.what == "receiver":
            package, name = escape(row.package), escape(row.name)
            way = ways.word("receiver", row.label) if self._timed else ""
            return f'<span class="mono value receiver-name"{way}><span class="package">{package}</span>{name}</span>'
        if row.what == "earlier":
            position = row.position or 0
            return f'<a href="{to_row(position, grouped=self._grouped)}">{label}</a>'
        if event is None:
            return f'<span class="kind small undone">{label}</span>'
        if row.what == "more":
            return f'<a href="{self._trace_of(row)}{to_row(event.operation, grouped=False)}">{label}</a>'
        address = f"{self._event}{getattr(event, 'pk', 0)}{self._after_event}"
        if row.what == "signal":
            return f'<a class="mono" href="{address}">{label}</a>'
        object_name = f" {escape(row.object)}"
        if row.what == "many":
            address = f"{url('events')}?trace={event.trace_id}&amp;sender={quote(event.sender, safe='')}"
            object_name = ""
        return (
            f'<span class="verb">{label}</span> <a class="value" href="{address}"{self._way(row)}>'
            f"<b>{escape(row.model)}</b>{object_name}</a> "
            f'<span class="kind small {row.style}">{escape(row.word)}</span>'
        )

    def _trace_of(self, row: Row) -> str:
        if not self._trace and row.event is not None:
            self._trace = url("trace", row.event.trace_id)
        return self._trace

    def _way(self, row: Row) -> str:
        is_one = self._timed and row.what == "operation"
        return ways.row(row.event, goes=True) if is_one and isinstance(row.event, SignalEvent) else ""

    @staticmethod
    def _usual(row: Row) -> str:
        text = f"{band(row.standing)}<span>{row.standing.text}</span>" if row.standing else ""
        own = f'<td role="cell" class="num nowrap own">{row.own}</td>'
        return f'{own}<td role="cell" class="usual">{text}</td>'


def _notes(row: Row) -> str:
    notes = ""
    times = f"{row.standing.times} × p50" if row.standing and row.standing.unusual else ""
    if row.slow:
        notes += f' <span class="slow">{", ".join(filter(None, ("slow", times)))}</span>'
    elif times:
        notes += f' <span class="muted">{times}</span>'
    if row.critical:
        notes += ' <span class="critical" title="It ran beside others and ended last: the save waited for it.">'
        notes += "critical path</span>"
    if row.queries:
        notes += f' <span class="muted">{row.queries:,} quer{"y" if row.queries == 1 else "ies"}</span>'
    if row.error:
        notes += f' <span class="err mono">{escape(row.error)}</span>'
    if row.remark:
        notes += f' <span class="remark">{escape(row.remark)}</span>'
    if row.call_site:
        notes += f' <span class="site mono value" data-place>{escape(row.call_site)}</span>'
    return notes


def _bar(row: Row) -> str:
    if row.width is None:
        return ""
    style = f" {row.style}" if row.style else ""
    return (
        f'<svg class="fall{style}" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{row.x:.7g}" width="{row.width:.7g}" height="8"/></svg>'
    )


def band(stood: Standing) -> str:
    """From p50 to p99, with a mark for this run; as `Spread` of the live page draws it."""
    if stood.at is None:
        return ""
    late = " late" if stood.unusual else ""
    return (
        f'<svg class="spread{late}" viewBox="-1 0 102 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{stood.p50:.1f}" y="2" width="{stood.band:.1f}" height="4"/><path d="M{stood.at:.1f} 0V8"/></svg>'
    )
