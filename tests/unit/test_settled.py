"""What follows from who held the lock when: an id is settled once nobody is left who might have brought it."""

import random

from signal_log.seal.settled import KEPT, Horizon
from signal_log.store.write_locks import PREPARED


def floor(*looks: tuple[int, str]) -> int:
    """The id up to which all is settled after these looks: the newest id, and one letter for each holder."""
    horizon = Horizon()
    for newest, holders in looks:
        horizon.learn(newest, frozenset(holders) - {"P"} | ({PREPARED} if "P" in holders else set()))
    return horizon._floor


def test_holders_who_have_ended_bring_nothing_more():
    """Newer holders cannot bring an id that had been given before they came."""
    assert floor((5, "")) == 5
    assert floor((5, "a")) == 0
    assert floor((5, "a"), (9, "b")) == 5
    assert floor((5, "ab"), (9, "bc"), (12, "c")) == 5
    assert floor((5, "ab"), (9, "bc"), (12, "cd"), (13, "d")) == 9
    assert floor((5, "a"), (9, "a"), (12, "ab"), (13, "b")) == 9
    assert floor((5, "a"), (9, "b"), (11, "ab")) == 5


def test_a_prepared_transaction_holds_on_under_whatever_name():
    """Nobody who held the lock is known to have ended while one is prepared."""
    assert floor((5, "a"), (9, "pP")) == 0
    assert floor((5, "a"), (9, "pP"), (11, "p")) == 5
    assert floor((5, "a"), (9, "pP"), (11, "")) == 11
    horizon = Horizon()
    for number in range(10 * KEPT):
        horizon.learn(number, frozenset({PREPARED, "p", str(number)}))
    assert len(horizon._evidence) <= KEPT
    horizon.learn(2_000, frozenset({"late"}))
    assert horizon._floor == 10 * KEPT - 1


def test_any_schedule_of_transactions():
    """Nothing at or below what is called settled appears afterwards, whatever begins, takes ids and ends when."""
    for seed in range(200):
        dice = random.Random(seed)
        horizon, given, visible, open_ = Horizon(), 0, set(), {}
        for number in range(300):
            match dice.randrange(4):
                case 0:
                    open_[str(number)] = []
                case 1 if open_:
                    given += 1
                    open_[dice.choice(sorted(open_))].append(given)
                case 2 if open_ and dice.random() < 0.5:
                    ids = open_.pop(dice.choice(sorted(open_)))
                    assert all(one > horizon._floor for one in ids), seed
                    if dice.random() < 0.8:
                        visible.update(ids)
                case 3:
                    horizon.learn(max(visible, default=0), frozenset(open_))
        horizon.learn(max(visible, default=0), frozenset())
        assert horizon._floor == max(visible, default=0)
