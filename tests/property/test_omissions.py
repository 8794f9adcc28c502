"""The audit and the comparison catch what a component forgets to show (planted omissions)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, find, settings

from stallscope.hw.mover import Carrier, Drain, Fill
from stallscope.hw.pe_array import PeArray
from stallscope.hw.simulate import simulate
from stallscope.simcore.counter import Channel
from stallscope.simcore.environment import FOREVER
from stallscope.simcore.errors import SimulationBug
from stallscope.simcore.position import Position
from stallscope.simcore.servers import Server
from stallscope.simcore.transfer import Transfer
from stallscope.simcore.unit import Unit
from tests.property.laws import figures
from tests.property.strategies import cases

SEARCH = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


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


OMISSIONS = {
    "the position of a unit": (Unit, "relative", _without(0)),
    "the state of a unit": (Unit, "relative", _without(1)),
    "pending deliveries": (Unit, "relative", _without(4)),
    "the room of a channel": (Channel, "relative", _without(1)),
    "how long a server is held": (Server, "relative", _instead(0)),
    "the transfer under way": (Transfer, "relative", _instead(None)),
    "since when a transfer is ready": (Transfer, "relative", _without(0)),
    "when a waiting transfer can start": (Transfer, "relative", _without(1)),
    "tiles a mover is ahead": (Carrier, "progress", _instead(0)),
    "tiles a drain is behind": (Drain, "progress", _instead(0)),
    "a fill's counts and clocks": (Fill, "more", _instead(0)),
    "the array's clocks and tiles": (PeArray, "more", _instead(0)),
    "a frozen transfer's end": (Transfer, "deadline", _instead(FOREVER)),
    "a frozen unit's deliveries": (Unit, "deadline", _instead(FOREVER)),
    "a countdown's end": (Transfer, "limit", _instead(FOREVER)),
    "the end of a loop": (Position, "left", _instead(FOREVER)),
}


def _is_caught(case):
    try:
        simulate(case, audit=True)
        return figures(simulate(case)) != figures(simulate(case, fast_forward=False))
    except (SimulationBug, ValueError, IndexError, KeyError, RuntimeError, AssertionError):
        return True


@pytest.mark.slow
@pytest.mark.parametrize("what", OMISSIONS)
def test_an_omission_is_caught(what, monkeypatch):
    owner, method, patch = OMISSIONS[what]
    monkeypatch.setattr(owner, method, patch(getattr(owner, method)))
    find(cases(longest=3000, max_levels=3), _is_caught, settings=SEARCH)
