"""Small programs for the tests of the interpreter, and ways to break them."""

from __future__ import annotations

import dataclasses

from stallscope.mappings.loading import load
from stallscope.traces.compile import compile_case

CASE = """
stallscope: 1
problem:
  dimensions: {{{dims}}}
  tensors:
    Weights: [M, C, R]
    Inputs: [{channel}, {input}]
    Outputs: [M, P]
  output: Outputs
architecture:
  levels:
    - {{name: DRAM, kind: dram, network: {{links: false}}}}
    - {{name: GLB, capacity: {capacity}, network: {{multicast: {multicast}, links: {links}}}}}
    - {{name: RF, instances: 4, capacity: {rf_capacity}}}
  compute: {{name: MAC, instances: 4}}
mapping:
  DRAM: {{temporal: [{dram}]}}
  GLB: {{temporal: [{glb}], spatial_x: [{spatial}]{keep}}}
  RF: {{temporal: [{rf}]}}
rules: {{reuse: {reuse}{rules}}}
"""
PLAIN = {
    "dims": "M: 8, C: 4, P: 12, R: 3",
    "channel": "C",
    "input": "P + R",
    "capacity": 400,
    "rf_capacity": 64,
    "multicast": "true",
    "links": "false",
    "dram": "P=6",
    "glb": "C=4, P=2, M=2",
    "spatial": "M=4",
    "keep": "",
    "rf": "R=3",
    "reuse": "overlap",
    "rules": "",
}
DIAGONAL = {"dims": "M: 4, C: 2, P: 4, R: 3", "dram": "M=2", "glb": "C=2, M=2, R=3",
            "spatial": "P=4", "rf": "", "links": "true"}  # fmt: skip
"""Inputs move along the diagonal: neighbours pass them on."""
REMAINDERS = {"dims": "M: 7, C: 4, P: 11, R: 3", "spatial": "M=4"}
STANDING = {"dims": "M: 3, C: 3, P: 1, R: 1", "dram": "M=2, C=3, M=2", "glb": "", "spatial": "",
            "rf": ""}  # fmt: skip
"""The last iteration of M has one inner step: there the output stands still while C goes on."""


def case_of(folder, **changes):
    path = folder / "case.yaml"
    path.write_text(CASE.format(**PLAIN | changes))
    return load(path)


def program_of(folder, **changes):
    case = case_of(folder, **changes)
    return case, compile_case(case)


def edited(program, tensor, child, **changes):
    """The program with some fields of one mover changed; a function gets the mover."""
    movers = tuple(
        dataclasses.replace(
            mover, **{k: v(mover) if callable(v) else v for k, v in changes.items()}
        )
        if (mover.tensor, mover.child) == (tensor, child)
        else mover
        for mover in program.movers
    )
    return dataclasses.replace(program, movers=movers)


def recorded(program, tensor, child, number, **changes):
    """The program with some fields of one record of a mover changed."""

    def records(mover):
        made = list(mover.records)
        made[number] = dataclasses.replace(made[number], **changes)
        return tuple(made)

    return edited(program, tensor, child, records=records)


def computing(program, **changes):
    """The program with some fields of its compute stream changed."""
    return dataclasses.replace(program, compute=dataclasses.replace(program.compute, **changes))


def swapped(loops, first, second):
    """Loops with two of them exchanged."""
    made = list(loops)
    made[first], made[second] = made[second], made[first]
    return tuple(made)
