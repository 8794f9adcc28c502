"""Topologies as parsed values: kinds, exact widths, every fault at once with its place."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.mappings.topology import Clusters, Mesh, RouterPipeline, read_topology
from stallscope.simcore.errors import SpecError


def test_the_kind_is_chosen_by_its_name():
    spec = read_topology({"kind": "mesh", "words_per_cycle": 0.1, "router_delay_cycles": 4})
    assert spec == Mesh(words_per_cycle=Fraction(1, 10), router_delay_cycles=4)
    assert hash(spec) == hash(Mesh(words_per_cycle=Fraction(1, 10), router_delay_cycles=4))


def test_clusters_hold_two_topologies():
    inner = {"kind": "bus", "words_per_cycle": 1}
    spec = read_topology({"kind": "clusters", "columns": 4, "rows": 3, "between": inner,
                          "inside": inner})  # fmt: skip
    assert isinstance(spec, Clusters)
    assert spec.inside.blocking


def test_every_fault_is_named_at_once():
    with pytest.raises(SpecError) as caught:
        read_topology(
            {"kind": "mesh", "words_per_cycle": 0, "router_delay_cycles": -1, "hops": 3},
            "architecture.GLB.network",
        )
    assert str(caught.value).splitlines() == [
        "architecture.GLB.network.mesh.words_per_cycle = 0: Input should be greater than 0",
        "architecture.GLB.network.mesh.router_delay_cycles = -1: "
        "Input should be greater than or equal to 0",
        "architecture.GLB.network.mesh.hops = 3: Extra inputs are not permitted",
    ]


@pytest.mark.parametrize("values", [{}, {"kind": "torus"}, 3])
def test_an_unknown_kind_is_refused(values):
    with pytest.raises(SpecError, match="topology"):
        read_topology(values)


def test_a_missing_delay_of_a_mesh_is_an_error_and_no_default():
    with pytest.raises(SpecError, match=r"topology.mesh.router_delay_cycles: Field required"):
        read_topology({"kind": "mesh", "words_per_cycle": 1})


@pytest.mark.parametrize(
    ("changes", "cycles"),
    [({}, 4), ({"routing_cycles": 1}, 5), ({"speculative": True}, 3), ({"traversal_cycles": 2}, 5)],
)
def test_a_routers_delay_is_the_sum_of_its_stages(changes, cycles):
    stages = {"channels": 4, "buffer_flits": 8, "routing_cycles": 0,
              "channel_allocation_cycles": 1, "switch_allocation_cycles": 1,
              "traversal_cycles": 1, "credit_cycles": 2}  # fmt: skip
    assert RouterPipeline(**(stages | changes)).router_delay_cycles == cycles
