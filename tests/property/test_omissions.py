"""Planted omissions: what a component forgets to show is caught by the audit or by comparing.

Each omission stands beside a machine on which it shows; without it the same machine passes. Other
items of the relative state (the state of a unit, tiles ahead of a counter, the time a server stays
held) were left out likewise on some hundred random machines without a difference: positions and
counters imply them there. They stay, because nothing proves it.
"""

from __future__ import annotations

import dataclasses

import pytest

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.mover import Carrier
from stallscope.hw.simulate import simulate
from stallscope.mappings.loading import load
from stallscope.simcore.environment import FOREVER
from stallscope.simcore.position import Position
from stallscope.simcore.transfer import Transfer
from stallscope.simcore.unit import Unit
from stallscope.traces.compile import compile_case
from tests.property.laws import figures
from tests.property.seeded import seeded_case
from tests.sets import some


def _without(index):
    """Drop one item of the tuple that a method returns."""

    def patch(original):
        def patched(self, *args):
            value = original(self, *args)
            return value[:index] + value[index + 1 :] if isinstance(value, tuple) else value

        return patched

    return patch


def _instead(value):
    return lambda original: lambda self, *args: value


def _phase_without_history(original):
    """A transfer is taken for the one before whenever it began and whoever pressed it."""
    return lambda self: self.position.index.copy()


def _marks_of_a_new_state(original):
    """A transfer is taken to have begun anew in every period, so its begin moves with a skip."""

    def patched(self):
        steps, _, *others = original(self)
        return [steps, self.env.cycle, *others]

    return patched


OMISSIONS = {
    "the position of a unit": (Unit, "relative", _without(0), 308),
    "pending deliveries": (Unit, "relative", _without(4), 28),
    "the transfer under way": (Transfer, "relative", _instead(None), 51),
    "a mover's counts and clocks": (Carrier, "_more", _instead(0), 33),
    "since when a transfer is under way": (Unit, "phase", _phase_without_history, 94),
    "that a transfer under way stays": (Unit, "marks", _marks_of_a_new_state, 26),
    "a frozen unit's deliveries": (Unit, "deadline", _instead(FOREVER), 382),
    "a frozen transfer's end": (Transfer, "deadline", _instead(FOREVER), "conv1 of three columns"),
    "a countdown's end": (Transfer, "limit", _instead(FOREVER), 42),
    "the end of a loop": (Position, "left", _instead(FOREVER), 22),
}


def _case(where, folder):
    if isinstance(where, int):
        return seeded_case(where)
    layers = {layer.name: layer for layer in load_network(network_of("alexnet-conv")).layers}
    (file,) = layers["conv1"].files
    text = file.read_text(encoding="utf-8")
    part = folder / "part.yaml"
    part.write_text(text.replace("Q: 55", "Q: 3").replace("Q=55", "Q=3"), encoding="utf-8")
    return load(accelerator_of("eyeriss-168").path, part)


def _is_caught(case):
    try:
        simulate(case, audit=True)
        return figures(simulate(case)) != figures(simulate(case, fast_forward=False))
    except Exception:  # whatever breaks, it was noticed
        return True


@pytest.mark.parametrize("what", OMISSIONS)
def test_an_omission_is_caught_and_without_it_nothing_is(what, monkeypatch, tmp_path):
    owner, method, patch, where = OMISSIONS[what]
    case = _case(where, tmp_path)
    assert not _is_caught(case)
    monkeypatch.setattr(owner, method, patch(getattr(owner, method)))
    assert _is_caught(case)


def test_periods_inside_a_long_contended_transfer_are_skipped():
    """Other transfers come and go while one is under way: what they cost it grows per period.

    Its own row comes when it ends, with its begin and what it lost to whom.
    """
    case = seeded_case(26)
    machine = Machine(compile_case(case), case.architecture, FastForwardMode())
    machine.run()
    on, off = simulate(case, trace="full"), simulate(case, trace="full", fast_forward=False)
    rows = on.trace.window().to_pandas()
    works = rows[(rows.op != "WAIT") & (rows.wait_cycles > 0)]
    inside = 0
    for skip in machine.fast_forward.skips:
        end = skip.start + skip.cycles * skip.times
        inside += ((works.start < skip.start) & (works.end > end)).any()
    assert inside > 0
    full = off.trace.window().to_pandas()
    assert rows.drop(columns="repeat").equals(full.drop(columns="repeat"))


@pytest.mark.parametrize("seed", some(range(24), quick=(0, 1, 2, 3, 4, 6, 8, 10, 13, 15, 18, 22)))
def test_machines_that_repeat_are_skipped_and_change_in_nothing(seed):
    case = seeded_case(seed)
    result = simulate(case)
    assert figures(result) == figures(simulate(case, fast_forward=False))
    simulate(case, audit=True)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 700, 25))
def test_many_machines_that_repeat_change_in_nothing(start):
    skipped = 0
    for seed in range(start, start + 25):
        case = seeded_case(seed)
        result = simulate(case)
        skipped += result.simulation.fast_forwarded_cycles > 0
        assert figures(result) == figures(simulate(case, fast_forward=False)), seed
        simulate(case, audit=True)
    assert skipped > 12


def test_figures_leave_out_the_simulation_block_only():
    result = simulate(seeded_case(1))
    names = {field.name for field in dataclasses.fields(result)}
    assert names - set(figures(result)) == {"simulation"}
