"""L6: programs compute their layers, on random mappings and on the layers of two networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.loading import load
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import read_flat
from stallscope.traces.interpreter.interpret import interpret
from stallscope.traces.listing import expand
from stallscope.validation.function import draw, verify
from tests.property import layers
from tests.property.strategies import cases

QUICK = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def _is_correct(case):
    found = verify(case)
    assert found.is_correct, found.first
    assert found.macs == case.problem.macs


@QUICK
@given(case=layers.layers(longest=1500))
def test_programs_compute_their_layers(case):
    _is_correct(case)


@pytest.mark.slow
@SLOW
@given(case=layers.layers(longest=12000))
def test_many_programs_compute_their_layers(case):
    _is_correct(case)


@pytest.mark.slow
@SLOW
@given(case=cases(longest=8000))
def test_programs_of_the_other_laws_compute_their_layers(case):
    """The strategy on which the timing's laws are tested."""
    _is_correct(case)


@pytest.mark.slow
@settings(SLOW, max_examples=60)
@given(case=layers.layers(longest=3000))
def test_both_forms_of_many_programs_do_the_same(tmp_path_factory, case):
    program = compile_case(case)
    path = tmp_path_factory.mktemp("flat") / "flat.parquet"
    expand(program, path)
    operands = draw(case.problem, 0)
    looped, rows = (
        interpret(one, operands, architecture=case.architecture)
        for one in (program, read_flat(path))
    )
    assert np.array_equal(looped.output, rows.output)
    assert looped.transfers == rows.transfers
    assert looped.peak_words == rows.peak_words


# ---------------------------------------------------------------------- networks

ALEXNET = {
    # name: (K, C, P, R, stride, groups)
    "conv1": (96, 3, 55, 11, 4, 1),
    "conv2": (256, 96, 27, 5, 1, 2),
    "conv3": (384, 256, 13, 3, 1, 1),
    "conv4": (384, 384, 13, 3, 1, 2),
    "conv5": (256, 384, 13, 3, 1, 2),
    "fc6": (4096, 9216, 1, 1, 1, 1),
    "fc7": (4096, 4096, 1, 1, 1, 1),
    "fc8": (1000, 4096, 1, 1, 1, 1),
}
"""Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep CNNs (2012), section 3.5."""

RESNET18 = {
    "conv1": (64, 3, 112, 7, 2, 1),
    "conv2_x": (64, 64, 56, 3, 1, 1),
    "conv3_1": (128, 64, 28, 3, 2, 1),
    "conv3_x": (128, 128, 28, 3, 1, 1),
    "conv3_projection": (128, 64, 28, 1, 2, 1),
    "conv4_1": (256, 128, 14, 3, 2, 1),
    "conv4_x": (256, 256, 14, 3, 1, 1),
    "conv4_projection": (256, 128, 14, 1, 2, 1),
    "conv5_1": (512, 256, 7, 3, 2, 1),
    "conv5_x": (512, 512, 7, 3, 1, 1),
    "conv5_projection": (512, 256, 7, 1, 2, 1),
    "fc": (1000, 512, 1, 1, 1, 1),
}
"""He, Zhang, Ren, Sun: Deep Residual Learning (2015), table 1; every shape once."""

LAYERS = {f"alexnet {name}": shape for name, shape in ALEXNET.items()} | {
    f"resnet18 {name}": shape for name, shape in RESNET18.items()
}
MOST_MACS = 200_000


def _scaled(shape):
    """The layer with fewer channels and a smaller image; filter, stride and groups as they are."""
    filters, channels, size, kernel, stride, groups = shape
    bounds = {"G": groups, "M": filters // groups, "C": channels // groups, "P": size, "Q": size,
              "R": kernel, "S": kernel}  # fmt: skip
    while math.prod(bounds.values()) > MOST_MACS:
        largest = max("MCPQ", key=lambda name: bounds[name])
        bounds[largest] = math.ceil(bounds[largest] / 2)
    tensors = (
        layers.tensor("W", "G", "M", "C", "R", "S"),
        layers.tensor("I", "G", "C", f"{stride}*P + R", f"{stride}*Q + S"),
        layers.tensor("O", "G", "M", "P", "Q", is_output=True),
    )
    dimensions = tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items())
    return Problem(dimensions=dimensions, tensors=tensors)


def _cut(bound, most):
    """(outer, inner) iterations with inner at most ``most``: the last outer one may be smaller."""
    inner = min(bound, most)
    outer = math.ceil(bound / inner)
    return outer, math.ceil(bound / outer)


def _mapped(problem, reuse):
    """Output rows across, filters down an array of 4 x 4 PEs; input and filter rows inside."""
    bounds = problem.bounds
    q, q_across = _cut(bounds["Q"], 4)
    m, m_rest = _cut(bounds["M"], 16)
    m_inside, m_down = _cut(m_rest, 4)
    c, c_inside = _cut(bounds["C"], 4 if bounds["R"] > 1 else 64)
    p, p_inside = _cut(bounds["P"], 4)
    # A matrix product works on channels where others have a filter.
    c_glb, c_rf = (c_inside, 1) if bounds["R"] > 1 else (1, c_inside)

    def loops(**extents):
        return tuple(Loop(dimension=n, extent=e) for n, e in extents.items() if e > 1)

    keep = ("W", "I", "O")
    levels = (
        LevelMapping(level="DRAM", temporal=loops(G=bounds["G"], M=m, C=c, P=p), keep=keep),
        LevelMapping(level="GLB", temporal=loops(Q=q, M=m_inside, P=p_inside, C=c_glb),
                     spatial_y=loops(M=m_down), spatial_x=loops(Q=q_across), keep=("I", "O")),
        LevelMapping(level="RF", temporal=loops(C=c_rf, R=bounds["R"], S=bounds["S"]),
                     keep=keep),
    )  # fmt: skip
    architecture = Architecture(
        levels=(
            StorageLevel(name="DRAM", kind="dram"),
            StorageLevel(name="GLB", capacity_words=16 * 1024),
            StorageLevel(name="RF", instances=16, mesh_x=4, capacity_words=512,
                         network=Network(links=True)),
        ),
        compute=ComputeLevel(name="MAC", instances=16, mesh_x=4),
    )  # fmt: skip
    case = Case(problem=problem, architecture=architecture, mapping=Mapping(levels=levels),
                rules=Rules(reuse=reuse))  # fmt: skip
    check_mapping(case.problem, case.architecture, case.mapping)
    return case


@pytest.mark.slow
@pytest.mark.parametrize("reuse", list(Reuse))
@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_networks_compute_what_they_should(name, reuse):
    _is_correct(_mapped(_scaled(LAYERS[name]), reuse))


@pytest.mark.parametrize("name", ["alexnet conv2", "resnet18 conv3_1"])
def test_some_layers_of_networks_compute_what_they_should(name):
    _is_correct(_mapped(_scaled(LAYERS[name]), Reuse.OVERLAP))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv1", "conv2", "conv3", "conv4", "conv5"])
def test_the_layers_of_the_main_job_compute_what_they_should(name):
    """All of AlexNet's convolutions at their full size, by the presets' mappings."""
    files = {layer.name: layer.files for layer in load_network(network_of("alexnet-conv")).layers}
    _is_correct(load(accelerator_of("eyeriss-168").path, *files[name]))
