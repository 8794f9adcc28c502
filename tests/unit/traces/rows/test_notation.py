"""Cells of flat programs: what is written reads back, what is no item is named."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.traces.program import BufferPlan, Crossing, MoverStream, Record
from stallscope.traces.rows import notation
from stallscope.traces.rows.notation import Buffer, Passage, Port

CROSSING = Crossing(
    network="GLB", words_in=4, busiest_words=3, deliveries=10, multicast=((1, 1), (3, 3)),
    hops=Fraction(21, 2), links=2, longest=5,
)  # fmt: skip
RECORD = Record(
    words=4, room=6, released=0, tile_words=6, busiest_parent=3, parent_words=4, child_words=10,
    busiest_links=1, links=2, crossings=(CROSSING,), boxes=(),
)  # fmt: skip
STREAM = MoverStream(
    tensor="Inputs", parent="GLB", child="PE row", is_output=False, loops=(), bounds=(), spans=(),
    idle_inside=1, parent_depth=0, parent_is_memory=True, elide_first=False, records=(RECORD,),
    first=0, table=(), keyed=(), classes=(), grain=(), networks=("GLB",),
)  # fmt: skip


def test_ports_read_back_as_written():
    text = notation.record_ports(STREAM, RECORD)
    assert text == "GLB 3/4; PE row 4/10; PE row link 1/2"
    expected = [Port("GLB", 3, 4), Port("PE row", 4, 10), Port("PE row", 1, 2, is_link=True)]
    assert expected == notation.read_ports(text)


def test_fresh_words_of_an_output_are_read():
    expected = [Port("Outputs RF", 3, 12, fresh=(1, 4)),
                Port("Outputs RF", 3, 12, fresh=(1, 4), reads_fresh=True)]  # fmt: skip
    text = "Outputs RF 3/12 fresh 1/4; Outputs RF 3/12 fresh 1/4 read"
    assert expected == notation.read_ports(text)


@pytest.mark.parametrize("is_first", [False, True])
def test_networks_read_back_as_written(is_first):
    whole = (("in", 0 if is_first else 4), ("busiest", 3), ("deliveries", 10), ("longest", 5),
             ("links", 2))  # fmt: skip
    reach = () if is_first else CROSSING.multicast
    text = notation.record_networks(RECORD, is_first=is_first)
    assert [Passage("GLB", dict(whole), reach, CROSSING.hops)] == notation.read_networks(text)


def test_buffers_read_back_as_written():
    plans = tuple(BufferPlan(level="GLB", tensor=tensor, tile_words=8, tiles=tiles)
                  for tensor, tiles in (("W", 2), ("I", None)))  # fmt: skip
    expected = [Buffer("W GLB", 8, 2), Buffer("I GLB", 8, None)]
    assert expected == notation.read_buffers(notation.buffers_text(plans))


def test_items_stand_between_semicolons_with_any_blanks():
    expected = [("W GLB", "delivered", 3), ("O GLB", "drained", 1)]
    assert expected == notation.read_waits(" W  GLB delivered 3 ;; O GLB drained 1;")
    assert notation.read_finishes("O GLB; O RF") == ["O GLB", "O RF"]
    assert notation.read_frees("W GLB 8") == notation.read_instances("W GLB 8")


@pytest.mark.parametrize(
    ("reader", "text", "item"),
    [
        (notation.read_waits, "W GLB delivered 3; W GLB 3", "W GLB 3"),
        (notation.read_waits, "W GLB released 3", "W GLB released 3"),
        (notation.read_frees, "W GLB -3", "W GLB -3"),
        (notation.read_frees, "W GLB 1" + "0" * 20, "W GLB 1" + "0" * 20),
        (notation.read_ports, "GLB 4", "GLB 4"),
        (notation.read_buffers, "W GLB 4 x0", "W GLB 4 x0"),
        (notation.read_networks, "GLB inn 4", "GLB inn 4"),
        (notation.read_networks, "GLB hops 1/0", "GLB hops 1/0"),
    ],
)
def test_what_is_no_item_is_named(reader, text, item):
    with pytest.raises(ValueError, match=item) as caught:
        reader(text)
    assert str(caught.value) == item
