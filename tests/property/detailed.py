"""Machines with DRAM rows, refresh, a clock ratio and networks of links, made from other cases."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from stallscope.mappings.architecture import SeparateNetwork
from stallscope.mappings.case import Case
from stallscope.mappings.dram import DramController, DramDevice, DramOrganisation, DramTimings
from stallscope.mappings.layout import Layout, TensorPlace
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.topology import Bus, Clusters, Mesh, Neighbour, Ring, Tree, XyBus
from tests.property.seeded import seeded_case

MODELS = ("rows", "refresh", "ratio", "networks")
_FREE = {"read_words_per_cycle": None, "write_words_per_cycle": None,
         "shared_words_per_cycle": None, "banks": 1}  # fmt: skip


def small_device(rng: Random, *, refresh: bool, ratio: bool) -> DramDevice:
    """A device with rows of a few bursts, so that streams cross rows and banks all the time."""
    return DramDevice(
        name="small",
        organisation=DramOrganisation(
            bank_groups=rng.choice([1, 2]), banks_per_group=rng.choice([1, 2]), rows=2**20,
            columns=rng.choice([8, 16, 32]), device_width_bits=8, bus_width_bits=8,
            burst_length=8, source="made up",
        ),
        timings=DramTimings(
            tCK_ns=rng.choice(["0.75", "1.5", "3"]) if ratio else "1", CL=3, CWL=2, tRCDRD=3,
            tRCDWR=3, tRP=3, tRAS=7, tCCD_S=4, tCCD_L=rng.choice([4, 6]), tRRD_S=2, tRRD_L=3,
            tFAW=10, tWTR_S=1, tWTR_L=2, tRTP=2, tWR=3, tRTRS=1,
            tREFI=rng.choice([300, 1000]) if refresh else 10**9, tRFC=20, source="made up",
        ),
    )  # fmt: skip


def reads_memory_itself(case: Case) -> bool:
    """Whether the MACs take a tensor from main memory, which a controller does not serve."""
    kept = [level.keep for level in case.mapping.levels]
    return any(all(name not in keep for keep in kept[1:]) for name in kept[0])


def with_models(case: Case, rng: Random, models: tuple[str, ...]) -> Case:
    """The case with a main memory and networks: as many of `MODELS` as are named."""
    architecture = case.architecture
    levels = list(architecture.levels)
    if {"rows", "refresh", "ratio"} & set(models):
        memory = MainMemory(
            device=small_device(rng, refresh="refresh" in models, ratio="ratio" in models),
            controller=DramController(
                address_map=rng.choice(["rochrababgco", "rochrabacobg", "rocorabgbach"]),
                window=rng.choice([1, 4, 32]),
                outstanding=rng.choice([None, 1, 6]),
                row_policy=rng.choice(["open", "open", "closed"]),
            ),
            chunk_bytes=rng.choice([8, 64, 4096]),
        )
        levels[0] = levels[0].model_copy(update={"memory": memory, **_FREE})
    if "networks" in models:
        tensors = [tensor.name for tensor in case.problem.tensors]
        levels = [
            level.model_copy(
                update={
                    "network": level.network.model_copy(
                        update={"topology": topology(rng), "separate": separate(rng, tensors)}
                    )
                }
            )
            for level in levels
        ]
    changed = architecture.model_copy(update={"levels": tuple(levels), "clock_mhz": 1000.0})
    places = tuple(
        TensorPlace(tensor=tensor.name, row_words=rng.choice([1, 1, 4]))
        for tensor in case.problem.tensors
    )
    return case.model_copy(update={"architecture": changed, "layout": Layout(tensors=places)})


def separate(rng: Random, tensors: list[str]) -> tuple[SeparateNetwork, ...]:
    """Networks of their own for some tensors, most often none."""
    own = [name for name in tensors if rng.random() < 0.2]
    return tuple(SeparateNetwork(tensor=name, topology=topology(rng)) for name in own)


def topology(rng: Random):
    """Any topology but clusters of clusters."""
    width = rng.choice([Fraction(1, 2), Fraction(1), Fraction(3)])
    flat = [
        Bus(words_per_cycle=width),
        XyBus(words_per_cycle=width, delay_cycles=rng.choice([0, 1])),
        Tree(root_words_per_cycle=2 * width, leaf_words_per_cycle=width),
        Mesh(words_per_cycle=width, router_delay_cycles=rng.choice([1, 3]),
             multicast=rng.random() < 0.7),
        Ring(words_per_cycle=width),
        Neighbour(axis=rng.choice("xy"), words_per_cycle=width),
    ]  # fmt: skip
    if rng.random() < 0.2:
        return Clusters(columns=1, rows=1, between=rng.choice(flat), inside=rng.choice(flat))
    return rng.choice(flat)


def detailed_case(seed: int, models: tuple[str, ...] = MODELS) -> Case:
    """A machine that repeats, with the models named."""
    base = seeded_case(seed)
    while reads_memory_itself(base):
        seed += 1_000_003
        base = seeded_case(seed)
    return with_models(base, Random(seed), models)
