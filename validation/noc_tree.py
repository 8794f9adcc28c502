"""Runs of a tree accelerator of the MAERI kind, after STONNE's description of it.

C[M,N] = A[M,K] B[K,N]. The buffer feeds a distribution tree whose upper levels divide its port, so
that every word of the port has a sub-tree of narrow links to itself; words cross it in one cycle.
The multipliers keep a column of B (the stationary words) while rows of A stream past, one after
the other; products are added in a binary tree, an adder level per cycle. The buffer's read and the
multiplication take a cycle each; the last sum leaves the tree in one more, and is written. The next
column of B waits until the last result of this one is written.

What is executed is words and sums on the links of such trees; only the closed form of one neuron
is a formula. Of several neurons at a time: a word that several need in one sub-tree is sent there
once; each neuron has adders of its own.

Not modelled: the network that collects the results of several neurons at once, its width
(``words_out``), and the links between multipliers along which a convolution's inputs slide.
"""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.hw.noc.topology import Delivery, Geometry
from stallscope.mappings.topology import Tree, read_topology
from stallscope.validation.noc_cases import TreeCase

__all__ = ["one_neuron_formula", "run_tree"]

_READ = 1
"""Cycles of the buffer's read."""
_MULTIPLY = 1
"""Cycles of a multiplication."""

_Word = tuple[int, int]
"""The row or column it belongs to, and its place in the dot product."""


def one_neuron_formula(case: TreeCase) -> int:
    """Cycles where one dot product takes all multipliers.

    Source: fitted by others to STONNE's runs: N x (ceil(K / dn_bw) x (1 + M) + 3
    + log2(num_ms) + [dn_bw < num_ms]).
    """
    vector = -(-case.k // case.words_in)
    fill = 3 + (case.multipliers - 1).bit_length() + (case.words_in < case.multipliers)
    return case.n * (vector * (1 + case.m) + fill)


def run_tree(case: TreeCase) -> int:
    """Execute the columns in the array at one time; the others are like them, one after another."""
    return -(-case.n // case.tile_n) * _Array(case).run()


class _Array:
    """The columns of B that are in the array at a time, from the first word to the last result."""

    def __init__(self, case: TreeCase) -> None:
        self._case = case
        self._down = _tree(case.multipliers, case.words_in)
        self._buffer = PacketNetwork[int](self._down, padded=False)
        self._adders = _tree(case.tile_k, 1)
        # Neurons of the same column of B lie side by side.
        self._neurons = [(m, n) for n in range(case.tile_n) for m in range(case.tile_m)]
        self._sums = [PacketNetwork[int](self._adders) for _ in self._neurons]
        self._sent: dict[int, tuple[int, ...]] = {}
        self._when: list[list[int]] = []
        self._ways: dict[tuple[int, ...], Delivery] = {}

    def run(self) -> int:
        """Return the cycle by which the last result is written."""
        case = self._case
        for fold in range(-(-case.k // case.tile_k)):
            places = range(fold * case.tile_k, min(case.k, (fold + 1) * case.tile_k))
            self._send([[(n, k) for k in places] for _, n in self._neurons], is_streamed=False)
            for _ in range(-(-case.m // case.tile_m)):
                self._send([[(m, k) for k in places] for m, _ in self._neurons], is_streamed=True)
        self._note(2**40)
        self._multiply()
        return max(network.advance(2**40)[-1][0] for network in self._sums)

    def _send(self, wanted: Sequence[Sequence[_Word]], *, is_streamed: bool) -> None:
        """Send every neuron its words, equal words of a sub-tree once, when the ports are free."""
        case = self._case
        size = max(1, case.multipliers // case.words_in)
        trees: dict[int, dict[_Word, list[int]]] = {}
        for neuron, words in enumerate(wanted):
            for place, word in enumerate(words):
                leaf = neuron * case.tile_k + place
                trees.setdefault(leaf // size, {}).setdefault(word, []).append(leaf)
        start = max(_READ, self._buffer.clear_cycle(self._way(range(case.multipliers))))
        self._note(start)
        queues = [list(tree.values()) for tree in trees.values()]
        vector = len(self._when) if is_streamed else -1
        for turn in range(max(map(len, queues))):
            for leaves in (queue[turn] for queue in queues if turn < len(queue)):
                number = len(self._sent)
                self._sent[number] = (vector, *leaves)
                self._buffer.submit(self._way(leaves), 1, start, number)
        if is_streamed:
            self._when.append([0] * len(self._neurons))

    def _way(self, leaves: Sequence[int]) -> Delivery:
        """The tree to some leaves, made once."""
        key = tuple(leaves)
        if key not in self._ways:
            self._ways[key] = self._down.multicast(self._down.parent, leaves)
        return self._ways[key]

    def _note(self, cycle: int) -> None:
        """Note when each neuron has its words of each streamed vector, up to a cycle."""
        for at, number in self._buffer.advance(cycle):
            vector, *leaves = self._sent[number]
            if vector >= 0:
                for leaf in leaves:
                    neuron = leaf // self._case.tile_k
                    self._when[vector][neuron] = max(self._when[vector][neuron], at)

    def _multiply(self) -> None:
        """Every neuron adds the products of each vector."""
        way = self._adders.reduction(range(self._case.tile_k), self._adders.parent)
        for vector, cycles in enumerate(self._when):
            for network, cycle in zip(self._sums, cycles, strict=True):
                network.submit(way, 1, cycle + _MULTIPLY, vector)


def _tree(leaves: int, words: int) -> Geometry:
    """A tree with sub-trees of single words, without buffers on the way."""
    described = {"kind": "tree", "root_words_per_cycle": words, "leaf_words_per_cycle": 1,
                 "levels_per_cycle": None, "blocking": True}  # fmt: skip
    spec = read_topology(described)
    assert isinstance(spec, Tree)
    return build(spec, leaves, 1)
