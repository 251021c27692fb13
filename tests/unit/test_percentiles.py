"""How long a receiver usually takes, and how one run compares with that."""

from __future__ import annotations

import pytest

from signal_log.show.trace.percentiles import MIN_RUNS, Percentiles, percentiles, standing


def test_quantiles_are_times_that_some_run_took() -> None:
    """Percentiles are durations that some run really had: of 1 to 100 µs, p50 is 50 and p99 is 99."""
    assert percentiles([*range(1, 101)]) == Percentiles(100, 50, 99)


@pytest.mark.parametrize("own", [1, 2, 7, 50, 99, 100])
def test_a_run_is_not_compared_with_itself(own: int) -> None:
    """A run is compared with the percentiles of the other runs, without itself."""
    runs = [*range(1, 50), 50, 50, *range(51, 101)]
    others = sorted(runs)
    others.remove(own)
    assert percentiles(runs, without=own) == percentiles(others)
    assert percentiles([7], without=7) is None
    assert percentiles([]) is None
    assert standing(7, None).text == "no other recent runs"


@pytest.mark.parametrize(("number", "p99"), [(1, None), (MIN_RUNS - 1, None), (MIN_RUNS, 7)])
def test_a_small_number_of_runs_has_no_p99(number: int, p99: int | None) -> None:
    """Too few runs have no p99, and the text says so."""
    found = percentiles([7] * number)
    assert found is not None
    assert found.p99_us == p99
    rating = standing(7, found)
    assert ("too few for p99" in rating.text) == (p99 is None)
    assert f"n={number}" in rating.text
    assert (rating.at is None) == (p99 is None)


@pytest.mark.parametrize(
    ("us", "unusual"),
    [(4_100, True), (4_099, False), (90_000, True), (300, False)],
)
def test_a_run_at_its_p99_is_called_unusual(us: int, unusual: bool) -> None:
    """A run at or above its p99 is marked; the text is the same either way."""
    rating = standing(us, Percentiles(500, 300, 4_100))
    assert rating.text == "p50 300 µs · p99 4.1 ms · n=500"
    assert rating.unusual == unusual


def test_a_short_or_hardly_longer_run_is_not_called_unusual() -> None:
    """A run above p99 is not unusual if it took less than a millisecond or hardly longer than p50."""
    assert not standing(999, Percentiles(500, 3, 10)).unusual
    assert not standing(2_999, Percentiles(500, 1_000, 1_100)).unusual
    assert standing(3_000, Percentiles(500, 1_000, 1_100)).times == 3


def test_the_graph_holds_the_band_and_the_run() -> None:
    """A usual run lies left of p99 in the graph, an extreme one narrows the band, and zeros can be drawn too."""
    within, beyond = standing(2_000, Percentiles(500, 1_000, 4_000)), standing(40_000, Percentiles(500, 1_000, 4_000))
    assert (within.p50, within.p99, within.at, within.band) == (25, 100, 50, 75)
    assert (beyond.p50, beyond.p99, beyond.at) == (2.5, 10, 100)
    assert standing(0, Percentiles(20, 0, 0)).at == 0
