"""The room that a mapping is checked with is the room that the machine gives a tile."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.sparse.formats import Formats
from stallscope.mappings import native
from stallscope.mappings.legality import tile_extents
from stallscope.mappings.sparsity.hardware import Format
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.tiles import StoredTiles
from stallscope.traces.compile import compile_case

TEXT = """stallscope: 1
problem:
  dimensions: {{M: {M}, C: {C}, P: {P}, R: 2}}
  tensors: {{W: [M, C, R], I: [C, {step}*P + R], O: [M, P]}}
  output: O
sparsity: {{W: {{density: 0.3, seed: {seed}}}, I: {{density: 0.5, seed: {seed}}}}}
architecture:
  levels:
    - {{name: D, kind: dram}}
    - {{name: B, formats: {{W: {first}, I: {second}}}}}
    - {{name: R, instances: 4, formats: {{W: {second}, I: {first}}}}}
  compute: {{name: MAC, instances: 4}}
mapping:
  D: {{temporal: [M={loops[0]}, P={loops[1]}, C={loops[2]}]}}
  B: {{temporal: [P={loops[3]}, C={loops[4]}], spatial_x: [M={loops[5]}]}}
  R: {{temporal: [M={loops[6]}, P={loops[7]}, R=2, C={loops[8]}]}}
"""


@st.composite
def cases(draw):
    """Nests of three levels, with remainders and windows, in two formats."""
    loops = [draw(st.integers(1, 3)) for _ in range(9)]
    bounds = {}
    for name, own in (("M", (0, 5, 6)), ("P", (1, 3, 7)), ("C", (2, 4, 8))):
        steps = math.prod(loops[at] for at in own)
        outer = next((loops[at] for at in own if loops[at] > 1), 1)
        most = min(steps // outer - 1, 2) if outer > 1 else 0
        bounds[name] = steps - draw(st.integers(0, max(0, most)))
    forms = st.sampled_from([form for form in Format if form is not Format.UNCOMPRESSED])
    return TEXT.format(
        loops=loops, step=draw(st.integers(1, 2)), seed=draw(st.integers(0, 99)),
        first=draw(forms), second=draw(forms), **bounds,
    )  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(cases())
def test_legality_and_machine_give_tiles_the_same_room(text):
    case = native.read(text)
    found = masks(case.problem, case.sparsity)
    machine = Formats(compile_case(case), case.architecture, found)
    spans = tile_extents(case.problem, case.mapping)
    for level, extents in zip(case.architecture.levels, spans, strict=True):
        stored = StoredTiles(case.problem, level, found)
        for tensor in case.problem.tensors:
            words = tensor.tile_words(extents)
            given_room = machine.slot_words(level.name, tensor.name, words)
            assert stored.words(tensor, extents) == given_room
