"""Steps are numbered by the loops that matter, and no others."""

from itertools import product

import pytest

from stallscope.traces.contents import StepKeys
from stallscope.traces.program import StreamLoop


def loop(dimension: str, extent: int, step: int) -> StreamLoop:
    return StreamLoop(dimension=dimension, extent=extent, step=step)


LOOPS = [loop("K", 3, 4), loop("P", 5, 1), loop("C", 2, 8), loop("K", 4, 1)]


@pytest.mark.parametrize("dimensions", [(), ("K",), ("K", "C"), ("P",), ("K", "C", "P")])
def test_numbers_are_alike_where_only_other_loops_differ(dimensions: tuple[str, ...]) -> None:
    keys = StepKeys(LOOPS, dimensions)
    numbers: dict[int, tuple[int, ...]] = {}
    for index in product(*(range(one.extent) for one in LOOPS)):
        mattering = tuple(
            at for at, one in zip(index, LOOPS, strict=True) if one.dimension in dimensions
        )
        assert numbers.setdefault(keys.of(index), mattering) == mattering
    assert sorted(numbers) == list(range(keys.size))


def test_origins_are_those_of_the_loops() -> None:
    keys = StepKeys(LOOPS, ("K", "C"))
    origins = keys.origins()
    for index in product(*(range(one.extent) for one in LOOPS)):
        assert origins["K"][keys.of(index)] == 4 * index[0] + index[3]
        assert origins["C"][keys.of(index)] == 8 * index[2]
