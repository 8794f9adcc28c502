"""Words that main memory sends: the closed form beside a walk that looks at every word."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.problem import Tensor, Term
from stallscope.mappings.templates.movement import OuterLoop, words_sent

RANKS = st.sampled_from([
    (("P",),), (("P", "R"),), (("P", "R"), ("C",)), (("C",), ("P", "R"), ("Q", "S")),
    (("P", "R", "Q"),), (("Q",), ("P", "R")),
])  # fmt: skip


def walked(tensor: Tensor, loops: list[tuple[str, int, int, int]]) -> int:
    """Words of every tile that its predecessor does not have, tile by tile."""
    before: set[tuple[int, ...]] = set()
    sent = 0
    for steps in product(*(range(trips) for _, _, trips, _ in loops)):
        ranges = {
            name: range(at * span, min((at + 1) * span, bound))
            for at, (name, bound, _, span) in zip(steps, loops, strict=True)
        }
        box = []
        for rank in tensor.ranks:
            moving = [(ranges[term.dimension], term.coefficient) for term in rank
                      if term.dimension in ranges]  # fmt: skip
            low = sum(by * indices[0] for indices, by in moving)
            box.append(range(low, sum(by * indices[-1] for indices, by in moving) + 1))
        now = set(product(*box))
        sent += len(now - before)
        before = now
    return sent


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_closed_form_is_the_walk(data: st.DataObject) -> None:
    ranks = data.draw(RANKS)
    steps = st.sampled_from([1, 1, 2, 3])
    tensor = Tensor(
        name="T",
        ranks=tuple(
            tuple(Term(dimension=name, coefficient=data.draw(steps)) for name in rank)
            for rank in ranks
        ),
    )
    names = data.draw(st.permutations([*dict.fromkeys(n for rank in ranks for n in rank), "K"]))
    loops = []
    for name in names:
        bound = data.draw(st.integers(1, 6))
        span = data.draw(st.integers(1, bound + 1))
        loops.append((name, bound, -(-bound // span), span))
    found = words_sent(
        tensor,
        [
            OuterLoop(dimension=name, bound=bound, trips=np.array(trips), span=np.array(span))
            for name, bound, trips, span in loops
        ],
    )
    assert int(found) == walked(tensor, loops)


def test_rows_that_a_window_shares_are_sent_once() -> None:
    """Eight rows of output, 3 taps: ten rows of input, whatever the tile; and twice for K = 2."""
    tensor = Tensor(name="I", ranks=((Term(dimension="P"), Term(dimension="R")),))
    spans = np.array([8, 4, 2, 1])
    taps = OuterLoop(dimension="R", bound=3, trips=np.array(1), span=np.array(3))
    pixels = OuterLoop(dimension="P", bound=8, trips=8 // spans, span=spans)
    columns = OuterLoop(dimension="K", bound=2, trips=np.array(2), span=np.array(1))
    assert words_sent(tensor, [pixels, taps]).tolist() == [10, 10, 10, 10]
    assert words_sent(tensor, [pixels, columns, taps]).tolist() == [10, 10, 10, 10]
    # The last tile and the first have two rows in common if there are two of four.
    assert words_sent(tensor, [columns, pixels, taps]).tolist() == [10, 18, 20, 20]
