"""Random machines whose levels have interleaved banks, blocks and ports of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from tests.property.seeded import seeded_case
from tests.property.strategies import cases

PORTS = ["1RW", "1R1W", "2RW", "2R1W", "1R3W"]


@dataclass(frozen=True)
class Choices:
    """What a level is given: drawn by Hypothesis, or from a seed."""

    pick: object

    def level(self, level):
        """The level with banks and, as a rule, an interleave; its widths or ports instead."""
        access = self.pick([1, 1, 2, 3, 4])
        figures = {"access_words": access, "banks": self.pick([1, 2, 3, 4, 8])}
        if self.pick([True, True, True, False]):
            figures["banking"] = "interleaved"
            figures["interleave_words"] = self.pick([None, access, 2 * access, 5 * access])
        if self.pick([True, False]):
            figures |= dict.fromkeys(
                (f"{port}_words_per_cycle" for port in ("read", "write", "shared")), None
            )
            figures["ports"] = self.pick(PORTS)
            figures["port_words"] = self.pick([None, None, 1, 3])
        given = {name: getattr(level, name) for name in type(level).model_fields}
        return type(level)(**(given | figures))

    def case(self, case):
        """The case on such a machine."""
        levels = tuple(self.level(level) for level in case.architecture.levels)
        architecture = case.architecture.model_copy(update={"levels": levels})
        return case.model_copy(update={"architecture": architecture})


@st.composite
def banked_cases(draw, **options):
    """A case of `cases` on a banked machine."""
    choices = Choices(lambda known: draw(st.sampled_from(known)))
    return choices.case(draw(cases(**options)))


def seeded_banked(seed):
    """A long case of `seeded_case` on a banked machine."""
    return Choices(Random(seed).choice).case(seeded_case(seed))
