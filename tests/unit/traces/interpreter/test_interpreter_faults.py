"""Planted faults: a program that computes something else is caught, with the place named."""

from __future__ import annotations

import dataclasses
import re

import pytest

from stallscope.simcore.errors import DeadlockError, SimulationBug
from stallscope.validation.function import verify_program
from tests.unit.traces.interpreter.interpreted import (
    DIAGONAL,
    REMAINDERS,
    computing,
    edited,
    program_of,
    recorded,
    swapped,
)

TIMELOOP = {"reuse": "timeloop"}
WORDS = {"words": 2, "room": 2, "released": 2, "tile_words": 3, "child_words": 8,
         "parent_words": 2, "busiest_parent": 2}  # fmt: skip


def _says(program, case):
    """What the verification of a broken program says."""
    try:
        found = verify_program(program, case.problem, architecture=case.architecture)
    except (SimulationBug, DeadlockError) as error:
        return str(error)
    return f"word {found.first.at} differs" if found.first else "correct"


FAULTS = {
    "a box one word short": (
        {}, lambda p: recorded(p, "Inputs", "RF", 0, boxes=(((0, 1), (0, 2)),)),
        "Inputs GLB->RF, FILL step 0: record 0 says words 3, moved 2; room 3, moved 2"),
    "a box one word short, and every count with it": (
        {}, lambda p: recorded(p, "Inputs", "RF", 1, boxes=(((0, 1), (0, 2)),),
                               **WORDS | {"released": 3, "tile_words": 3}),
        r"COMPUTE step 4: multiplies Inputs\[1, 2\] \(word address 16\), which RF instance 0 does"),
    "a slide one word short": (
        {}, lambda p: recorded(p, "Inputs", "GLB", 1, boxes=(((0, 4), (2, 1)),), words=4, room=4,
                               released=4, child_words=4, parent_words=4, busiest_parent=4),
        "Inputs DRAM->GLB, FILL step 1: record 1 says released 4, moved 8"),
    "a box outside the tile": (
        {}, lambda p: recorded(p, "Weights", "RF", 1, boxes=(((0, 1), (0, 1), (1, 3)),)),
        "Weights GLB->RF, FILL step 1: box .* lies outside the tile"),
    "another part of the tensor": (
        {}, lambda p: edited(p, "Inputs", "RF",
                             loops=lambda m: (*m.loops[:2], dataclasses.replace(m.loops[2],
                                                                                step=2))),
        r"Inputs GLB->RF, FILL step 1: record 2 says .* moved"),
    "two loops of a mover swapped": (
        {}, lambda p: edited(p, "Weights", "RF", loops=lambda m: swapped(m.loops, 2, 3)),
        r"COMPUTE step 1: multiplies Weights\[4, 0, 0\] \(word address 48\).*RF does not hold it"),
    "two loops of a refill and drain swapped": (
        {}, lambda p: edited(p, "Outputs", "RF", loops=lambda m: swapped(m.loops, 2, 3)),
        r"COMPUTE step 1: updates Outputs\[4, 0\]"),
    "two loops of the array swapped": (
        {}, lambda p: computing(p, loops=swapped(p.compute.loops, 2, 3)),
        r"COMPUTE step 1: multiplies"),
    "a loop inside a burst one short": (
        {}, lambda p: computing(p, inner=(dataclasses.replace(p.compute.inner[0], extent=2),)),
        r"COMPUTE step 0: record 0 says \(\(3, 4\),\).*executed \(\(2, 4\),\)"),
    "a loop inside a burst that strays": (
        {}, lambda p: computing(p, inner=(dataclasses.replace(p.compute.inner[0], step=2),)),
        r"COMPUTE step 0: multiplies Weights\[0, 0, 4\] \(outside the tensor\)"),
    "a burst too few": (
        {}, lambda p: computing(p, loops=(dataclasses.replace(p.compute.loops[0], extent=5),
                                          *p.compute.loops[1:])),
        r"Outputs RF->GLB *Outputs RF finished *80 *81 *80"),
    "a fill that ends early": (
        {}, lambda p: edited(p, "Weights", "RF",
                             loops=lambda m: (dataclasses.replace(m.loops[0], extent=5),
                                              *m.loops[1:])),
        r"MAC *Weights RF delivered *80 *81 *80"),
    "an output that is drained once too few": (
        {}, lambda p: edited(p, "Outputs", "GLB",
                             loops=lambda m: (dataclasses.replace(m.loops[0], extent=5),)),
        r"Outputs GLB->RF *Outputs GLB delivered *5 *6 *80"),
    "no drain": (
        {}, lambda p: dataclasses.replace(p, movers=tuple(
            m for m in p.movers if (m.tensor, m.child) != ("Outputs", "RF"))),
        "Outputs at RF: the array uses it at depth 4, but nothing brings it there"),
    "no fill": (
        {}, lambda p: dataclasses.replace(p, movers=tuple(
            m for m in p.movers if (m.tensor, m.child) != ("Inputs", "RF"))),
        "Inputs at RF: the array uses it at depth 3, but nothing brings it there"),
    "a level that does not keep what is brought": (
        {}, lambda p: dataclasses.replace(p, buffers=tuple(
            plan for plan in p.buffers if (plan.tensor, plan.level) != ("Inputs", "RF"))),
        "Inputs at RF: is used, and no level keeps it there"),
    "another record": (
        {}, lambda p: edited(p, "Inputs", "RF", table=lambda m: (*m.table[:1], *m.table[2:] * 2)),
        r"Inputs GLB->RF, FILL step 2: record 2 says released 1, moved 3"),
    "a reload instead of a slide": (
        {}, lambda p: recorded(p, "Inputs", "GLB", 1, slides=False),
        "Inputs DRAM->GLB, FILL step 1: record 1 says released 8, moved 16"),
    "a slide instead of a reload": (
        TIMELOOP, lambda p: recorded(p, "Inputs", "RF", 1, slides=True),
        "Inputs GLB->RF, FILL step 1: record 1 says released 3, moved 1"),
    "a parent's tile left too late": (
        {}, lambda p: edited(p, "Inputs", "RF", parent_depth=0),
        r"Inputs GLB->RF, FILL step 8: reads Inputs\[0, 4\] \(word address 4\) or beyond.*GLB"),
    "a parent's tile left too early": (
        {}, lambda p: edited(p, "Inputs", "RF", parent_depth=2),
        r"Inputs GLB->RF, FILL step 2: reads Inputs\[1, 0\].*GLB does not hold it"),
    "old sums that are never fetched": (
        {}, lambda p: edited(p, "Outputs", "RF", loops=lambda m: tuple(
            dataclasses.replace(loop, is_reduction=False) for loop in m.loops)),
        r"word \(0, 0\) differs"),
    "old sums that are fetched by everyone": (
        {"dims": "M: 2, C: 4, P: 12, R: 3", "glb": "P=2, M=2", "spatial": "C=4"},
        lambda p: dataclasses.replace(p, blocks=(p.blocks[0], dataclasses.replace(
            p.blocks[1], loops=(dataclasses.replace(p.blocks[1].loops[0], dimension="P"),)),
            p.blocks[2])),
        r"Weights GLB->RF, FILL step 0: record 0 says .*parent_words 12, moved 3"),
    "a link from the wrong neighbour": (
        DIAGONAL, lambda p: recorded(p, "Inputs", "RF", 2, sources=((0, 1), (1, 0), (2, 3))),
        r"Inputs GLB->RF, FILL step 1: takes from a neighbour Inputs\[0, 2\].*RF does not hold it"),
    "a link from nowhere": (
        DIAGONAL, lambda p: recorded(p, "Inputs", "RF", 2, sources=((0, 1), (1, 2), (2, 9))),
        r"Inputs GLB->RF, FILL step 1: neighbour 9 of 2 does not exist"),
    "a link too few": (
        DIAGONAL, lambda p: recorded(p, "Inputs", "RF", 2, sources=((0, 1), (1, 2))),
        r"Inputs GLB->RF, FILL step 1: record 2 says links 3, moved 2; parent_words 1, moved 2"),
    "a link before anybody has words": (
        DIAGONAL, lambda p: recorded(p, "Inputs", "RF", 0, sources=((0, 1),)),
        "FILL step 0: takes words from neighbours where none can have them"),
    "a count of words": (
        {}, lambda p: recorded(p, "Weights", "RF", 1, child_words=13),
        "Weights GLB->RF, FILL step 1: record 1 says child_words 13, moved 12"),
    "words shared that are not": (
        {}, lambda p: dataclasses.replace(p, blocks=tuple(
            dataclasses.replace(block, is_multicast=False) for block in p.blocks)),
        "Inputs GLB->RF, FILL step 0: record 0 says parent_words 3, moved 12"),
    "a clipped tile that is not": (
        REMAINDERS, lambda p: edited(p, "Inputs", "GLB", spans=lambda m: tuple(
            (name, 3 if name == "P" else span) for name, span in m.spans)),
        "Inputs DRAM->GLB, FILL step 0: record 0 says"),
    "units that work past the bound": (
        REMAINDERS, lambda p: computing(p, bounds=(("M", 8), ("P", 11))),
        "COMPUTE step|past its bound"),
    "a load": (
        REMAINDERS, lambda p: computing(p, records=tuple(
            dataclasses.replace(work, cycles=work.cycles + 1) for work in p.compute.records)),
        "COMPUTE step 0: record 0 says 12 multiply-accumulates, 4 of a unit; executed 12, 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_and_its_place_is_named(tmp_path, name):
    changes, breaks, message = FAULTS[name]
    case, program = program_of(tmp_path, **changes)
    assert _says(program, case) == "correct"
    said = _says(breaks(program), case)
    assert re.search(message, said), said
