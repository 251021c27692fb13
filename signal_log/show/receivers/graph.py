"""Who causes whom, drawn in three columns: models, their receivers, and the models that those change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from signal_log.show.receivers.wiring import Wired, label, mutual
from signal_log.show.words.kinds import short_name
from signal_log.show.words.text import duration, one_line

ROW: Final = 34
BOX: Final = 24
MARGIN: Final = 12
WIDTH: Final = 1_064
LEFT: Final = (MARGIN, 220)
MIDDLE: Final = (362, 310)
RIGHT: Final = (802, 250)
"""The columns: where each begins, and how wide its boxes are."""
MOST: Final = 60
"""More receivers than this are no picture; the table has them all."""


@dataclass(frozen=True, slots=True)
class Box:
    """A named box."""

    text: str
    x: int
    y: int
    width: int
    style: str = ""
    detail: str = ""

    @property
    def middle(self) -> int:
        """Where lines meet it."""
        return self.y + BOX // 2

    @property
    def text_y(self) -> int:
        """The base line of its text."""
        return self.y + 16

    @property
    def text_x(self) -> int:
        """Where its text begins."""
        return self.x + 10


@dataclass(frozen=True, slots=True)
class Line:
    """A curve from box to box."""

    path: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """The picture; ``said`` is the same as sentences, for who cannot see it."""

    width: int
    height: int
    boxes: list[Box] = field(repr=False)
    lines: list[Line] = field(repr=False)
    said: list[str] = field(repr=False)


def graph(found: list[Wired]) -> Graph | None:
    """The picture of all receivers that were seen; None if there are none, or too many."""
    shown = [one for one in found if one.at is not None and one.seen.calls]
    if not shown or len(shown) > MOST:
        return None
    both = mutual(shown)
    senders = _column([_sender(one) for one in shown], LEFT, len(shown))
    targets = _column([model for one in shown for _, model in one.caused], RIGHT, len(shown))
    boxes, lines, said = [*senders.values(), *targets.values()], [], []
    for row, one in enumerate(shown):
        is_mutual = any((one.model, model) in both for _, model in one.caused)
        style = "mutual" if is_mutual else "" if one.caused else "idle"
        box = Box(
            one_line(label(one), 30),
            MIDDLE[0],
            MARGIN + row * ROW,
            MIDDLE[1],
            style,
            f"p95 {duration(one.seen.p95_us)}",
        )
        boxes.append(box)
        lines.append(_line(senders[_sender(one)], box, style))
        for (verb, model), times in one.caused.items():
            lines.append(_line(box, targets[model], style))
            said.append(one_line(f"{_sender(one)} · {label(one)}: {verb} {model} × {times:,}", 200))
    return Graph(WIDTH, 2 * MARGIN + len(shown) * ROW - (ROW - BOX), boxes, lines, said)


def _sender(one: Wired) -> str:
    return one.model or short_name(one.signal)


def _column(names: list[str], column: tuple[int, int], rows: int) -> dict[str, Box]:
    """A box for each name, spread over the height in the order in which they appear."""
    distinct = list(dict.fromkeys(names))
    step = rows * ROW / max(1, len(distinct))
    return {
        name: Box(one_line(name, 30), column[0], MARGIN + round(number * step + (step - ROW) / 2), column[1], "model")
        for number, name in enumerate(distinct)
    }


def _line(start: Box, end: Box, style: str) -> Line:
    a, b = start.x + start.width, end.x
    half = (a + b) // 2
    return Line(f"M{a} {start.middle}C{half} {start.middle} {half} {end.middle} {b} {end.middle}", style)
