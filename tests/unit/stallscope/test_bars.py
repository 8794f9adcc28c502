"""Bars have their true length and read without colours."""

from hypothesis import given
from hypothesis import strategies as st

from stallscope.report.bars import CLASSES, bar, glyph_of, legend, losses

stacks = st.dictionaries(st.sampled_from(sorted(CLASSES)), st.integers(0, 10**9), min_size=1)


def test_classes_stand_in_one_order_with_a_glyph_each() -> None:
    drawn = bar({"drain": 25, "buffer_port": 25, "compute": 50}, 100, 8)
    assert drawn.plain == "████BB>>"


def test_no_two_classes_share_a_glyph() -> None:
    glyphs = [glyph_of(name)[0] for name in CLASSES]
    assert len(set(glyphs)) == len(glyphs)
    assert glyph_of("from a later version") == ("?", "white")


def test_an_ascii_terminal_gets_ascii() -> None:
    assert bar({"compute": 4}, 4, 4, ascii_only=True).plain == "####"


@given(stacks, st.integers(1, 100))
def test_a_full_bar_is_as_wide_as_asked(stack: dict[str, int], width: int) -> None:
    cycles = sum(stack.values())
    assert len(bar(stack, cycles, width)) == (width if cycles else 0)
    assert len(bar(stack, 2 * cycles, width)) <= (width + 1) // 2


def test_losses_are_named_worst_first() -> None:
    stack = {"compute": 50, "fill": 10, "buffer_port": 40, "drain": 0}
    assert losses(stack, 2) == "buffer_port 40.0 %, fill 10.0 %"
    assert losses({"compute": 3}, 2) == ""


def test_the_legend_fits_the_screen() -> None:
    lines = legend([dict.fromkeys(CLASSES, 1)], 60)
    assert all(len(line.plain.rstrip()) <= 60 for line in lines)
    assert sum(line.plain.count(" ") > 0 for line in lines) == len(lines)
