"""Topologies of networks in the native notation: every kind, units, faults, settings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings import native
from stallscope.mappings.loading import load
from stallscope.mappings.native_topology import KINDS
from stallscope.mappings.topology import (
    Axis,
    Bus,
    Clusters,
    Mesh,
    Neighbour,
    Ring,
    Topology,
    Tree,
    TreeShape,
    XyBus,
)
from stallscope.simcore.errors import SpecError

DATA = Path(__file__).parents[2] / "data"
NETWORK = "network: {words_per_cycle: 1/3, multicast: true, links: true}"
TEXT = (DATA / "native_case.yaml").read_text(encoding="utf-8")
HALF = Fraction(1, 2)


def topology(text: str) -> Topology | None:
    case = native.read(TEXT.replace(NETWORK, f"network: {{topology: {text}}}"), "case.yaml")
    assert native.read(native.dump(case)) == case
    return case.architecture.level("GLB").network.topology


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{kind: bus, bandwidth: 0.5}", Bus(words_per_cycle=HALF)),
        ("{kind: xy_bus, words_per_cycle: 16 b/cycle, delay: 5 ns, multicast: false}",
         XyBus(words_per_cycle=1, delay_cycles=1, multicast=False)),
        ("{kind: tree, root_bandwidth: 8, leaf_bandwidth: 1/2, shape: fat, levels_per_cycle: 2, "
         "adder: 3, reduces: false}",
         Tree(root_words_per_cycle=8, leaf_words_per_cycle=HALF, shape=TreeShape.FAT,
              levels_per_cycle=2, adder_cycles=3, reduces=False)),
        ("{kind: mesh, bandwidth: 1, router_delay: 2, port_delay: 3, entry_bandwidth: 4, "
         "inject_x: 5, inject_y: 0, blocking: true}",
         Mesh(words_per_cycle=1, router_delay_cycles=2, port_delay_cycles=3,
              entry_words_per_cycle=4, inject_x=5, blocking=True)),
        ("{kind: ring, bandwidth: 1, delay_cycles: 2, port_delay: 0, inject: 3}",
         Ring(words_per_cycle=1, delay_cycles=2, port_delay_cycles=0, inject=3)),
        ("{kind: neighbour, axis: y, bandwidth: 1, hop: 2}",
         Neighbour(axis=Axis.Y, words_per_cycle=1, hop_cycles=2)),
        ("{kind: clusters, columns: 4, rows: 1, between: {kind: mesh, bandwidth: 1, "
         "router_delay: 2}, inside: {kind: bus, bandwidth: 2}}",
         Clusters(columns=4, rows=1, between=Mesh(words_per_cycle=1, router_delay_cycles=2),
                  inside=Bus(words_per_cycle=2))),
    ],
)  # fmt: skip
def test_every_kind_is_read_and_written(text: str, expected: Topology) -> None:
    assert topology(text) == expected


def test_no_kind_is_left_out() -> None:
    assert set(KINDS) == {"bus", "xy_bus", "tree", "mesh", "ring", "neighbour", "clusters"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bus", "architecture.GLB.network.topology = bus: needs a mapping, has text"),
        ("{bandwidth: 1}", "architecture.GLB.network.topology: needs kind"),
        ("{kind: msh}", "topology.kind = msh: needs one of bus, .*; did you mean mesh"),
        ("{kind: 3}", "topology.kind = 3: needs one of"),
        ("{kind: mesh, bandwidth: 1}", "topology: a topology of this kind needs router_delay"),
        ("{kind: bus, bandwidth: 0}", "topology.words_per_cycle = 0: needs a bandwidth above 0"),
        ("{kind: bus, bandwidth: 1 kg}", "topology.words_per_cycle = 1 kg: unknown unit kg"),
        ("{kind: bus, bandwidth: 1, delay: -1}", "topology.delay_cycles = -1: needs a time >= 0"),
        ("{kind: bus, bandwidth: 1, hops: 2}", "topology.hops = 2: unknown key hops"),
        ("{kind: bus, bandwidth: 1, blocking: 1}", "blocking = 1: needs true or false"),
        ("{kind: neighbour, axis: z, bandwidth: 1}", "topology.axis = z: input should be 'x' or"),
        ("{kind: ring, bandwidth: 1, inject: -1}", "topology.inject = -1: input should be greater"),
        ("{kind: clusters, columns: 0, rows: 2, between: {kind: bus, bandwidth: 1}, "
         "inside: {kind: bus, bandwidth: 1}}", "topology.columns = 0: input should be greater"),
        ("{kind: clusters, columns: 2, rows: 2, inside: {kind: bus, bandwidth: 1}}",
         "architecture.GLB.network.topology: needs between"),
        ("{kind: clusters, columns: 2, rows: 2, between: {kind: clusters}, "
         "inside: {kind: bus, bandwidth: 1}}", "topology.between.kind = clusters: needs one of"),
        ("{kind: clusters, columns: 2, rows: 2, between: {kind: bus}, "
         "inside: {kind: bus, bandwidth: 1}}", "topology.between: a topology of this kind needs"),
    ],
)  # fmt: skip
def test_faults_name_line_path_value_and_remedy(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        topology(text)
    (fault,) = caught.value.faults
    assert fault.source == "case.yaml:16"


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        topology("{kind: tree, root_bandwidth: no, shpe: fat, adder: 1.5}")
    assert [(fault.place.rpartition(".")[2], fault.rule) for fault in caught.value.faults] == [
        ("root_words_per_cycle", "needs a number, with or without a unit"),
        ("adder_cycles", "needs a whole number of cycles"),
        ("topology", "a topology of this kind needs leaf_bandwidth"),
        ("shpe", "unknown key shpe"),
    ]


def test_settings_reach_into_a_topology(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(TEXT, encoding="utf-8")
    place = "architecture.GLB.network.topology"
    case = load(file, overrides=[f"{place}.kind=bus", f"{place}.bandwidth=2", f"{place}.delay=1"])
    assert case.architecture.level("GLB").network.topology == Bus(words_per_cycle=2, delay_cycles=1)
    case = load(file, overrides=[f"{place}={{kind: ring, bandwidth: 1}}", f"{place}.bandwidth=3"])
    assert case.architecture.level("GLB").network.topology == Ring(words_per_cycle=3)
