"""How much DRAM bandwidth does AlexNet CONV4 need on the Eyeriss-like array?

An architect has a bus of 64 bits (4 words of 16 bits per cycle) and may halve or widen it. The
analytical model says that 2 words per cycle are enough for this layer. The simulator says
what each step really brings, and which class of stall takes over when DRAM no longer is the limit.
"""

from __future__ import annotations

import stallscope as ss
from stallscope.catalog import accelerator_of, load_network, network_of

WORDS_PER_CYCLE = (1, 2, 4, 8, 16)


def main() -> None:
    """Print one line per bandwidth."""
    accelerator = accelerator_of("eyeriss-168").path
    layers = {layer.name: layer for layer in load_network(network_of("alexnet-conv")).layers}
    print("words/cycle     cycles  analytical  bound by                     most lost to")
    for words in WORDS_PER_CYCLE:
        case = ss.load(
            accelerator,
            *layers["conv4"].files,
            overrides=[f"architecture.DRAM.shared_words_per_cycle={words}"],
        )
        result = ss.simulate(case)
        lost = {name: cycles for name, cycles in result.cycle_stack.items() if name != "compute"}
        worst = max(lost, key=lambda name: lost[name])
        share = lost[worst] / result.cycles
        bound = result.estimate.bound_by
        print(
            f"{words:11} {result.cycles:10,} {result.estimate.cycles:11,}  {bound:27}"
            f"  {worst} {share:.1%}"
        )


if __name__ == "__main__":
    main()
