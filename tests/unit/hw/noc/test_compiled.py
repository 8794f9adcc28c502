"""The kernels give the same figures compiled and as plain Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys

CODE = """
import json
import numba
import numpy as np
from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.hw.noc.router_network import RouterNetwork, packets
from stallscope.hw.noc.traffic import bernoulli, destinations
from stallscope.mappings.topology import Mesh, RouterPipeline

pipeline = RouterPipeline(channels=2, buffer_flits=3, routing_cycles=0, channel_allocation_cycles=1,
                          switch_allocation_cycles=1, traversal_cycles=1, credit_cycles=2)
mesh = build(Mesh(words_per_cycle=1, router_delay_cycles=4), 3, 3)
generator = np.random.Generator(np.random.PCG64(5))
source, created = bernoulli(9, 120, 0.1, generator)
to = destinations("uniform", 3, source, generator)
routers = RouterNetwork(mesh, pipeline)
traffic = packets(mesh, source, to, created, np.full_like(source, 4))
routers.run(traffic, 10_000, enough=len(source))
network = PacketNetwork(mesh)
for number, (at, node) in enumerate(sorted(zip(created.tolist(), to.tolist()))):
    network.submit(mesh.multicast(mesh.parent, [node, 8 - node]), 3, at, number)
    network.submit(mesh.reduction([node, 4], mesh.parent), 2, at, -number)
print(json.dumps([bool(numba.config.DISABLE_JIT), traffic.done.tolist(), routers.link_flits,
                  network.advance(10_000), network.carried_words]))
"""


def outcome(**environment):
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True,
                          env=os.environ | environment)  # fmt: skip
    return json.loads(done.stdout)


def test_compiled_and_plain_agree():
    compiled, plain = outcome(NUMBA_DISABLE_JIT="0"), outcome(NUMBA_DISABLE_JIT="1")
    assert (compiled[0], plain[0]) == (False, True)
    assert compiled[1:] == plain[1:]
    assert len(compiled[1]) > 50
