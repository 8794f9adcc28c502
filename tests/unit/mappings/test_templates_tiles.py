"""How templates cut dimensions: evenly, across the array, and into tiles that nest."""

import math

from hypothesis import given
from hypothesis import strategies as st

from stallscope.mappings.templates.tiles import Cut, cuts, pieces, spread


def free(*bounds: int) -> tuple[tuple[int, None], ...]:
    return tuple((bound, None) for bound in bounds)


def test_pieces_are_even_and_prefer_divisors() -> None:
    # 56 / 6 = 9.3: ten each, since the next divisor, 14, is too far.
    assert pieces(56) == (56, 28, 19, 14, 10, 7, 5, 4, 3, 2, 1)
    assert pieces(7) == (7, 4, 3, 2, 1)
    assert pieces(1) == (1,)


@given(st.integers(1, 5000))
def test_pieces_run_from_all_to_one(whole: int) -> None:
    sizes = pieces(whole)
    assert (sizes[0], sizes[-1]) == (whole, 1)
    assert list(sizes) == sorted(set(sizes), reverse=True)


def test_a_window_and_its_channels_share_the_rows() -> None:
    """64 channels x 3 x 3 on 128 rows: 4.5 arrays full, five folds of 13 channels x 3 x 3."""
    assert spread(free(64, 3, 3), 128) == (13, 3, 3)


def test_few_channels_fill_rows_with_taps() -> None:
    """3 x 7 x 7 = 147 on 128 rows: two folds, the fewest that hold them."""
    sizes = spread(free(3, 7, 7), 128)
    assert math.prod(-(-bound // size) for bound, size in zip((3, 7, 7), sizes, strict=True)) == 2


def test_of_equals_the_inner_dimension_is_whole() -> None:
    """56 x 56 pixels on 128 rows: 28 folds of two rows of the image."""
    assert spread(free(56, 56), 128) == (2, 56)


def test_nothing_is_spread_over_nothing() -> None:
    assert spread((), 16) == ()


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple),
    st.integers(1, 64),
)
def test_no_other_extents_need_fewer_folds(bounds: tuple[int, ...], limit: int) -> None:
    sizes = spread(free(*bounds), limit)
    assert math.prod(sizes) <= limit

    def fewest(left: tuple[int, ...], room: int) -> int:
        if not left:
            return 1
        return min(
            -(-left[0] // size) * fewest(left[1:], room // size)
            for size in range(1, min(left[0], room) + 1)
        )

    folds = math.prod(-(-bound // size) for bound, size in zip(bounds, sizes, strict=True))
    assert folds == fewest(bounds, limit)


def test_what_lies_across_divides_a_given_extent() -> None:
    assert spread(((130, 100),), 64) == (50,)
    assert spread(((100, 100),), 64) == (50,)


def test_tiles_are_whole_inside_before_they_grow_outside() -> None:
    found = cuts(("P", "Q"), {}, {"P": 4, "Q": 6}, {}, nests=False)
    assert {cut.inner for cut in found} == {
        (4, 6), (2, 6), (1, 6), (1, 3), (1, 2), (1, 1),
    }  # fmt: skip
    assert all(cut.middle == (1, 1) for cut in found)


def test_tiles_of_main_memory_span_one_some_or_all_tiles_of_sums() -> None:
    found = cuts(("K",), {"K": 16}, {"K": 128}, {}, nests=True)
    assert [cut.middle[0] for cut in found if cut.inner == (1,)] == [1, 8, 2, 4]
    assert [cut.middle[0] for cut in found if cut.inner == (8,)] == [1]


def test_a_given_tile_is_filled_by_tiles_of_sums() -> None:
    found = cuts(("K",), {"K": 4}, {"K": 100}, {"K": 24}, nests=True)
    assert {(cut.inner[0], cut.middle[0]) for cut in found} == {(6, 1), (3, 2), (2, 3), (1, 6)}
    assert cuts(("K",), {"K": 4}, {"K": 100}, {"K": 24}, nests=False) == (
        Cut(inner=(6,), middle=(1,)),
    )


def test_no_dimensions_have_one_tile() -> None:
    assert cuts((), {}, {}, {}, nests=True) == (Cut(inner=(), middle=()),)
