"""The streams of a program are the units of the machine that executes it."""

from hypothesis import given, settings

from stallscope.hw.reram.machine import ChipMachine
from stallscope.traces.reram.program import compile_crossbars
from stallscope.traces.reram.streams import chip_streams
from tests.property.crossbar_machines import machines


@settings(max_examples=25, deadline=None)
@given(case=machines())
def test_streams_are_the_units_of_the_machine(case) -> None:
    """Names, order and steps, also where the last tile is smaller."""
    program = compile_crossbars(case)
    machine = ChipMachine(program, case, fast_forward=False, audit=False)
    machine.run()
    assert [(stream.name, stream.steps) for stream in chip_streams(program)] == [
        (unit.name, unit.steps) for unit in machine.units
    ]
