"""Writing a case in the native format and reading it back gives the same case."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings import native
from stallscope.mappings.architecture import (
    Architecture,
    ComputeLevel,
    LevelKind,
    Network,
    StorageLevel,
)
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.dram import AddressField, DramController, DramCurrents, RowPolicy
from stallscope.mappings.dram_catalog import DEVICES, dram_device
from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.layout import Layout, TensorPlace
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import (
    Format,
    Mode,
    SparseArray,
    TensorFormat,
    TensorRate,
)
from stallscope.mappings.sparsity.operands import Distribution, Operand, Pattern, Sparsity
from stallscope.mappings.topology import (
    Axis,
    Bus,
    Clusters,
    Mesh,
    Neighbour,
    Ring,
    Tree,
    TreeShape,
    XyBus,
)

names = st.one_of(
    st.sampled_from(["null", "1e5", "true", "<<", "a b", "2*P", "M=4", "ü", "x: y", "#", "-"]),
    st.text(min_size=1, max_size=6),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True),
)
rates = st.none() | st.fractions(min_value=Fraction(1, 99), max_value=99, max_denominator=99)
figures = st.floats(min_value=0, max_value=1e6, allow_nan=False)


positive = st.fractions(min_value=Fraction(1, 99), max_value=99, max_denominator=99)
delays = st.integers(0, 10**12)
counts = st.integers(1, 20)
flags = st.booleans()
flat = st.one_of(
    st.builds(Bus, words_per_cycle=positive, delay_cycles=delays, blocking=flags),
    st.builds(XyBus, words_per_cycle=positive, multicast=flags, reduces=flags),
    st.builds(Tree, root_words_per_cycle=positive, leaf_words_per_cycle=positive,
              shape=st.sampled_from(TreeShape), levels_per_cycle=counts, adder_cycles=delays),
    st.builds(Mesh, words_per_cycle=positive, router_delay_cycles=delays,
              entry_words_per_cycle=st.none() | positive, inject_x=st.integers(0, 9)),
    st.builds(Ring, words_per_cycle=positive, port_delay_cycles=delays, inject=st.integers(0, 9)),
    st.builds(Neighbour, axis=st.sampled_from(Axis), words_per_cycle=positive, hop_cycles=counts),
)  # fmt: skip
topologies = flat | st.builds(Clusters, columns=counts, rows=counts, between=flat, inside=flat)
currents = st.builds(
    DramCurrents,
    **{name: st.just(40.0) | st.floats(1, 1e6) for name in ("IDD0_ma", "IDD2N_ma")},
    **{f"IDD{name}_ma": st.floats(50, 1e6) for name in ("4R", "4W", "5AB")},
    VDD_v=st.floats(0.1, 100), IDD3N_ma=st.floats(0, 50), source=names,
)  # fmt: skip


@st.composite
def memories(draw: st.DrawFn) -> MainMemory:
    device = dram_device(draw(st.sampled_from(DEVICES)))
    if draw(st.booleans()):
        timings = {"tCK_ns": draw(positive), "CL": draw(counts), "source": draw(names)}
        device = device.model_copy(
            update={
                "name": draw(names.filter(lambda name: name.upper() not in DEVICES)),
                "timings": device.timings.model_copy(update=timings),
                "currents": draw(st.none() | currents),
            }
        )
    return MainMemory(
        device=device,
        controller=DramController(
            row_policy=draw(st.sampled_from(RowPolicy)),
            address_map="".join(draw(st.permutations(list(AddressField)))),
            window=draw(counts),
            bank_queue=draw(counts),
            outstanding=draw(st.none() | counts),
            posted_writes=draw(flags),
            refresh=draw(flags),
            dual_command=draw(st.none() | flags),
        ),
        chunk_bytes=draw(st.sampled_from([1, 64, 4096])),
    )


@st.composite
def layouts(draw: st.DrawFn, problem: Problem) -> Layout:
    places = []
    for tensor in draw(st.permutations(problem.tensors)):
        told = [{term.dimension for term in rank} for rank in tensor.ranks]
        own = [
            sorted(name for name in here if sum(name in rank for rank in told) == 1)
            for here in told
        ]
        order = None
        if all(own) and draw(flags):
            order = tuple(draw(st.permutations([draw(st.sampled_from(rank)) for rank in own])))
        if draw(flags):
            base = draw(st.none() | st.integers(0, 10**30))
            places.append(TensorPlace(tensor=tensor.name, order=order, row_words=draw(counts),
                                      base_words=base))  # fmt: skip
    return Layout(tensors=tuple(places))


FEW = 2000
"""Words of tensors whose zeros are said, so that no case draws long."""


def words_of(tensor: Tensor, problem: Problem) -> int:
    return tensor.tile_words(problem.bounds)


@st.composite
def operands(draw: st.DrawFn, tensor: Tensor, problem: Problem) -> Operand:
    shape = tensor.tile_shape(problem.bounds)
    drawn = {"tensor": tensor.name, "seed": draw(st.integers(0, 2**70))}
    share = st.floats(0, 1)
    choices = [st.builds(Operand, **{name: st.just(value) for name, value in drawn.items()},
                         density=share)]  # fmt: skip
    if shape:
        along = {"along": draw(st.integers(0, len(shape) - 1))}
        choices += [
            st.just(Operand(**drawn, **along, distribution=Distribution.PER_CHANNEL,
                            density=draw(share), spread=draw(share))),
            st.just(Operand(**drawn, **along, distribution=Distribution.STRUCTURED, n=draw(counts),
                            m=20)),
            st.just(Operand(**drawn, distribution=Distribution.BLOCK, density=draw(share),
                            block=tuple(draw(counts) for _ in shape))),
        ]  # fmt: skip
    pattern = Pattern(shape=shape, source=draw(st.just("") | names),
                      bits=bytes(-(-words_of(tensor, problem) // 8)))  # fmt: skip
    return draw(st.one_of(*choices, st.just(Operand(tensor=tensor.name, pattern=pattern))))


@st.composite
def sparsities(draw: st.DrawFn, problem: Problem) -> Sparsity:
    few = [one for one in problem.tensors if words_of(one, problem) < FEW and draw(flags)]
    return Sparsity(operands=tuple(draw(operands(one, problem)) for one in few))


@st.composite
def formats(draw: st.DrawFn, problem: Problem) -> tuple[TensorFormat, ...]:
    """Of some operands: a format of the output may meet partial sums that return."""
    few = [one.name for one in problem.tensors
           if not one.is_output and words_of(one, problem) < FEW and draw(flags)]  # fmt: skip
    return tuple(
        TensorFormat(tensor=name, format=draw(st.sampled_from(Format)), run_bits=draw(counts),
                     pack_bits=draw(st.sampled_from([None, 84, 128])), metadata=draw(flags),
                     words_per_cycle=draw(rates))
        for name in few
    )  # fmt: skip


@st.composite
def sparse_arrays(draw: st.DrawFn, problem: Problem) -> SparseArray:
    inputs = draw(st.permutations([one.name for one in problem.tensors if not one.is_output]))
    cut = draw(st.integers(0, len(inputs)))
    decoders = tuple(
        TensorRate(tensor=name, words_per_cycle=draw(positive)) for name in inputs if draw(flags)
    )
    return SparseArray(
        skips=tuple(inputs[:cut]),
        gates=tuple(inputs[cut:]),
        mode=draw(st.sampled_from(Mode)),
        fifo_depth=draw(st.none() | st.integers(0, 9)),
        rebalance=draw(flags),
        decoders=decoders,
        intersections_per_cycle=draw(rates) if cut > 1 else None,
    )


@st.composite
def problems(draw: st.DrawFn, bounds: dict[str, int]) -> Problem:
    terms = st.lists(
        st.builds(Term, dimension=st.sampled_from(sorted(bounds)), coefficient=st.integers(1, 3)),
        max_size=2,
    )
    labels = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    tensors = [
        Tensor(
            name=label,
            ranks=tuple(tuple(draw(terms)) for _ in range(draw(st.integers(0, 2)))),
        )
        for label in labels[1:]
    ]
    ranks = draw(st.lists(st.sampled_from(sorted(bounds)), max_size=2))
    plain = tuple((Term(dimension=name),) for name in ranks)
    tensors.append(Tensor(name=labels[0], ranks=plain, is_output=True))
    dimensions = tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items())
    return Problem(name=draw(names), dimensions=dimensions, tensors=tuple(tensors))


def level_figures(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "kind": draw(st.sampled_from(LevelKind)),
        "word_bits": draw(st.integers(1, 64)),
        "capacity_words": draw(st.none() | st.integers(10**40, 10**50)),
        "read_words_per_cycle": draw(rates),
        "write_latency_cycles": draw(st.integers(0, 9)),
        "multiple_buffering": draw(st.sampled_from([Fraction(1), Fraction(3, 2), Fraction(4, 3)])),
        "can_reduce": draw(st.sampled_from([None, True, False])),
        "network": Network(
            words_per_cycle=draw(rates),
            links=draw(st.booleans()),
            topology=draw(st.none() | topologies),
            energy_per_hop_pj=draw(st.none() | figures),
        ),
    }


@st.composite
def cases(draw: st.DrawFn) -> Case:
    labels = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    *levels, compute = labels
    dimensions = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    factor = st.integers(2, 3)
    bounds = dict.fromkeys(dimensions, 1)
    specs, entries, instances, width = [], [], 1, 1
    loops: dict[tuple[str, str], tuple[Loop, ...]] = {}
    for level in levels:
        for key in ("temporal", "spatial_y", "spatial_x"):
            chosen = draw(st.lists(st.sampled_from(dimensions), max_size=2))
            taken = tuple(Loop(dimension=name, extent=draw(factor)) for name in chosen)
            for loop in taken:
                bounds[loop.dimension] *= loop.extent
            loops[level, key] = taken
    problem = draw(problems(bounds))
    tensors = [tensor.name for tensor in problem.tensors]
    for level in levels:
        specs.append(
            StorageLevel(
                name=level,
                instances=instances,
                mesh_x=width,
                **level_figures(draw),
                formats=draw(formats(problem)),
            )
        )
        keep = tuple(tensors) if not entries else tuple(draw(st.permutations(tensors)))[:1]
        buffered = draw(st.booleans())
        entries.append(
            LevelMapping(
                level=level,
                temporal=loops[level, "temporal"],
                spatial_y=loops[level, "spatial_y"],
                spatial_x=loops[level, "spatial_x"],
                keep=keep,
                buffering=(Buffering(tensor=keep[0], tiles=2),) if buffered else (),
            )
        )
        for loop in loops[level, "spatial_x"]:
            width *= loop.extent
        for loop in loops[level, "spatial_y"] + loops[level, "spatial_x"]:
            instances *= loop.extent
    clock = draw(st.none() | st.floats(0.001, 1e4))
    if clock is not None and draw(flags):
        memory = {"kind": LevelKind.DRAM, "memory": draw(memories()), "read_words_per_cycle": None}
        specs[0] = StorageLevel(**(dict(specs[0]) | memory))
    architecture = Architecture(
        name=draw(names),
        clock_mhz=clock,
        levels=tuple(specs),
        compute=ComputeLevel(
            name=compute,
            instances=instances,
            mesh_x=width,
            sparse=draw(st.none() | sparse_arrays(problem)),
        ),
    )
    actions = (Action(name="read", energy_pj=draw(figures)), Action(name="adc", energy_pj=1.0))
    component = ComponentEnergy(
        component=levels[0], actions=actions, area_um2=draw(st.none() | figures)
    )
    return Case(
        name=draw(st.text(max_size=5)),
        problem=problem,
        architecture=architecture,
        mapping=Mapping(levels=tuple(entries)),
        energy=draw(
            st.sampled_from([None, EnergyTable(source=draw(names), components=(component,))])
        ),
        rules=Rules(
            reuse=draw(st.sampled_from(Reuse)),
            link_transfers=draw(st.sampled_from([None, True, False])),
            first_read_elision=draw(st.booleans()),
        ),
        layout=draw(layouts(problem)),
        sparsity=draw(sparsities(problem)),
        assumptions=tuple(draw(st.lists(st.text(max_size=9), max_size=2, unique=True))),
    )


@settings(deadline=None, max_examples=12)
@given(cases())
def test_reading_inverts_writing(case: Case) -> None:
    assert native.read(native.dump(case)) == case


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(cases())
def test_reading_inverts_writing_of_many_cases(case: Case) -> None:
    assert native.read(native.dump(case)) == case
