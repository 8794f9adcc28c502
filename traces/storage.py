"""A program as a file: compact, versioned JSON that a person can read.

The file says what it is in its first key, carries a digest of its content, and reads back to an
equal program: whole numbers and ratios stay exact. It is written beside its place and moved there
when complete, so that a reader never meets half a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import ComputeStream, MoverStream, Program, StreamLoop

__all__ = [
    "MAX_BYTES", "VERSION", "Finding", "Form", "from_text", "read", "refuse", "replacing", "save",
    "to_text",
]  # fmt: skip

VERSION = 4
"""Version of the file's form; a reader refuses others."""
MAX_BYTES = 256 * 1024 * 1024
"""Largest file read: a program is a page, or some megabytes with many odd remainders."""
_HEADER = "stallscope_program"
_DIGEST = "sha256"
_BODY = "program"
_LINE = 100
_AGAIN = "compile the program again"

PathLike = str | os.PathLike[str]


Finding = tuple[str, object, str]
"""A fault of a program: place, value, rule."""
P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[P]):
    """A kind of program as a file.

    Attributes:
        header: The file's first key.
        version: Version of the form; a reader refuses others.
        kind: What is stored.
        inconsistent: What would lead an executing unit astray.
    """

    header: str
    version: int
    kind: type[P]
    inconsistent: Callable[[P], Iterable[Finding]]

    def save(self, program: P, path: PathLike) -> None:
        """Write a program; see `save`."""
        with replacing(path) as temporary:
            temporary.write_text(self.to_text(program), encoding="utf-8")

    def read(self, path: PathLike) -> P:
        """Read a program; see `read`."""
        return self.from_text(_content(path), os.fspath(path))

    def to_text(self, program: P) -> str:
        """Return the content of a program's file."""
        body = TypeAdapter(self.kind).dump_python(program, mode="json")
        document = {self.header: self.version, _DIGEST: _digest(body), _BODY: body}
        return "".join(_lines(document, "", "")) + "\n"

    def from_text(self, text: str, source: str) -> P:
        """Read a program from the content of its file; see `from_text`."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            refuse(source, "file", "", f"is not a whole JSON text ({error})", _AGAIN, error)
        if not isinstance(document, dict) or self.header not in document:
            rule = f"is not a program: it has no key {self.header!r}"
            refuse(source, "file", "", rule, "name a file that `stallscope compile` wrote")
        version = document[self.header]
        if version != self.version or isinstance(version, bool):
            rule = f"is not a version this release reads ({self.version})"
            refuse(source, self.header, _short(version), rule, _AGAIN)
        for key in sorted({_BODY, self.header, _DIGEST} ^ document.keys()):
            if key != _DIGEST:
                rule = "is missing" if key == _BODY else "is not a key of a program file"
                refuse(source, key, "", rule, _AGAIN)
        return _program(self, document, source)


def save(program: Program, path: PathLike) -> None:
    """Write a program; the file appears complete or not at all.

    Raises:
        OSError: If the place cannot be written.
    """
    _LOOPED.save(program, path)


def read(path: PathLike) -> Program:
    """Read a program that `save` wrote; the two are equal.

    Raises:
        SpecError: No such file, not a program, another version, or corrupt.
    """
    return _LOOPED.read(path)


def to_text(program: Program) -> str:
    """Return the content of a program's file."""
    return _LOOPED.to_text(program)


def from_text(text: str, source: str) -> Program:
    """Read a program from the content of its file.

    Args:
        text: The content.
        source: The file's name, for messages.

    Raises:
        SpecError: Not a program, another version, or corrupt.
    """
    return _LOOPED.from_text(text, source)


def _content(path: PathLike) -> str:
    """Text of a file that may be a program."""
    name = os.fspath(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            refuse(name, "file", "", "is not a file", "name a program file")
        if status.st_size > MAX_BYTES:
            rule = f"is larger than {MAX_BYTES} bytes, the most a program may have"
            refuse(name, "file", f"{status.st_size} bytes", rule, _AGAIN)
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        refuse(name, "file", "", f"is not UTF-8 text ({error.reason})", _AGAIN, error)
    except OSError as error:
        rule = f"cannot be read: {error.strerror or error}"
        refuse(name, "file", "", rule, "name a program file", error)


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Yield a temporary file beside ``path`` that takes its place, unless something fails."""
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(body: object) -> str:
    """Digest of the content, whatever its layout in the file."""
    plain = json.dumps(body, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def _program(form: Form[P], document: dict[str, object], source: str) -> P:
    body = document[_BODY]
    if _DIGEST in document and document[_DIGEST] != _digest(body):
        rule = f"is not the digest of {_BODY!r}: the file was damaged or edited"
        remedy = f"{_AGAIN}; if you edited it on purpose, remove the key {_DIGEST!r}"
        refuse(source, _DIGEST, _short(document[_DIGEST]), rule, remedy)
    adapter = TypeAdapter(form.kind)
    try:
        program = adapter.validate_json(json.dumps(body), strict=True)
    except ValidationError as error:
        raise SpecError(
            [
                Fault(
                    place=".".join([_BODY, *map(str, found["loc"])]),
                    value=_short(found["input"]),
                    rule=found["msg"].lower(),
                    remedy=_AGAIN,
                    source=source,
                )
                for found in error.errors(include_url=False)
            ]
        ) from error
    if adapter.dump_python(program, mode="json") != body:
        refuse(source, _BODY, "", "has keys or values that a program does not have", _AGAIN)
    faults = [
        Fault(place=f"{_BODY}.{place}", value=value, rule=rule, remedy=_AGAIN, source=source)
        for place, value, rule in form.inconsistent(program)
    ]
    if faults:
        raise SpecError(faults)
    return program


def refuse(
    source: str, place: str, value: object, rule: str, remedy: str, cause: Exception | None = None
) -> NoReturn:
    """Raise the SpecError of one fault of a program file."""
    fault = Fault(place=place, value=value, rule=rule, remedy=remedy, source=source)
    raise SpecError([fault]) from cause


def _short(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= _LINE else f"{shown[:_LINE]}..."


# ---------------------------------------------------------------------- layout


def _lines(value: object, indent: str, lead: str) -> Iterator[str]:
    """The pieces of a value's text: on one line if it fits, else an item a line."""
    flat = json.dumps(value, ensure_ascii=False)
    items = _items(value)
    if not items or len(indent) + len(lead) + len(flat) <= _LINE:
        yield f"{lead}{flat}"
        return
    deeper = f"{indent} "
    left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
    yield f"{lead}{left}"
    for number, (key, item) in enumerate(items):
        yield f"{',' if number else ''}\n{deeper}"
        yield from _lines(item, deeper, key)
    yield f"\n{indent}{right}"


def _items(value: object) -> list[tuple[str, object]]:
    """What may be broken over lines; a list of plain numbers stays on one."""
    if isinstance(value, dict):
        return [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
    if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        return [("", item) for item in value]
    return []


# ---------------------------------------------------------------------- consistency


def _inconsistent(program: Program) -> Iterator[Finding]:
    """What would lead an executing unit astray: (place, value, rule)."""
    dims = dict(program.dims)
    fed = {(mover.tensor, mover.child) for mover in program.movers}
    if len(fed) != len(program.movers):
        yield "movers", "", "two movers bring the same tensor to the same level"
    for number, mover in enumerate(program.movers):
        yield from _astray(mover, f"movers.{number}", dims)
        yield from _unfed(mover, f"movers.{number}", program, fed)
    yield from _misplaced(program, dims)
    stream = program.compute
    yield from _astray(stream, "compute", dims)
    for number, operand in enumerate(stream.operands):
        place = f"compute.operands.{number}"
        if operand.depth >= 0 and (operand.tensor, operand.level) not in fed:
            yield place, operand.level, f"nothing brings {operand.tensor} there"
        if not -1 <= operand.depth <= len(stream.loops):
            yield f"{place}.depth", operand.depth, "is not a number of loops"
    if sum(operand.is_output for operand in stream.operands) != 1:
        yield "compute.operands", "", "must have one output"
    for number, work in enumerate(stream.records):
        if len(work.accesses) != len(stream.operands):
            yield f"compute.records.{number}.accesses", len(work.accesses), "one per operand"


def _misplaced(program: Program, dims: dict[str, int]) -> Iterator[Finding]:
    """Layouts of tensors and spatial loops."""
    names = [layout.name for layout in program.tensors]
    if [layout.name for layout in program.tensors if layout.is_output] != [program.output]:
        yield "tensors", "", f"must have one output, {program.output}"
    used = {mover.tensor for mover in program.movers}
    used |= {operand.tensor for operand in program.compute.operands}
    used |= {plan.tensor for plan in program.buffers}
    if len(set(names)) != len(names) or not used <= set(names):
        yield "tensors", ", ".join(names), "must lay out every tensor once"
    for number, layout in enumerate(program.tensors):
        if not {name for rank in layout.ranks for name, _ in rank} <= dims.keys():
            yield f"tensors.{number}.ranks", layout.name, "has unknown dimensions"
        elif layout.shape != tuple(
            1 + sum(by * (dims[name] - 1) for name, by in rank) for rank in layout.ranks
        ):
            yield f"tensors.{number}.shape", list(layout.shape), "is not that of its ranks"
        elif len(layout.strides) != len(layout.shape) or min(layout.strides, default=1) < 1:
            yield f"tensors.{number}.strides", list(layout.strides), "must be one per rank, >= 1"
    levels = [name for name, _ in program.used_instances][:-1]
    if [block.level for block in program.blocks] != levels:
        yield "blocks", len(program.blocks), "must be those of the levels, in their order"
    for number, block in enumerate(program.blocks):
        yield from _looped(block.loops, f"blocks.{number}.loops", dims)
    yield from _looped(program.compute.inner, "compute.inner", dims)


def _unfed(
    mover: MoverStream, place: str, program: Program, fed: set[tuple[str, str]]
) -> Iterator[Finding]:
    """Where a mover stands among levels and other movers."""
    levels = [name for name, _ in program.used_instances]
    for level in (mover.parent, mover.child):
        if level not in levels:
            yield place, level, "is not a level of the program"
    if {name for name, _ in mover.spans} != {name for name, _ in program.dims}:
        yield f"{place}.spans", len(mover.spans), "must have every dimension once"
    if min((span for _, span in mover.spans), default=1) < 1:
        yield f"{place}.spans", "", "must be at least 1"
    if not 0 <= mover.parent_depth <= len(mover.loops):
        yield f"{place}.parent_depth", mover.parent_depth, "is not a number of loops"
    if not mover.parent_is_memory and (mover.tensor, mover.parent) not in fed:
        yield f"{place}.parent", mover.parent, f"nothing brings {mover.tensor} there"


def _astray(
    stream: MoverStream | ComputeStream, place: str, dims: dict[str, int]
) -> Iterator[Finding]:
    """Loops, bounds and record numbers of one stream."""
    yield from _looped(stream.loops, f"{place}.loops", dims)
    for name, bound in stream.bounds:
        if dims.get(name) != bound:
            yield f"{place}.bounds", f"{name} {bound}", "is not the bound of the dimension"
    if not len(stream.bounds) == len(stream.classes) == len(stream.grain):
        yield f"{place}.classes", len(stream.classes), "bounds, classes, grain differ in number"
    if min(stream.grain, default=1) < 1:
        yield f"{place}.grain", list(stream.grain), "must be at least 1"
    yield from _unnumbered(stream, place)


def _looped(loops: tuple[StreamLoop, ...], place: str, dims: dict[str, int]) -> Iterator[Finding]:
    """Loops that cannot be walked."""
    for loop in loops:
        if loop.dimension not in dims:
            yield place, loop.dimension, "is not a dimension of the program"
        if min(loop.extent, loop.step) < 1:
            yield place, f"{loop.extent} of {loop.step}", "must be at least 1"


def _unnumbered(stream: MoverStream | ComputeStream, place: str) -> Iterator[Finding]:
    """Numbers of records and loops that do not exist."""
    depth, kinds = len(stream.loops), len(stream.records)
    if not stream.keyed and [len(row) for row in stream.table] != [depth + 1] * depth:
        yield f"{place}.table", len(stream.table), f"must have {depth} rows of {depth + 1} records"
    named = [number for row in stream.table for number in row]
    named += [number for _, _, _, number, _ in stream.keyed]
    if not all(0 <= number < kinds for number in [stream.first, *named]):
        yield f"{place}.records", kinds, "a step names a record that does not exist"
    for loop, key, _, _, _ in stream.keyed:
        if not 0 <= loop < depth or len(key) != len(stream.bounds):
            yield f"{place}.keyed", loop, "a step names a loop or bound that does not exist"


_LOOPED = Form(header=_HEADER, version=VERSION, kind=Program, inconsistent=_inconsistent)
