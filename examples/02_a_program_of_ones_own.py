"""What does room for a second weight tile bring to a schedule written by hand?

An architect has a schedule of a matrix-vector product on paper, tile by tile, and no loop nest or
mapping for it. She writes it down as rows (matrix_vector.csv): what moves, what waits for what,
whose room is free afterwards. The buffer holds x, y and one tile of weights, or two.
"""

from __future__ import annotations

from pathlib import Path

import stallscope as ss

HERE = Path(__file__).parent
CAPACITIES_WORDS = (36, 52)


def main() -> None:
    """Print one line per capacity."""
    print("capacity  cycles  most lost to          weights wait for room")
    for words in CAPACITIES_WORDS:
        platform = ss.load_platform(
            HERE / "small_accelerator.yaml",
            overrides=[f"architecture.GLB.capacity_words={words}"],
        )
        program = ss.read_rows(HERE / "matrix_vector.csv", platform.architecture)
        result = ss.execute(program, platform)
        lost = {name: cycles for name, cycles in result.cycle_stack.items() if name != "compute"}
        worst = max(lost, key=lambda name: lost[name])
        room = result.units["Weights DRAM->GLB"].waiting.get("room", 0)
        share = f"{worst} {lost[worst] / result.cycles:.1%}"
        print(f"{words:8} {result.cycles:7}  {share:21} {room:6} cycles")


if __name__ == "__main__":
    main()
