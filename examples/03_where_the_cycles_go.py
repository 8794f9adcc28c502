"""Where do the cycles of AlexNet CONV3 go, and what would help? A recorded run, read step by step.

The analytical model says 958 464 cycles, the simulator twice as many. Each block below is a cell of
a notebook: the stack, the critical chain, one window of slices in pandas, how full the scratch pad
of partial sums is, what power the buffers draw, and what one thing made ideal would save.
"""

from __future__ import annotations

import stallscope as ss
from stallscope.catalog import accelerator_of, load_network, network_of

START, END = 1_000_000, 1_000_240  # the window looked at, cycles
EVERY = 250_000  # cycles per interval


def main() -> None:
    """Print cell after cell."""
    layers = {layer.name: layer for layer in load_network(network_of("alexnet-conv")).layers}
    case = ss.load(accelerator_of("eyeriss-168").path, *layers["conv3"].files)
    result = ss.simulate(case, trace="full")
    trace = result.trace
    assert trace is not None
    print(f"{result.cycles:,} cycles; {trace.meta.rows:,} rows stored for {trace.rows:,} slices")

    print("\nThe cycle stack")
    for name, cycles in result.cycle_stack.items():
        print(f"  {name:16} {cycles:10,}  {cycles / result.cycles:6.1%}")

    print("\nThe critical chain, from the longest stretch on")
    for one in ss.critical_chain(trace)[:3]:
        print(f"  {one.cycles / trace.cycles:6.1%}  {one.unit}: {one.doing} ({one.cause})")
        print(f"{'':10}{one.because}")

    print(f"\nThe array and its partial sums, cycles {START:,} to {END:,}")
    units = ["mac", "Outputs shared_glb->psum_spad", "Outputs psum_spad->shared_glb"]
    slices = trace.window(START, END, units=units).to_pandas()
    shown = slices[["start", "end", "unit", "op", "wait_class", "wait_cycles"]].head(9)
    print(shown.astype({"wait_class": "object"}).fillna("").to_string(index=False))

    print("\nTiles of partial sums in that window")
    tiles = trace.tile_lifetimes("psum_spad", "Outputs", start=START, end=END).to_pandas()
    print(tiles.to_string(index=False))

    print("\nOccupancy of the array")
    print(trace.occupancy("mac", every=EVERY).to_pandas().to_string(index=False))

    print("\nPower per component, mW")
    power = trace.activity(every=EVERY).to_pandas().pivot_table(
        index="start", columns="component", values="power_mw", aggfunc="sum"
    )  # fmt: skip
    print(power.loc[:, (power > 0).any()].round(1).to_string())

    print("\nOne thing ideal at a time")
    for run in ss.bottleneck(case)[:4]:
        ideal = f"{run.ideal} of {run.resource}" if run.resource else run.ideal
        print(f"  {ideal:24} {run.cycles:10,} cycles, {run.saved:10,} saved")


if __name__ == "__main__":
    main()
