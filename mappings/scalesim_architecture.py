"""SCALE-Sim's machine as an architecture: three buffers, one per operand, around a systolic array.

The buffers are levels of their own; half of each is filled while the other half is used (two tiles
where two fit). With the interface ``calc`` main memory is as fast as needed; with ``user`` each
operand has a port of its own: reads as wide as version 3 takes them (the bandwidth of its buffer's
bank), or as the older versions do (``Bandwidth``), writes as wide as ``Bandwidth`` says.

Not modelled: its prefetcher, which fetches addresses in the order of use and fetches again what
has left its window. A tile is fetched once per use.
"""

from __future__ import annotations

from fractions import Fraction

from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.fields import nearest
from stallscope.mappings.scalesim_config import Interface, ScaleSimConfig
from stallscope.mappings.systolic import Convention, Systolic
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["architecture_of"]

_WORD_BITS = 8
_KILOBYTE = 1024
_NEEDED = {
    "array_height": "ArrayHeight", "array_width": "ArrayWidth",
    "ifmap_sram_kb": "IfmapSramSzkB", "filter_sram_kb": "FilterSramSzkB",
    "ofmap_sram_kb": "OfmapSramSzkB",
}  # fmt: skip


def architecture_of(
    config: ScaleSimConfig, *, convention: Convention = Convention.SCALE_SIM
) -> Architecture:
    """Return the machine that a configuration describes.

    Args:
        config: The configuration.
        convention: Whose rules say what a fold takes.

    Raises:
        SpecError: For every figure it needs and does not give.
    """
    is_user = config.interface is Interface.USER
    reads, writes = _widths(config) if is_user else ((None, None), None)
    _check(config, is_fast=not is_user or (None not in reads and writes is not None))
    assert config.array_height is not None
    assert config.array_width is not None
    units = config.array_height * config.array_width
    memory = StorageLevel(
        name="DRAM", kind=LevelKind.DRAM, word_bits=_WORD_BITS, write_words_per_cycle=writes
    )
    return Architecture(
        name=config.run_name or "scale-sim",
        levels=(
            memory,
            _buffer("IFMAP", "Inputs", config.ifmap_sram_kb, reads[0]),
            _buffer("FILTER", "Weights", config.filter_sram_kb, reads[1]),
            _buffer("OFMAP", "Outputs", config.ofmap_sram_kb),
            StorageLevel(name="array", word_bits=_WORD_BITS, capacity_words=2 * units),
        ),
        compute=ComputeLevel(
            name="mac",
            instances=units,
            mesh_x=config.array_width,
            word_bits=_WORD_BITS,
            systolic=Systolic(convention=convention),
        ),
    )


def _check(config: ScaleSimConfig, *, is_fast: bool) -> None:
    """Refuse a configuration that leaves out what a machine needs."""
    faults = [
        Fault(place=config.file.path, value="", rule=f"needs {key}", remedy=_misspelt(key, config))
        for field, key in _NEEDED.items()
        if getattr(config, field) is None
    ]
    if not is_fast:
        rule = "needs Bandwidth, or the banks' bandwidths: its interface is USER"
        faults.append(Fault(place=config.file.path, value="", rule=rule))
    if faults:
        raise SpecError(faults)


def _misspelt(key: str, config: ScaleSimConfig) -> str:
    """A remedy: the unknown key that looks like the one that is missing."""
    remedy = nearest(key, config.unknown_keys)
    return remedy.replace("did you mean", "is it") if remedy.startswith("did you mean") else ""


def _widths(
    config: ScaleSimConfig,
) -> tuple[tuple[Fraction | None, Fraction | None], Fraction | None]:
    """Words per cycle of main memory: for inputs and weights, and for outputs."""
    given = config.bandwidths or ()
    inputs = config.ifmap_bank_bandwidth or (given[0] if given else None)
    weights = config.filter_bank_bandwidth or (given[min(1, len(given) - 1)] if given else None)
    outputs = given[-1] if given else None
    read = tuple(None if width is None else Fraction(width) for width in (inputs, weights))
    return (read[0], read[1]), None if outputs is None else Fraction(outputs)


def _buffer(
    name: str, tensor: str, kilobytes: int | None, width: Fraction | None = None
) -> StorageLevel:
    """One operand's buffer; ``width``: words per cycle that main memory sends it."""
    assert kilobytes is not None
    return StorageLevel(
        name=name,
        word_bits=_WORD_BITS,
        capacity_words=max(1, kilobytes * _KILOBYTE),
        holds=(tensor,),
        write_words_per_cycle=width,
    )
