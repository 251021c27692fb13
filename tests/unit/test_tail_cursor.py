"""The gap-aware cursor and the tail, against a model of a database whose clients do anything in any order."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_log.errors import CursorError, LogUnavailable
from signal_log.store.follow import Edge, Extent, Hole
from signal_log.tail import reader
from signal_log.tail.cursor import START, Anchor, Frontier, Gap, GapCursor, Ids, Question, Token
from signal_log.tail.reader import Batch, Tail


def mark(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}"


def anchors(*ids: int) -> list[Anchor]:
    return [Anchor(number, mark(number)) for number in ids]


class World:
    """A model of PostgreSQL: ids come from a sequence, and locks are held from before the id until after the commit.

    Before each statement of the reader some of the writers take the steps that the test has planned.
    """

    one_writer = False

    def __init__(self, dice: random.Random, steps: int, outages: float) -> None:
        self.dice = dice
        self.steps = steps
        self.outages = outages
        self.next_id = 1
        self.begun = 0
        self.transactions: dict[str, list[int]] = {}
        self.committed: set[int] = set()
        self.seen_at_start: set[int] = set()

    def disturb(self) -> None:
        """Let the writers take up to three steps; sometimes the database fails."""
        for _ in range(self.dice.randint(0, 3)):
            if self.steps > 0:
                self.steps -= 1
                self.act()
        if self.steps > 0 and self.dice.random() < self.outages:
            raise LogUnavailable("gone")

    def act(self) -> None:
        """Let one transaction begin, take an id, commit or roll back."""
        action = self.dice.choices(["begin", "insert", "commit", "roll back"], [3, 5, 3, 1])[0]
        if action == "begin" or not self.transactions:
            self.begun += 1  # it holds the lock but has no id yet
            self.transactions[f"{self.begun}/1"] = []
            return
        name = self.dice.choice(sorted(self.transactions))
        if action == "insert":
            self.transactions[name].append(self.next_id)
            self.next_id += 1
        elif action == "commit":
            self.committed.update(self.transactions.pop(name))
        else:
            del self.transactions[name]

    def finish(self) -> None:
        """End every transaction and all failures."""
        self.steps = 0
        for name in sorted(self.transactions):
            self.committed.update(self.transactions.pop(name))

    def epoch(self) -> str:
        self.disturb()
        return "0badcafe"

    def extent(self) -> Extent:
        self.disturb()
        return Extent(min(self.committed, default=0), max(self.committed, default=0))

    def mark(self, number: int) -> str | None:
        self.disturb()
        return mark(number) if number in self.committed else None

    def has(self, rows: list[Edge]) -> bool:
        self.disturb()
        return all(row.id in self.committed and row.mark == mark(row.id) for row in rows)

    def beginning(self) -> tuple[Edge, list[Hole]]:
        self.disturb()
        self.seen_at_start = set(self.committed)
        ids = [0, *sorted(self.committed)]
        edges = [Edge(number, mark(number) if number else "") for number in ids]
        holes = [Hole(low.id + 1, high.id - 1, low) for low, high in pairwise(edges) if high.id > low.id + 1]
        return edges[-1], holes

    def read(self, above: int, ranges: list[tuple[int, int]], limit: int) -> list[dict[str, object]]:
        self.disturb()
        found = sorted(
            number
            for number in self.committed
            if number > above or any(first <= number <= last for first, last in ranges)
        )
        return [{"id": number, "digest": mark(number) * 8} for number in found[:limit]]

    def holders(self) -> frozenset[str]:
        self.disturb()
        return frozenset(self.transactions)


def follow(tail: Tail, times: int) -> list[Batch]:
    batches = []
    for _ in range(times):
        try:
            batches.append(tail.advance())
        except LogUnavailable:
            continue
    return batches


def settled_of(frontier: Frontier, seen: set[int], base: set[int]) -> None:
    """Assert that every settled id that exists has been delivered."""
    assert all(number > frontier.settled.id for first, last in frontier.gaps.ranges for number in (first, last))
    assert frontier.settled.id in seen | base | {0}


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(20, 250),
    outages=st.sampled_from([0, 0.02]),
    warm_up=st.integers(0, 30),
    limit=st.integers(1, 6),
    ranges=st.integers(1, 3),
)
def test_every_committed_row_comes_once_whatever_the_order_of_commits(
    seed: int, steps: int, outages: float, warm_up: int, limit: int, ranges: int
) -> None:
    """With random begins, ids, commits, rollbacks and outages between any two statements, each row comes once.

    Nothing commits below what was called settled.
    """
    world = World(random.Random(seed), steps, outages)
    for _ in range(warm_up):
        world.act()
    tail = Tail(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "MAX_ROWS", limit)
        patch.setattr(reader, "MAX_RANGES", ranges)
        patch.setattr(reader, "CHECK_EVERY", float("inf"))
        patch.setattr(reader, "START_TIMEOUT", 0)
        begun: Frontier | None = None
        while begun is None:
            try:
                begun = tail.start()
            except LogUnavailable:
                continue
        base = world.seen_at_start
        delivered: list[int] = []
        promised = 0
        for step in range(300):
            if step == 150 or not world.steps:
                world.finish()
            for batch in follow(tail, 1):
                assert batch.reset is None
                ids = [event.id for event in batch.events]
                assert ids == sorted(ids)
                assert all(number > promised for number in ids)
                delivered += ids
                settled_of(batch.frontier, set(delivered), base)
                promised = batch.frontier.settled.id
        left = tail.advance().frontier
    assert len(delivered) == len(set(delivered))
    assert set(delivered) | base == world.committed
    assert not set(delivered) & base
    assert left.settled == left.top
    assert not left.gaps


def test_a_gap_stays_open_while_its_holder_lives_and_is_dead_when_a_later_read_still_misses_it() -> None:
    """Lock holders are listed before the read, so a holder seen before the read keeps the gap open."""
    cursor = GapCursor(anchors(1)[0])
    cursor.take(cursor.question(9), anchors(4), complete=True, before=frozenset(), now=0)
    cursor.note_holders(frozenset({"3/7"}))
    assert cursor.settled.id == 1
    cursor.take(cursor.question(9), [], complete=True, before=frozenset({"3/7"}), now=0)
    assert [(gap.first, gap.last) for gap in cursor.gaps] == [(2, 3)]
    cursor.take(cursor.question(9), anchors(3), complete=True, before=frozenset({"9/9"}), now=0)
    assert cursor.gaps == []
    assert cursor.settled.id == 4


def test_a_gap_without_evidence_is_never_closed() -> None:
    """A gap stays open until somebody has looked at who might fill it."""
    cursor = GapCursor(START)
    cursor.take(cursor.question(9), anchors(3), complete=True, before=frozenset(), now=0)
    cursor.take(cursor.question(9), [], complete=True, before=frozenset(), now=0)
    assert [(gap.first, gap.last) for gap in cursor.gaps] == [(1, 2)]


def test_a_prepared_transaction_keeps_gaps_open() -> None:
    """Any prepared transaction keeps gaps open, because its identity may change while it is prepared."""
    gap = Gap(2, 3, START, 0, frozenset({"3/7"}))
    assert gap.open_under(frozenset({"-1/733", "prepared"}))
    assert not gap.open_under(frozenset({"4/1"}))


def test_a_read_that_stopped_at_its_limit_does_not_close_the_gaps_behind_it() -> None:
    """A read that stopped at its limit leaves the gaps beyond its last row open."""
    cursor = GapCursor(anchors(1)[0])
    cursor.take(cursor.question(9), anchors(4, 9), complete=True, before=frozenset(), now=0)
    cursor.note_holders(frozenset({"3/7"}))
    cursor.take(cursor.question(9), anchors(2), complete=False, before=frozenset(), now=0)
    assert [(gap.first, gap.last) for gap in cursor.gaps] == [(3, 3), (5, 8)]


def test_with_one_writer_a_gap_is_dead_at_once() -> None:
    """On SQLite, ids become visible in order, so a gap is dead at once."""
    cursor = GapCursor(START, one_writer=True)
    cursor.take(cursor.question(9), anchors(3, 7), complete=True, before=frozenset(), now=0)
    assert cursor.question(9) == Question(7, ())
    assert cursor.settled == anchors(7)[0]


def test_very_many_gaps_take_turns() -> None:
    """A read asks for a limited number of ranges, and successive reads get to all of them."""
    cursor = GapCursor(START)
    cursor.take(cursor.question(9), anchors(2, 4, 6, 8, 10), complete=True, before=frozenset(), now=0)
    asked = [cursor.question(2).ranges for _ in range(3)]
    assert sorted(sum(asked, ())) == [(1, 1), (3, 3), (5, 5), (7, 7), (9, 9)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0badcafe",
        "0badcafe:5",
        "0badcafe:-5:12345678",
        "0badcafe:05:12345678",
        "0badcafe:5:1234567",
        "0badcafe:5:",
        "0badcafe:0:12345678",
        "0BADCAFE:5:12345678",
        "0badcafe:9999999999999999999:12345678",
        "0badcafe:5:12345678\n",
        "0badcafe:\u0665:12345678",
        "0badcafe:5:12345678:",
    ],
)
def test_an_invalid_cursor_is_refused(text: str) -> None:
    """Anything but a cursor that the log issued is refused."""
    with pytest.raises(CursorError):
        Token.parse(text)


@given(st.integers(1, 2**63 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_cursor_survives_its_text(number: int, epoch: int, digest: int) -> None:
    """Parsing a formatted cursor gives the same cursor."""
    token = Token(f"{epoch:08x}", Anchor(number, f"{digest:08x}"))
    assert Token.parse(str(token)) == token


@given(st.lists(st.integers(1, 60)), st.integers(0, 61))
def test_ids_are_a_set(numbers: list[int], limit: int) -> None:
    """Ranges hold exactly the ids that were added, merge where they touch, and can be removed from below."""
    ids = Ids()
    for number in numbers:
        ids.add(number)
    assert [n for n in range(62) if n in ids] == sorted(set(numbers))
    assert all(low[1] + 1 < high[0] for low, high in pairwise(ids.ranges))
    ids.discard_up_to(limit, tuple(ids.ranges))
    assert [n for n in range(62) if n in ids] == sorted(n for n in set(numbers) if n > limit)


def test_what_a_replica_that_took_over_lacks_is_a_rewound_log_though_higher_ids_are_there() -> None:
    """The lower id was committed last, and reached nobody else; what was pruned long ago is no such thing."""
    world = World(random.Random(1), 0, 0)
    world.committed |= {1, 2}
    tail = Tail(world)
    tail.start()
    world.transactions["slow"] = [3]
    world.committed.add(4)
    assert [event.id for event in tail.advance().events] == [4]
    world.committed.add(3)
    del world.transactions["slow"]
    assert [event.id for event in tail.advance().events] == [3]
    world.committed.remove(3)
    assert tail.advance().reset is None, "without an outage only the newest row is looked at"
    fail(world, tail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "LOSABLE", -1)
        assert tail.advance().reset is None
    fail(world, tail)
    assert tail.advance().reset == "rewound"


def fail(world: World, tail: Tail) -> None:
    """Let the database be gone at the next read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "read", gone)
        assert follow(tail, 1) == []


def gone(*_: object) -> list[dict[str, object]]:
    raise LogUnavailable("gone")
