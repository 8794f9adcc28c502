"""When a chip of crossbars of one tile is done, from a plain timeline of its steps.

Everything happens in a fixed order: of the updates of a core's crossbars, of the inputs, of the
multiplies, of the results. So when something begins is the latest end of what it waits for, and one
pass through the steps gives every time, without events, ports or units. What is not known here: who
has a port that several kinds of transfer want. It holds for machines on which every limited port
serves one kind (see `test_crossbar_timeline`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from math import ceil, log2, prod

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import Overlap, Pipeline
from tests.theory.crossbar_steps import steps_of

# ---------------------------------------------------------------------- how long things take


def packed(words, bits):
    """Bytes of packed words."""
    return -(-words * bits // 8)


def lasting(amount, rate):
    """Whole cycles that an amount takes."""
    return 0 if rate is None else ceil(amount / Fraction(rate))


def cycles(chip, time_ns):
    """Whole cycles of a time."""
    return ceil(Fraction(time_ns) * Fraction(str(chip.clock_mhz)) / 1000)


def multiplying(chip):
    """Cycles from one multiply to the next, and from the last one's end until its sums are there.

    Three stages, bits of the inputs one after another.
    """
    reading = chip.reading
    shared = min(reading.columns_per_adc, chip.crossbar.columns)
    times = (reading.read_ns, Fraction(shared) / reading.adc_gsps, reading.shift_add_ns)
    stages = [cycles(chip, time) for time in times]
    passes = -(-reading.input_bits // reading.dac_bits)
    through = sum(stages)
    if reading.pipeline is Pipeline.SYNCHRONOUS:
        through = 3 * max(stages)
    # The first bits pass all stages, those after them follow at the pace of the slowest.
    return passes * max(stages), through - max(stages)


def hops(chip):
    """Cycles between a tile's memory and its cores."""
    return chip.htree.hop_latency_cycles * ceil(log2(chip.cores))


def stays(case):
    """Whether inputs and results stay in the tile's memory."""
    chip, layer = case.chip, case.layer
    if chip.main_memory is None or chip.memory.capacity_bytes is None:
        return True
    if isinstance(layer, ConvLayer):
        words = layer.N * layer.C * layer.input_rows * layer.input_columns
        made = layer.N * layer.K * layer.P * layer.Q
    else:
        words, made = layer.batch * layer.M * layer.K, layer.batch * layer.M * layer.N
    bits = words * chip.reading.input_bits + made * chip.output_bits
    return bits <= 8 * chip.memory.capacity_bytes


def window(layer, load, rows, columns):
    """Input words of the box around all kernel positions of a load, for a tile."""
    spots = [divmod(spot, layer.kernel[1]) for spot in range(*load.kernel)]
    sides = [
        (length - 1) * stride + (max(along) - min(along)) * dilation + 1
        for length, stride, dilation, along in zip(
            (rows, columns), layer.stride, layer.dilation, zip(*spots, strict=True), strict=True
        )
    ]
    return prod(sides) * (load.channels[1] - load.channels[0])


# ---------------------------------------------------------------------- what things wait for


@dataclass
class Room:
    """Room that is taken and left in one order.

    Attributes:
        capacity: How much there is.
        taken: What every taker takes.
        left: When it is free again, as far as that is known.
    """

    capacity: int
    taken: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)

    def take(self, size):
        """Take room; returns when it is free."""
        need = sum(self.taken) + size - self.capacity
        self.taken.append(size)
        free_at, freed = 0, 0
        for amount, time in zip(self.taken, self.left, strict=False):
            if freed >= need:
                break
            freed, free_at = freed + amount, max(free_at, time)
        assert freed >= need, "room is asked for before it can be known when there is any"
        return free_at


@dataclass
class Lane:
    """One core.

    Attributes:
        number: Of the core.
        weights, inputs, sums: Room for sets of weights, bytes of inputs, bytes of partial sums.
        done: When its last step was done.
        summed: When the sums of its last visit were there.
        stored: When its last results had left the buffer.
        room: When the last room for partial sums was found, if they come back.
        refilled: When the last sums were back.
        opened: When the visit under way may begin.
        drained: When the results of every visit were in the memory, in order.
    """

    number: int
    weights: Room
    inputs: Room
    sums: Room
    done: int = 0
    summed: int = 0
    stored: int = 0
    room: int = 0
    refilled: int = 0
    opened: int = 0
    drained: list[int] = field(default_factory=list)


@dataclass
class Gang:
    """Cores that are written together.

    Attributes:
        lanes: The cores.
        written: When their last update was written.
    """

    lanes: list[Lane]
    written: int = 0


class Timeline:
    """The times of one case."""

    def __init__(self, case):
        assert case.chip.tiles == 1
        self.case, self.chip, self.layer = case, case.chip, case.lowered
        self.steps = steps_of(case)
        self.interval, self.tail = multiplying(self.chip)
        used = min(self.chip.cores, len(self.layer.blocks))
        self.lanes = [self._lane(core) for core in range(used)]
        alone = self.chip.overlap is Overlap.PARTIAL
        self.gangs = [Gang([lane]) for lane in self.lanes] if alone else [Gang(self.lanes)]
        self.brought = self.arrived = 0
        self.comes_back = any(any(step.visit) for step in self.steps)
        memory, main = self.chip.memory.latency_cycles, self.chip.main_memory
        outside = main.latency_cycles if main else 0
        self.weights_late = outside + memory + hops(self.chip)
        self.inputs_late = (0 if stays(case) else outside) + memory + hops(self.chip)

    def _lane(self, core):
        chip = self.chip
        most = max(self._input_bytes(step) for step in self.steps)
        inputs, sums = chip.input_buffer.capacity_bytes, chip.partial_sums.capacity_bytes
        if sums is None:
            tiles = 2 + ceil(Fraction(self.tail, self.interval))
            sums = tiles * max(self._sum_bytes(step) for step in self.steps)
        return Lane(
            number=core,
            weights=Room(2 if chip.overlap is Overlap.SHADOW else 1),
            inputs=Room(2 * most if inputs is None else min(inputs, 2 * most)),
            sums=Room(sums),
        )

    def end(self):
        """When the last results are in the memory."""
        visits = [list(steps) for _, steps in groupby(self.steps, lambda s: (s.place, s.visit))]
        lasts = {visit[0].place: number for number, visit in enumerate(visits)}
        befores, firsts = {}, {}
        weights = inputs = None
        ahead = iter([*self.steps[1:], None])
        for number, visit in enumerate(visits):
            step = visit[0]
            firsts.setdefault(step.place, step.ko)
            for lane in self.lanes:
                self._open(lane, step, befores.get(step.place))
            for step in visit:
                following = next(ahead)
                if weights != (step.co, step.ko):
                    weights = (step.co, step.ko)
                    self._update(step)
                if inputs != step.inputs:
                    inputs = step.inputs
                    self._bring(step)
                self._multiply(step, is_first=firsts[step.place] == step.ko)
                self._leave(step, following)
            for lane in self.lanes:
                self._store(lane, step, is_last=lasts[step.place] == number)
            befores[step.place] = number
        return max(lane.drained[-1] for lane in self.lanes)

    # ------------------------------------------------------------------ one thing after another

    def _open(self, lane, step, before):
        """Room for the sums of a visit, and those of the visit before, if there was any."""
        room = lane.sums.take(self._sum_bytes(step))
        if not self.comes_back:
            lane.opened = room
            return
        lane.room = max(lane.room, room, 0 if before is None else lane.drained[before])
        returns = before is not None and self._width(lane, step)
        late = self.inputs_late if returns else 0
        lane.opened = lane.refilled = max(lane.refilled, lane.room + late)

    def _update(self, step):
        """Weights are loaded, then written, once every core of a gang has a set free."""
        for gang in self.gangs:
            begin = max([gang.written, *(lane.weights.take(1) for lane in gang.lanes)])
            loaded = begin + self._loading(gang, step) + self.weights_late
            gang.written = loaded + self._writing(gang, step)

    def _bring(self, step):
        """Inputs come to all cores at once, when all have room."""
        size = self._input_bytes(step)
        begin = max([self.brought, *(lane.inputs.take(size) for lane in self.lanes)])
        self.brought = begin + lasting(size, self.chip.input_buffer.write_bytes_per_cycle)
        self.arrived = max(self.arrived, self.brought + self.inputs_late)

    def _multiply(self, step, *, is_first):
        for gang in self.gangs:
            for lane in gang.lanes:
                begin = max(lane.done, gang.written, self.arrived, lane.opened)
                lane.done = begin + self._working(lane, step, is_first=is_first)

    def _leave(self, step, following):
        """What the step after this one does not need is free."""
        for lane in self.lanes:
            if following is None or (following.co, following.ko) != (step.co, step.ko):
                lane.weights.left.append(lane.done)
            if following is None or following.inputs != step.inputs:
                lane.inputs.left.append(lane.done)

    def _store(self, lane, step, *, is_last):
        """Results, or partial sums on their way, leave once they are there."""
        lane.summed = max(lane.summed, lane.done + self.tail)
        begin, width = max(lane.summed, lane.stored), self._width(lane, step)
        activated = step.tile_pixels * width if is_last else 0
        lane.stored = begin + lasting(activated, self.chip.vector.activations_per_cycle)
        lane.sums.left.append(lane.stored)
        there = lane.stored + (hops(self.chip) if width else 0)
        lane.drained.append(max([there, *lane.drained[-1:]]))

    # ------------------------------------------------------------------ how long each takes

    def _width(self, lane, step):
        """Columns that a core has in a step; 0: it has nothing to do."""
        block = self.layer.block(step.co, lane.number)
        return 0 if block is None else self.layer.blocks[block]

    def _input_bytes(self, step):
        load = self.layer.loads[step.ko]
        words = load.rows
        if self.case.walk.by_window:
            words = window(self.layer, load, step.rows, step.columns)
        return packed(words, self.chip.reading.input_bits)

    def _sum_bytes(self, step):
        words = step.tile_pixels * self.chip.crossbar.columns
        return packed(words, self.chip.partial_sum_bits)

    def _loading(self, gang, step):
        load, main = self.layer.loads[step.ko], self.chip.main_memory
        blocks = [self.layer.block(step.co, lane.number) for lane in gang.lanes]
        words = [self.layer.macs_per_pixel(block, load) for block in blocks if block is not None]
        size = sum(packed(number, self.chip.crossbar.weight_bits) for number in words)
        return lasting(size, main.bandwidth_bytes_per_cycle) if main else 0

    def _writing(self, gang, step):
        writing, load = self.chip.writing, self.layer.loads[step.ko]
        cores = sum(self._width(lane, step) > 0 for lane in gang.lanes)
        crossbars = cores * len(load.slots) * self.chip.crossbar.slices
        rounds = -(-crossbars // (writing.crossbars_at_once or max(1, crossbars)))
        rows = self.chip.crossbar.rows if writing.whole_crossbars else max(load.slots)
        pulses = rows * writing.iterations * writing.passes
        return rounds * cycles(self.chip, pulses * (writing.pulse_ns + writing.verify_ns))

    def _working(self, lane, step, *, is_first):
        """Multiplies, or the additions or inputs of these, whatever is slower."""
        width, load = self._width(lane, step), self.layer.loads[step.ko]
        if not width:
            return 0
        adds = width * (len(load.slots) - is_first)
        pace = max(self.interval, lasting(adds, self.chip.vector.adds_per_cycle))
        driven = packed(step.pixels * load.rows, self.chip.reading.input_bits)
        read = lasting(driven, self.chip.input_buffer.read_bytes_per_cycle)
        return max(step.pixels * pace, read)
