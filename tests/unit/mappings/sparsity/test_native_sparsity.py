"""Zeros, formats and sparse arrays in the native notation."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stallscope.mappings import native
from stallscope.mappings.loading import load
from stallscope.mappings.sparsity.hardware import (
    Format,
    Mode,
    SparseArray,
    TensorFormat,
    TensorRate,
)
from stallscope.mappings.sparsity.masks import masks, unpack
from stallscope.mappings.sparsity.operands import Distribution, Operand, Sparsity
from stallscope.simcore.errors import SpecError

TEXT = """stallscope: 1
problem:
  dimensions: {M: 8, C: 4, P: 14, R: 3}
  tensors: {Weights: [M, C, R], Inputs: [C, 2*P + R], Outputs: [M, P]}
  output: Outputs
architecture:
  clock: 200 MHz
  levels:
    - name: DRAM
      kind: dram
      formats: {Inputs: {format: run_length, run_bits: 4, pack_bits: none}}
    - name: GLB
      capacity: 2 KiB
      formats:
        Weights: bitmask
        Inputs: {format: csr, metadata: false, bandwidth: 800 MB/s}
    - {name: RF, instances: 8}
  compute:
    name: mac
    instances: 8
    sparse: {skips: [Weights, Inputs], mode: queue, fifo_depth: unlimited, rebalance: true,
             decoders: {Weights: 1/2}, intersections_per_cycle: 2}
mapping:
  DRAM: {temporal: [P=7]}
  GLB: {temporal: [C=4, P=2], spatial_x: [M=8]}
  RF: {temporal: [R=3]}
sparsity:
  Weights: {density: 0.2, seed: 1}
  Inputs: 0.5
"""


def test_the_sections_say_what_they_mean() -> None:
    case = native.read(TEXT)
    dram, glb, rf = case.architecture.levels
    assert dram.formats == (
        TensorFormat(tensor="Inputs", format=Format.RUN_LENGTH, run_bits=4, pack_bits=None),
    )
    assert glb.formats == (
        TensorFormat(tensor="Weights", format=Format.BITMASK),
        TensorFormat(
            tensor="Inputs", format=Format.CSR, metadata=False, words_per_cycle=Fraction(2)
        ),
    )
    assert rf.formats == ()
    assert case.architecture.compute.sparse == SparseArray(
        skips=("Weights", "Inputs"),
        mode=Mode.QUEUE,
        fifo_depth=None,
        rebalance=True,
        decoders=(TensorRate(tensor="Weights", words_per_cycle=Fraction(1, 2)),),
        intersections_per_cycle=Fraction(2),
    )
    assert case.sparsity == Sparsity(
        operands=(
            Operand(tensor="Weights", density=0.2, seed=1),
            Operand(tensor="Inputs", density=0.5),
        )
    )
    assert native.read(native.dump(case)) == case


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("{distribution: per_channel, density: 0.3, along: M, spread: 0.1}",
         Operand(tensor="Weights", distribution=Distribution.PER_CHANNEL, density=0.3, along=0,
                 spread=0.1)),
        ("{distribution: structured, n: 2, m: 4, along: 1}",
         Operand(tensor="Weights", distribution=Distribution.STRUCTURED, n=2, m=4, along=1)),
        ("{distribution: block, density: 1, block: [4, 4, 1]}",
         Operand(tensor="Weights", distribution=Distribution.BLOCK, density=1, block=(4, 4, 1))),
    ],
)  # fmt: skip
def test_every_distribution_has_its_keys(text: str, operand: Operand) -> None:
    case = native.read(TEXT.replace("{density: 0.2, seed: 1}", text))
    assert case.sparsity.of("Weights") == operand
    assert native.read(native.dump(case)) == case


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  Weights: {den", "  Wieghts: {den", "sparsity.Wieghts = Wieghts: is no tensor of the "
         "problem; did you mean Weights?"),
        ("density: 0.2", "density: 1.2", "sparsity.Weights.density = 1.2: input should be less"),
        ("density: 0.2", "density: -1", "needs a finite number >= 0"),
        ("density: 0.2, seed", "dens: 0.2, seed", "unknown key dens; did you mean density"),
        ("density: 0.2, ", "", "sparsity.Weights: needs a density .0 to 1., or a pattern"),
        ("seed: 1", "seed: x", "sparsity.Weights.seed = x: needs a whole number, has text"),
        ("seed: 1", "distribution: uniformly", "needs one of uniform, .*; did you mean uniform"),
        ("seed: 1", "along: P", "along = P: P names 0 ranks of Weights, must name one"),
        ("seed: 1", "along: 3", "Weights is stored as 8 x 4 x 3: no such rank"),
        ("seed: 1", "distribution: block, block: 4", "needs a list of words per rank"),
        ("seed: 1", "distribution: block, block: [4, 0, 1]", "needs a whole number >= 1"),
        ("seed: 1", "distribution: block, block: [4]", "needs words per rank, 3 of them"),
        ("{density: 0.2, seed: 1}", "{pattern: {shape: [3], bits: AA==}}",
         r"sparsity.Weights.pattern = 3: the tensor is stored as 8 x 4 x 3"),
        ("{density: 0.2, seed: 1}", "{pattern: {shape: 3, bits: AA==}}", "needs words per rank"),
        ("{density: 0.2, seed: 1}", "{pattern: {shape: [3], bits: A}}", "is not base 64"),
        ("{density: 0.2, seed: 1}", "{pattern: {shape: [3]}}", "needs bits"),
        ("{density: 0.2, seed: 1}", "{pattern: {shape: [3], bits: AA==}, seed: 1}",
         "Weights.seed = 1: stands beside zeros that are given as they are; give all of"),
        ("{density: 0.2, seed: 1}", "{file: [x]}", "needs the name of a file, has a list"),
        ("{density: 0.2, seed: 1}", "{file: none.npz}", "sparsity.Weights.file = none.npz: cannot "
         "be read: No such file"),
        ("{density: 0.2, seed: 1}", "{file: a.npz, seed: 1}", "unknown key seed"),
        ("Weights: bitmask", "Weights: bitmap", "formats.Weights.format = bitmap: needs one of "
         ".*; did you mean bitmask"),
        ("Weights: bitmask", "Weights: {metadata: false}", "formats.Weights: needs format"),
        ("Weights: bitmask", "Weights: 3", "formats.Weights = 3: needs a mapping, has a number"),
        ("Weights: bitmask", "W: bitmask", "GLB.formats = W: is no tensor of the problem"),
        ("format: csr, ", "format: csr, runbits: 3, ", "did you mean run_bits"),
        ("pack_bits: none", "pack_bits: 0", "pack_bits = 0: needs a whole number >= 1"),
        ("pack_bits: none", "pack_bits: 16", "pack_bits = 16: a run of 4 bits and a word of 16 "
         "need 20 bits; give 20 or more"),
        ("[Weights, Inputs], mode", "[Weights, Input], mode", "sparse.skips = Input: is no tensor "
         "of the problem; did you mean Inputs"),
        ("[Weights, Inputs], mode", "[Weights, Outputs], mode", "sparse.skips = Outputs: is the "
         "output, no operand; known here: Inputs, Weights"),
        ("[Weights, Inputs], mode", "[Weights], mode", "intersections_per_cycle needs two"),
        ("mode: queue", "mode: queues", "needs one of barrier, queue, packed; did you mean queue"),
        ("fifo_depth: unlimited", "fifo_depth: all", "fifo_depth = all: needs a whole number"),
        ("rebalance: true", "rebalance: 1", "needs true or false"),
        ("{Weights: 1/2}", "{Weights: x}", "decoders.Weights = x: needs a number"),
        ("{Weights: 1/2}", "{Weights: ~}", "needs words per cycle, has nothing"),
        ("{Weights: 1/2}", "{Outputs: 1}", "decoders = Outputs: is the output"),
        ("mode: queue", "skip: []", "mac.sparse.skip = .*unknown key skip; did you mean skips"),
        ("rebalance: true", "gates: [Weights]", "skips and gates both name Weights"),
    ],
)  # fmt: skip
def test_faults_name_line_path_value_and_remedy(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(SpecError, match=message) as caught:
        native.read(TEXT.replace(old, new, 1), "case.yaml")
    assert [fault.source.partition(":")[0] for fault in caught.value.faults] == ["case.yaml"]


def test_all_faults_are_reported_at_once() -> None:
    text = TEXT.replace("seed: 1", "along: 7").replace("Inputs: 0.5", "Input: 0.5")
    text = text.replace("[Weights, Inputs], mode", "[Weights, Outputs], mode")
    with pytest.raises(SpecError) as caught:
        native.read(text.replace("Weights: bitmask", "W: bitmask"), "case.yaml")
    assert [fault.place for fault in caught.value.faults] == [
        "sparsity.Weights.along",
        "sparsity.Input",
        "architecture.GLB.formats",
        "architecture.mac.sparse.skips",
    ]


def test_a_systolic_array_is_not_sparse() -> None:
    text = TEXT.replace("instances: 8\n    sparse", "instances: 8\n    systolic: {}\n    sparse")
    with pytest.raises(SpecError, match=r"mac\.sparse: a systolic array passes every word on"):
        native.read(text.replace("RF, instances: 8", "RF"))


def test_settings_change_zeros_formats_and_arrays(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(TEXT, encoding="utf-8")
    case = load(
        file,
        overrides=[
            "sparsity.Weights.density=0.75",
            "sparsity.Inputs={density: 0.25, seed: 9}",
            "architecture.GLB.formats.Weights.format=csf",
            "architecture.RF.formats.Inputs=bitmask",
            "architecture.mac.sparse.mode=packed",
            "architecture.mac.sparse.decoders.Inputs=3",
            "architecture.DRAM.formats=null",
        ],
    )
    assert case.sparsity.of("Weights") == Operand(tensor="Weights", density=0.75, seed=1)
    assert case.sparsity.of("Inputs") == Operand(tensor="Inputs", density=0.25, seed=9)
    dram, glb, rf = case.architecture.levels
    assert (dram.formats, glb.formats[0].format) == ((), Format.CSF)
    assert rf.formats == (TensorFormat(tensor="Inputs", format=Format.BITMASK),)
    sparse = case.architecture.compute.sparse
    assert sparse is not None
    assert (sparse.mode, len(sparse.decoders)) == (Mode.PACKED, 2)


def test_a_dense_case_becomes_sparse_by_settings(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    dense = TEXT[: TEXT.index("sparsity:")].replace("sparse: {", "pipeline_cycles: 1 #")
    dense = dense.replace("             decoders", "#")
    file.write_text(dense, encoding="utf-8")
    settings = ["architecture.mac.sparse.skips=[Weights]", "sparsity.Weights.density=0.5"]
    case = load(file, overrides=settings)
    assert case.architecture.compute.sparse == SparseArray(skips=("Weights",))
    assert case.sparsity == Sparsity(operands=(Operand(tensor="Weights", density=0.5),))


def test_files_are_beside_the_yaml_file_and_on_record(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    weights = generator.integers(-3, 4, (8, 4, 3))
    np.savez(tmp_path / "model.npz", conv=weights, other=np.ones(3))
    text = TEXT.replace("{density: 0.2, seed: 1}", "{file: model.npz, entry: conv}")
    file = tmp_path / "case.yaml"
    file.write_text(text, encoding="utf-8")
    case = load(file)
    pattern = case.sparsity.of("Weights").pattern
    assert pattern.source == "model.npz: conv"
    assert np.array_equal(unpack(pattern), weights != 0)
    assert [Path(one.path).name for one in case.files] == ["case.yaml", "model.npz"]
    assert native.read(native.dump(case)) == case.model_copy(update={"files": ()})
    changed = load(file, overrides=["sparsity.Inputs=0.25"])
    assert changed.sparsity.of("Weights") == case.sparsity.of("Weights")
    assert changed.files == case.files


def test_arrays_are_pruned_and_small_values_dropped(tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 8 * 4 * 3).reshape(8, 4, 3)
    np.save(tmp_path / "weights.npy", values)
    for keys, expected in (
        ("density: 0.25", 24), ("threshold: 0.5", 48), ("density: 0.25, threshold: 0.9", 10),
    ):  # fmt: skip
        text = TEXT.replace("{density: 0.2, seed: 1}", f"{{file: weights.npy, {keys}}}")
        (tmp_path / "case.yaml").write_text(text, encoding="utf-8")
        case = load(tmp_path / "case.yaml")
        assert masks(case.problem, case.sparsity)["Weights"].sum() == expected
