"""The native format: what it says, what it refuses, and that writing inverts reading."""

from fractions import Fraction
from pathlib import Path
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
from stallscope.mappings.native_topology import KINDS
from stallscope.mappings.native_values import keys_of
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.schema import SCHEMAS, schema
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
from stallscope.simcore.errors import SpecError

DATA = Path(__file__).parents[2] / "data"
TEXT = (DATA / "native_case.yaml").read_text(encoding="utf-8")


def test_a_native_case_says_what_it_means() -> None:
    case = native.read(TEXT)
    dram, glb, rf = case.architecture.levels
    assert (dram.kind, dram.read_words_per_cycle, dram.read_latency_cycles) == (
        LevelKind.DRAM, Fraction(48), 11,
    )  # fmt: skip
    assert (glb.capacity_words, glb.read_words_per_cycle) == (4096, Fraction(1, 10))
    assert glb.network == Network(words_per_cycle=Fraction(1, 3), links=True)
    assert (rf.instances, rf.capacity_words) == (8, 32)
    assert case.problem.tensor("Inputs").tile_shape({"C": 4, "P": 14, "R": 3}) == (4, 29)
    assert case.problem.output.name == "Outputs"
    level = case.mapping.by_level["GLB"]
    assert level.temporal == (Loop(dimension="C", extent=4), Loop(dimension="P", extent=2))
    assert level.keep == ("Weights", "Inputs", "Outputs")
    assert level.buffering == (Buffering(tensor="Inputs", tiles=2),)
    assert case.energy is not None
    assert case.energy.energy_pj("GLB", "write") == 1000.0
    assert case.energy.area_um2("GLB") == 500_000.0
    assert case.rules == Rules(reuse=Reuse.OVERLAP)


def test_the_written_case_is_read_back_equal() -> None:
    case = native.read(TEXT)
    assert native.read(native.dump(case)) == case


def test_a_level_keeps_by_default_what_it_may_hold() -> None:
    text = TEXT.replace("instances: 8, cap", "holds: [Inputs, Outputs], instances: 8, cap")
    assert native.read(text).mapping.by_level["RF"].keep == ("Inputs", "Outputs")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stallscope: 1", "stallscope: 2", ":1: stallscope = 2: format version must be 1"),
        ("rules:", "ruls:", "unknown key ruls; did you mean rules"),
        ("M: 8", "M: 0", ":3: problem.dimensions.M = 0: needs a whole number >= 1"),
        ("M: 8", "M: many", "needs a whole number, has text"),
        ("{M: 8, C: 4, P: 14, R: 3}", "[M]", "problem.dimensions.*needs a mapping, has a list"),
        ("2*P + R", "2*P + X", r"problem.Inputs\[1\] = 2\*P \+ X: X is not a dimension"),
        ("2*P + R", "P - R", r"needs a sum such as"),
        ("[M, P]", "M", "needs a list of ranks"),
        ("[M, P]", "[M, 2*P]", "output Outputs needs one plain dimension per rank"),
        ("[M, P]", "{rank: [M, P]}", "needs ranks.*\n?.*unknown key rank"),
        ("output: Outputs", "output: Outpts", "is not a tensor; did you mean Outputs"),
        ("  output: Outputs\n", "", "problem: needs output"),
        ("kind: dram", "kind: drm", "architecture.DRAM.kind = drm"),
        ("8 KiB", "8 KiX", "architecture.GLB.capacity_words = 8 KiX: unknown unit KiX"),
        ("8 KiB", "[8]", "architecture.GLB.capacity_words.*needs a number, has a list"),
        ("capacity: 8 KiB", "capacity: 8 KiB\n      capacity_words: 4", "says the same as"),
        ("multicast: true", "multicast: 1", "needs true or false, has a number"),
        ("multicast: true", "hops: 1", "GLB.network.hops = 1: unknown key hops"),
        ("instances: 8, cap", "instances: true, cap", "needs a number or word"),
        ("instances: 8, cap", "instances: ~, cap", "is empty"),
        ("instances: 8, cap", "multiple_buffering: .inf, cap", "needs a finite number"),
        ("instances: 8, cap", "instances: 8, mesh_x: 3, cap", "mesh_x 3 does not divide 8"),
        ("name: RF", "name: GLB", "level GLB is declared twice"),
        ("name: mac, ", "", "architecture.compute: needs name"),
        ("clock: 200 MHz", "clock: fast", "clock_mhz = fast: needs a number"),
        ("  clock: 200 MHz\n", "", "needs a clock to become cycles"),
        ("P=7", "P:7", "needs a loop such as M=4"),
        ("[P=7]", "P=7", "needs a list of loops"),
        ("P=7", "P=0", "greater than or equal to 1"),
        ("[P=7]", "[{dimension: P}]", "needs extent"),
        ("[P=7]", "[P=7], kep: []", "mapping.DRAM.kep.*did you mean keep"),
        ("[P=7]", "[P=7], keep: Weights", "needs a list of names"),
        ("{Inputs: 2}", "{Inputs: none}", "GLB.buffering.Inputs = none: needs a whole number"),
        ("read: 6 pJ", "raed: 6 pJ", "energy.GLB.raed.*did you mean read"),
        ("read: 6 pJ", "read: 6 cal", "unknown unit cal"),
        ("area: 0.5 mm2", "area: big", "energy.GLB.area_um2 = big"),
        ("reuse: overlap", "reuse: overlp", "needs one of overlap, timeloop; did you mean overlap"),
        ("reuse: overlap", "link_transfers: maybe", "needs true or false"),
    ],
)
def test_faults_name_line_path_value_and_remedy(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(SpecError, match=message):
        native.read(TEXT.replace(old, new, 1), "case.yaml")


def test_all_faults_are_reported_at_once() -> None:
    text = TEXT.replace("M: 8", "M: 0").replace("8 KiB", "8 KiX").replace("P=7", "P:7")
    with pytest.raises(SpecError) as caught:
        native.read(text.replace("read: 6 pJ", "read: 6 cal"), "case.yaml")
    lines = [fault.source for fault in caught.value.faults]
    assert lines == ["case.yaml:3", "case.yaml:14", "case.yaml:20", "case.yaml:24"]


@pytest.mark.parametrize("section", ["problem", "architecture", "mapping", "energy", "rules"])
@pytest.mark.parametrize("value", ["3", "[]", "text", "~", "{}"])
def test_sections_of_the_wrong_kind_are_faults(section: str, value: str) -> None:
    lines = TEXT.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(section))
    after = [i for i, line in enumerate(lines) if i > start and not line.startswith(" ")]
    end = after[0] if after else len(lines)
    text = "\n".join([*lines[:start], f"{section}: {value}", *lines[end:]])
    if section == "rules" and value == "{}":
        assert native.read(text).rules == Rules()
        return
    with pytest.raises(SpecError, match=section):
        native.read(text)


def test_a_missing_section_is_named() -> None:
    with pytest.raises(SpecError, match="no file has a mapping: section"):
        native.read(TEXT[: TEXT.index("mapping:")])


def test_an_energy_without_level_is_listed() -> None:
    case = native.read(TEXT.replace("mac: {compute", "mul: {compute"))
    assert case.assumptions == ("energy of mul is not used: no such level",)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_name_every_key_of_the_notation(name: str) -> None:
    tree = schema(name)
    assert tree["properties"]["stallscope"] == {"const": 1}
    if name in ("architecture", "case"):
        level = tree["properties"]["architecture"]["properties"]["levels"]["items"]["properties"]
        for field in StorageLevel.model_fields:
            assert set(keys_of(field)) <= set(level)
        memory = level["memory"]["properties"]
        assert {"device", "chunk", *DramController.model_fields} <= set(memory)
        choices = level["network"]["properties"]["topology"]["anyOf"]
        assert {choice["properties"]["kind"]["const"] for choice in choices} == set(KINDS)
        for choice in choices:
            kind = KINDS[choice["properties"]["kind"]["const"]]
            for field in kind.model_fields:
                assert set(keys_of(field)) <= set(choice["properties"])
    if name in ("dram_device", "case"):
        device = tree["properties"]["dram_device"]["anyOf"][0]["properties"]
        assert {"tCK", "tCK_ns", "CL", "source"} <= set(device["timings"]["properties"])
        assert "tCK" not in device["timings"]["required"]  # in either spelling
        assert "CL" in device["timings"]["required"]
    if name in ("layout", "case"):
        place = tree["properties"]["layout"]["additionalProperties"]["properties"]
        assert set(place) == {"order", "row", "row_words", "base", "base_words"}


def test_an_unknown_schema_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean problem"):
        schema("problm")


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
            StorageLevel(name=level, instances=instances, mesh_x=width, **level_figures(draw))
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
        compute=ComputeLevel(name=compute, instances=instances, mesh_x=width),
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
