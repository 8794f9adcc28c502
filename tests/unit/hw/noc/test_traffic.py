"""Patterns of traffic, and packets at random."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.hw.noc.traffic import bernoulli, destinations
from stallscope.simcore.errors import SpecError


def generator(seed=3):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    # node 6 of 4 x 4 is (2, 1), node 15 is (3, 3)
    [("transpose", [9, 15]), ("bitcomp", [9, 0]), ("neighbor", [11, 0]), ("tornado", [11, 0]),
     ("hotspot({5})", [5, 5])],
)  # fmt: skip
def test_patterns_send_there(pattern, expected):
    assert destinations(pattern, 4, np.array([6, 15]), generator()).tolist() == expected


def test_drawn_destinations_are_even():
    source = np.zeros(16_000, dtype=np.int64)
    uniform = np.bincount(destinations("uniform", 4, source, generator()), minlength=16)
    assert uniform.min() > 850
    assert uniform.max() < 1150
    four = np.bincount(destinations("hotspot({{1,2,5,6}})", 4, source, generator()))
    assert np.flatnonzero(four).tolist() == [1, 2, 5, 6]
    assert four[four > 0].min() > 3800


@pytest.mark.parametrize("pattern", ["shuffle", "hotspot({16})", "hotspot()", ""])
def test_unknown_patterns_are_refused(pattern):
    with pytest.raises(SpecError, match=r"is no pattern of this mesh; known: uniform"):
        destinations(pattern, 4, np.zeros(1, dtype=np.int64), generator())


def test_packets_come_at_their_rate_in_order_of_time():
    node, cycle = bernoulli(50, 4000, 0.1, generator())
    assert len(node) == pytest.approx(20_000, rel=0.03)
    assert cycle.min() >= 0
    assert cycle.max() < 4000
    for each in range(50):
        times = cycle[node == each]
        assert (np.diff(times) >= 1).all()
    # the chance of two in successive cycles is that of any other
    assert (np.diff(cycle)[np.diff(node) == 0] == 1).mean() == pytest.approx(0.1, rel=0.1)


def test_the_same_seed_gives_the_same_packets():
    one, two, other = (bernoulli(4, 500, 0.2, generator(seed))[1] for seed in (1, 1, 2))
    assert one.tolist() == two.tolist() != other.tolist()
