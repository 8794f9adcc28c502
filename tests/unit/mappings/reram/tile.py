"""The tile that published counts of weight updates are of, and layers on it.

Four cores of nine logical crossbars of 64 x 64 weights of 8 bits on 2-bit cells; a read takes
100 ns, one bit of the inputs at a time; a programming pulse takes 50 ns and writes a row.
"""

from __future__ import annotations

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, LogicalCrossbar, Programming, Readout
from stallscope.mappings.reram.schedule import CrossbarSchedule, ScheduleLoop

EXAMPLE = ConvLayer(C=128, K=256, P=28, Q=28, R=3, S=3, padding=1)


def tile(*, writing=None, **changes):
    """The tile; writing takes one pulse and no verify if nothing else is said."""
    return CrossbarChip(
        cores=4,
        crossbar=LogicalCrossbar(rows=64, columns=64, per_core=9),
        reading=Readout(read_ns=100, columns_per_adc=64, adc_gsps="1.28"),
        writing=Programming(pulse_ns=50, **(writing or {})),
    ).model_copy(update=changes)


def loops(text):
    """Loops as text, such as ``co h4 ko``: outermost first, an axis and its step."""
    return tuple(
        ScheduleLoop(axis=word.rstrip("0123456789"), step=int(word.lstrip("nchwkop") or 1))
        for word in text.split()
    )


def case(layer, order="", *, chip=None, energy=None, **schedule):
    """A case on the tile; the schedule's loops as text."""
    return CrossbarCase(
        layer=layer,
        chip=chip or tile(),
        schedule=CrossbarSchedule(loops=loops(order), **schedule),
        energy=energy,
    )
