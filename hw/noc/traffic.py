"""Synthetic traffic of a square mesh: who sends to whom, and when.

Patterns in the words of Dally and Towles (2004), section 3.2, node (x, y) with number y * k + x:
``transpose`` (x, y) -> (y, x); ``bitcomp`` i -> N - 1 - i; ``neighbor`` (x, y) -> (x + 1, y + 1)
modulo k; ``tornado`` (x + ceil(k / 2) - 1, the same of y) modulo k; ``uniform`` any node, itself
included; ``hotspot`` one of the given nodes.
"""

from __future__ import annotations

import re

import numpy as np

from stallscope.hw.noc.router_state import Ints
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["RANDOM_PATTERNS", "bernoulli", "destinations"]

RANDOM_PATTERNS = ("uniform", "hotspot")
"""Patterns whose destinations are drawn (a hotspot of one node draws nothing)."""

_PATTERNS = ("uniform", "transpose", "bitcomp", "neighbor", "tornado", "hotspot({node,...})")


def destinations(pattern: str, side: int, source: Ints, generator: np.random.Generator) -> Ints:
    """Return where packets go.

    Args:
        pattern: Its name; a hotspot with its nodes: ``hotspot({5,6})``.
        side: Nodes along a side of the mesh.
        source: Nodes that send, shape (packets,).
        generator: Draws what is random.

    Raises:
        SpecError: If there is no such pattern, or no such node.
    """
    x, y = source % side, source // side
    match pattern.partition("(")[0]:
        case "uniform":
            return generator.integers(0, side * side, len(source))
        case "transpose":
            return x * side + y
        case "bitcomp":
            return side * side - 1 - source
        case "neighbor":
            return (y + 1) % side * side + (x + 1) % side
        case "tornado":
            on = (side + 1) // 2 - 1
            return (y + on) % side * side + (x + on) % side
        case "hotspot":
            nodes = np.array([int(node) for node in re.findall(r"\d+", pattern)], dtype=np.int64)
            if len(nodes) and nodes.max() < side * side:
                return nodes[generator.integers(0, len(nodes), len(source))]
    remedy = f"known: {', '.join(_PATTERNS)}"
    raise SpecError([Fault(place="traffic", value=pattern, rule="is no pattern of this mesh",
                           remedy=remedy)])  # fmt: skip


def bernoulli(
    nodes: int, cycles: int, probability: float, generator: np.random.Generator
) -> tuple[Ints, Ints]:
    """Draw when nodes create packets: each, in each cycle, with one probability.

    Returns:
        Node and cycle of the packets, node by node in order of time.
    """
    found: list[Ints] = []
    for _ in range(nodes):
        # Gaps between successes are geometric; drawn until they fill the time.
        mean = int(cycles * probability)
        at = np.zeros(0, dtype=np.int64)
        while not len(at) or at[-1] < cycles:
            last = at[-1] if len(at) else -1
            gaps = generator.geometric(probability, mean // 2 + 16)
            at = np.concatenate([at, last + np.cumsum(gaps)])
        found.append(at[at < cycles])
    source = np.repeat(np.arange(nodes), [len(at) for at in found])
    return source, np.concatenate(found)
