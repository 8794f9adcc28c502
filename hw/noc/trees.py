"""A binary distribution and adder tree."""

from __future__ import annotations

from fractions import Fraction

from stallscope.hw.noc.topology import Geometry
from stallscope.mappings.topology import Tree, TreeShape

__all__ = ["TreeGeometry"]


class TreeGeometry(Geometry):
    """Switches on the way down, adders on the way up; the children are the leaves in row order.

    Level 1 is the root's two links, the last level the leaves'. The first of every
    ``levels_per_cycle`` levels with switches delays by a cycle.
    """

    def __init__(self, spec: Tree, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        self._shape = spec
        self.levels = (self.children - 1).bit_length()
        self._root = self.parent + 1 if self.levels else 0
        root = spec.root_words_per_cycle
        self._pair("root", self.parent, self._root, root, 0, is_hop=False)
        for level in range(1, self.levels + 1):
            width, delay = self.level_width(level), self._delay(level)
            for place in range(-(-self.children >> (self.levels - level))):
                ends = self._at(level - 1, place // 2), self._at(level, place)
                # With unequal leaves an adder of one input is still an adder's register.
                self._pair(f"level {level}[{place}]", *ends, width, delay, back=spec.adder_cycles)

    def level_width(self, level: int) -> Fraction:
        """Width of one link of a level, words per cycle."""
        leaf = self._shape.leaf_words_per_cycle
        match self._shape.shape:
            case TreeShape.THIN:
                return leaf
            case TreeShape.FAT:
                return leaf * (1 << (self.levels - level))
            case TreeShape.CHUBBY:
                return max(leaf, self._shape.root_words_per_cycle / (1 << level))

    def _delay(self, level: int) -> int:
        wires = 0
        if self._shape.shape is TreeShape.CHUBBY:
            narrow = [at for at in range(1, self.levels + 1) if not self._divides(at)]
            wires = narrow[0] - 1 if narrow else self.levels
        stage = self._shape.levels_per_cycle or self.levels
        return 1 if level > wires and (level - wires - 1) % stage == 0 else 0

    def _divides(self, level: int) -> bool:
        """Whether a level's two links together are as wide as the one above."""
        above = self.level_width(level - 1) if level > 1 else self._shape.root_words_per_cycle
        return 2 * self.level_width(level) == above

    def _at(self, level: int, place: int) -> int:
        """Node of a place of a level; the last level's are the children."""
        if level == self.levels:
            return place
        return self._root + (1 << level) - 1 + place

    def _where(self, node: int) -> tuple[int, int]:
        if node < self.children:
            return self.levels, node
        number = node - self._root + 1
        level = number.bit_length() - 1
        return level, number - (1 << level)

    def step(self, node: int, destination: int) -> int:
        """Up to the node above both, then down."""
        if node == self.parent:
            return self._root
        level, place = self._where(node)
        up = self.parent if level == 0 else self._at(level - 1, place // 2)
        if destination == self.parent:
            return up
        below, goal = self._where(destination)
        if below <= level or goal >> (below - level) != place:
            return up
        return self._at(level + 1, goal >> (below - level - 1))
