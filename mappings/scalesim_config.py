"""SCALE-Sim's configurations (``.cfg``): the array, its buffers and how a run is done.

Keys are those of the versions 1 to 3, which differ: version 1 gives sizes as ``IfmapSramSz`` and
names the topology inside, version 2 has bandwidths and run presets, version 3 request buffers,
layouts and sparsity. A key is taken from whatever section it stands in, in any case of letters; a
section or key that is missing is None. Sizes are kilobytes as written; a word is one byte.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from stallscope.mappings.case import InputFile
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.fields import nearest
from stallscope.mappings.reading import PlainText, read_plain
from stallscope.mappings.scalesim_ignored import Ignored
from stallscope.mappings.spec import Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Interface", "ScaleSimConfig", "read_config"]


class Interface(StrEnum):
    """How main memory is taken: ``calc``: as fast as needed; ``user``: as fast as is given."""

    CALC = "calc"
    USER = "user"


class ScaleSimConfig(Spec):
    """What a configuration says; what it does not say is None.

    Attributes:
        run_name: Name of the run.
        array_height: Rows of PEs.
        array_width: Columns of PEs.
        ifmap_sram_kb: Buffer of the inputs, kilobytes; half of it is filled while half is used.
        filter_sram_kb: Buffer of the weights, likewise.
        ofmap_sram_kb: Buffer of the outputs, likewise.
        dataflow: The tensor that stays in the array.
        bandwidths: Words per cycle of main memory: one for all, or one per operand. Version 3
            takes only that of the outputs from here.
        ifmap_bank_bandwidth: Words per cycle of the inputs' reads, which version 3 uses for main
            memory too.
        filter_bank_bandwidth: The same of the weights.
        interface: How main memory is taken.
        ifmap_offset: Address of the first input word.
        filter_offset: Address of the first weight.
        ofmap_offset: Address of the first output word.
        memory_banks: Banks of main memory.
        read_request_buffer: Reads that wait for main memory at most.
        write_request_buffer: Writes that wait for main memory at most.
        ifmap_custom_layout: Whether the inputs lie in banks as a layout file says.
        filter_custom_layout: The same of the weights.
        ifmap_bank_count: Banks of the inputs' buffer.
        filter_bank_count: Banks of the weights' buffer.
        ifmap_bank_ports: Ports of a bank of the inputs' buffer.
        filter_bank_ports: Ports of a bank of the weights' buffer.
        sparsity_support: Whether weights are sparse.
        sparse_representation: How sparse weights are stored.
        optimized_mapping: Whether sparsity differs from row to row.
        block_size: Weights of a block.
        random_seed: Seed of a block's kept weights.
        use_ramulator_trace: Whether latencies of main memory come from a trace.
        topology: The topology file, which version 1 names here.
        ignored: What this project makes nothing of, and unknown keys.
        file: The file.
    """

    run_name: str | None = None
    array_height: int | None = None
    array_width: int | None = None
    ifmap_sram_kb: int | None = None
    filter_sram_kb: int | None = None
    ofmap_sram_kb: int | None = None
    dataflow: Dataflow | None = None
    bandwidths: tuple[int, ...] | None = None
    ifmap_bank_bandwidth: int | None = None
    filter_bank_bandwidth: int | None = None
    interface: Interface | None = None
    ifmap_offset: int | None = None
    filter_offset: int | None = None
    ofmap_offset: int | None = None
    memory_banks: int | None = None
    read_request_buffer: int | None = None
    write_request_buffer: int | None = None
    ifmap_custom_layout: bool | None = None
    filter_custom_layout: bool | None = None
    ifmap_bank_count: int | None = None
    filter_bank_count: int | None = None
    ifmap_bank_ports: int | None = None
    filter_bank_ports: int | None = None
    sparsity_support: bool | None = None
    sparse_representation: str | None = None
    optimized_mapping: bool | None = None
    block_size: int | None = None
    random_seed: int | None = None
    use_ramulator_trace: bool | None = None
    topology: str | None = None
    ignored: tuple[Ignored, ...] = ()
    file: InputFile

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell the user, a sentence each."""
        return tuple(one.sentence for one in self.ignored)

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Keys that SCALE-Sim has not, as the file spells them."""
        return tuple(one.field for one in self.ignored if one.field.lower() not in _SPELLING)


def _least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) >= least):
            _refuse(f"needs a whole number >= {least}")
        return int(text)

    return read


def _flag(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True,
             "false": False, "no": False, "off": False, "0": False}  # fmt: skip
    if text.lower() not in words:
        _refuse("needs True or False")
    return words[text.lower()]


def _dataflow(text: str) -> Dataflow:
    if text.lower() not in list(Dataflow):
        _refuse("needs os, ws or is")
    return Dataflow(text.lower())


def _interface(text: str) -> Interface:
    if text.lower() not in list(Interface):
        _refuse("needs CALC or USER")
    return Interface(text.lower())


def _bandwidths(text: str) -> tuple[int, ...]:
    one = _least(1)
    return tuple(one(part.strip()) for part in text.split(","))


def _text(text: str) -> str:
    return text.strip("\"'")


def _refuse(rule: str) -> NoReturn:
    raise ValueError(rule)


_size = _least(1)
_address = _least(0)
_LAID_OUT = "where tensors lie in main memory is what a layout: section says"
_BANKED = "banks of a buffer are what its level says, and layout files are not read"
_SPARSE = "sparsity is not modelled: layers are run as dense"
_REQUESTS = "what waits for main memory is what its controller says"


@dataclass(frozen=True, slots=True)
class _Key:
    """A key: the field it becomes, how it is read, and why nothing is made of it, if so."""

    field: str
    read: Callable[[str], object]
    why: str = ""


_KEYS = {
    "run_name": _Key("run_name", _text),
    "ArrayHeight": _Key("array_height", _size),
    "ArrayWidth": _Key("array_width", _size),
    "IfmapSramSzkB": _Key("ifmap_sram_kb", _size),
    "FilterSramSzkB": _Key("filter_sram_kb", _size),
    "OfmapSramSzkB": _Key("ofmap_sram_kb", _size),
    "IfmapSramSz": _Key("ifmap_sram_kb", _size),
    "FilterSramSz": _Key("filter_sram_kb", _size),
    "OfmapSramSz": _Key("ofmap_sram_kb", _size),
    "IfmapOffset": _Key("ifmap_offset", _address, _LAID_OUT),
    "FilterOffset": _Key("filter_offset", _address, _LAID_OUT),
    "OfmapOffset": _Key("ofmap_offset", _address, _LAID_OUT),
    "Dataflow": _Key("dataflow", _dataflow),
    "Bandwidth": _Key("bandwidths", _bandwidths),
    "MemoryBanks": _Key("memory_banks", _size, "SCALE-Sim does not read it either"),
    "ReadRequestBuffer": _Key("read_request_buffer", _size, _REQUESTS),
    "WriteRequestBuffer": _Key("write_request_buffer", _size, _REQUESTS),
    "IfmapCustomLayout": _Key("ifmap_custom_layout", _flag, _BANKED),
    "FilterCustomLayout": _Key("filter_custom_layout", _flag, _BANKED),
    "IfmapSRAMBankBandwidth": _Key("ifmap_bank_bandwidth", _size),
    "FilterSRAMBankBandwidth": _Key("filter_bank_bandwidth", _size),
    "IfmapSRAMBankNum": _Key("ifmap_bank_count", _size, _BANKED),
    "FilterSRAMBankNum": _Key("filter_bank_count", _size, _BANKED),
    "IfmapSRAMBankPort": _Key("ifmap_bank_ports", _size, _BANKED),
    "FilterSRAMBankPort": _Key("filter_bank_ports", _size, _BANKED),
    "SparsitySupport": _Key("sparsity_support", _flag, _SPARSE),
    "SparseRep": _Key("sparse_representation", _text, _SPARSE),
    "OptimizedMapping": _Key("optimized_mapping", _flag, _SPARSE),
    "BlockSize": _Key("block_size", _size, _SPARSE),
    "RandomNumberGeneratorSeed": _Key("random_seed", _address, _SPARSE),
    "InterfaceBandwidth": _Key("interface", _interface),
    "UseRamulatorTrace": _Key("use_ramulator_trace", _flag,
                              "latencies of main memory are simulated, not read from a trace"),
    "TopologyCsvLoc": _Key("topology", _text, "name the topology with --network"),
}  # fmt: skip
_SPELLING = {name.lower(): name for name in _KEYS}
_SECTION = re.compile(r"\[([^\]]*)\]\s*\Z")
_PAIR = re.compile(r"([^:=]+?)\s*[:=]\s*(.*)\Z")
_COMMENT = re.compile(r"\s[#;].*\Z")


@dataclass(frozen=True, slots=True)
class _Line:
    """One ``key: value`` and where it stands."""

    key: str
    value: str
    source: str


def read_config(path: str | os.PathLike[str]) -> ScaleSimConfig:
    """Read a configuration.

    Args:
        path: The file.

    Raises:
        SpecError: Every fault, with its line.
    """
    file = read_plain(path)
    faults: list[Fault] = []
    values: dict[str, object] = {}
    written: dict[str, str] = {}
    ignored: list[Ignored] = []
    for line in _lines(file, faults):
        name = _SPELLING.get(line.key.lower())
        if name is None:
            remedy = nearest(line.key, _KEYS)
            near = f"; {remedy}" if remedy.startswith("did you mean") else ""
            why = f"no key of SCALE-Sim that is known here{near}"
            ignored.append(Ignored(field=line.key, value=line.value, why=why, source=line.source))
            continue
        key = _KEYS[name]
        if key.field in written:
            rule = f"is given in {written[key.field]} too"
            faults.append(_fault(line, rule, "keep one of the two"))
            continue
        written[key.field] = line.source
        try:
            values[key.field] = key.read(line.value)
        except ValueError as error:
            faults.append(_fault(line, str(error)))
        if key.why:
            ignored.append(Ignored(field=name, value=line.value, why=key.why, source=line.source))
    if faults:
        raise SpecError(faults)
    return ScaleSimConfig.model_validate(
        values | {"ignored": tuple(ignored), "file": InputFile(path=file.path, sha256=file.sha256)}
    )


def _lines(file: PlainText, faults: list[Fault]) -> Iterator[_Line]:
    """Return the pairs of all sections; a line that is none is a fault."""
    inside = is_any = False
    for number, text in enumerate(file.text.splitlines(), start=1):
        source, line = f"{file.path}:{number}", _COMMENT.sub("", text).strip()
        if not line or line[0] in "#;":
            continue
        if _SECTION.match(line):
            inside = True
            continue
        pair = _PAIR.match(line)
        if pair is None:
            rule, remedy = "is no section and no key", "give [section] or key : value"
        elif not inside:
            rule, remedy = "stands before the first section", "begin with a section, [general]"
        else:
            is_any = True
            yield _Line(pair[1], pair[2], source)
            continue
        shown = line[:60]
        faults.append(Fault(place="file", value=shown, rule=rule, remedy=remedy, source=source))
    if not is_any and not faults:
        rule, remedy = "has no keys", "is it a configuration of SCALE-Sim?"
        faults.append(
            Fault(place="file", value=None, rule=rule, remedy=remedy, source=f"{file.path}:1")
        )


def _fault(line: _Line, rule: str, remedy: str = "") -> Fault:
    return Fault(
        place=line.key, value=line.value[:60], rule=rule, remedy=remedy, source=line.source
    )
