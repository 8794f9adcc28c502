"""Networks inside a machine: which links are held, and networks of a tensor's own."""

from __future__ import annotations

from random import Random

import pytest

from stallscope.hw import fabrics
from stallscope.hw.simulate import simulate
from stallscope.mappings import native
from stallscope.mappings.schema import schema
from stallscope.simcore.errors import SpecError
from tests.property.detailed import topology
from tests.property.laws import figures

CASE = """
stallscope: 1
problem:
  dimensions: {C: 4, M: 4, P: 6}
  tensors: {W: [M, C], I: [C, P], O: [M, P]}
  output: O
architecture:
  levels:
    - {name: DRAM, kind: dram}
    - name: GLB
      network:
        topology: {kind: mesh, bandwidth: 1, router_delay: 1, entry_bandwidth: 2}
        separate:
          W: {kind: bus, bandwidth: 1}
    - {name: RF, instances: 4, mesh_x: 2}
  compute: {name: mac, instances: 4, mesh_x: 2}
mapping:
  DRAM: {temporal: [P=6]}
  GLB: {temporal: [C=4], spatial_x: [M=2], spatial_y: [M=2]}
  RF: {}
"""


def _with_network(case, **update):
    levels = list(case.architecture.levels)
    network = levels[1].network.model_copy(update=update)
    levels[1] = levels[1].model_copy(update={"network": network})
    architecture = case.architecture.model_copy(update={"levels": tuple(levels)})
    return case.model_copy(update={"architecture": architecture})


def test_a_tensor_on_a_network_of_its_own_holds_only_that():
    case = native.read(CASE)
    words = simulate(case).port_words
    bus = [name for name in words if name.startswith("GLB.network W")]
    assert bus
    # 16 words of W each of 6 times, and nothing else; the others' entry carries no W.
    assert sum(words[name] for name in bus) == 6 * 16
    shared = simulate(_with_network(case, separate=())).port_words
    entry = "GLB.network entry"
    assert shared[entry] - words[entry] == 6 * 16


def test_separate_networks_read_back_and_are_in_the_schema():
    case = native.read(CASE)
    assert native.read(native.dump(case)) == case
    architecture = schema("architecture")["properties"]["architecture"]
    network = architecture["properties"]["levels"]["items"]["properties"]["network"]
    assert "separate" in network["properties"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [("V: {kind: bus, bandwidth: 1}", "V: is no tensor of the problem"),
     ("W: {kind: bus}", "needs bandwidth"),
     ("W: {kind: buss, bandwidth: 1}", "did you mean bus")],
)  # fmt: skip
def test_faults_of_separate_networks_say_what_to_do(text, rule):
    with pytest.raises(SpecError, match=rule.replace("V: ", ".*")):
        native.read(CASE.replace("W: {kind: bus, bandwidth: 1}", text))


@pytest.mark.parametrize("seed", range(12))
def test_links_that_are_not_held_would_change_nothing(seed, monkeypatch):
    """All links held, or only those narrower than all before them: the same run."""
    case = _with_network(native.read(CASE), topology=topology(Random(seed)), separate=())
    fewer = simulate(case)
    monkeypatch.setattr(fabrics, "_narrow", lambda geometry: frozenset(range(len(geometry.links))))
    all_held = simulate(case)
    assert len(all_held.port_words) >= len(fewer.port_words)
    skipped = {"port_words"}
    assert {k: v for k, v in figures(all_held).items() if k not in skipped} == {
        k: v for k, v in figures(fewer).items() if k not in skipped
    }
