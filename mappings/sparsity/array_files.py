"""Arrays of model files: NumPy's .npz and .npy, .safetensors, and Keras' .h5 and .keras.

The packages that read .safetensors and .h5 are those of the extra ``models``; nothing else needs
them.

Not modelled: Torch's own .pt and .pth, which hold code; save the state as .safetensors.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.case import InputFile
from stallscope.mappings.fields import nearest
from stallscope.mappings.sparsity.orders import OWN
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["FileArray", "read_array"]

Array = NDArray[Any]  # Any: whatever numbers a file holds

_KERAS_INSIDE = "model.weights.h5"
_EXTRA = "pip install 'stallscope[models]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileArray:
    """An array of a file.

    Attributes:
        values: The numbers.
        source: File and name of the array, for the record.
        order: The order of its axes that such files have (`arranged`).
        file: The file and its digest.
    """

    values: Array
    source: str
    order: str
    file: InputFile


def read_array(path: Path, entry: str | None = None, *, place: str = "file") -> FileArray:
    """Read one array of a file.

    Args:
        path: The file; its ending says what it is.
        entry: Name of the array, or an end of it that no other has; None if there is but one.
        place: Path of what asks for it, for faults.

    Raises:
        SpecError: If it cannot be read, is of no known kind, has no such array, has several and
            none is named, or the array does not hold numbers.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise _error(path, place, f"has no known ending: {', '.join(_KINDS)}",
                     "save Torch's weights by safetensors.torch.save_file")  # fmt: skip
    read, order = kind
    try:
        status = path.stat()
        digest = _digest(path, status.st_size, status.st_mtime_ns)
        name, values = read(path, entry, place)
    except OSError as error:
        reason = error.strerror or error
        raise _error(path, place, f"cannot be read: {reason}") from error
    if values.dtype.kind not in "biuf":
        raise _error(path, place, f"{name} holds {values.dtype}, no numbers")
    source = f"{path.name}: {name}" if name else path.name
    file = InputFile(path=str(path), sha256=digest)
    return FileArray(values=values, source=source, order=order, file=file)


@lru_cache(maxsize=16)  # the layers of a network name the same file
def _digest(path: Path, size: int, changed: int) -> str:
    """Digest of a file of that size, last changed at that time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _error(path: Path, place: str, rule: str, remedy: str = "") -> SpecError:
    return SpecError([Fault(place=f"{place}.file", value=str(path), rule=rule, remedy=remedy)])


def _chosen(names: Iterable[str], entry: str | None, path: Path, place: str) -> str:
    """The full name of an array: the one that ends as asked, or the only one."""
    known = sorted(names)
    if entry is None and len(known) == 1:
        return known[0]
    if entry is None:
        shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise _error(path, place, f"holds {len(known)} arrays: {shown}", "name one as entry")
    found = [name for name in known if name == entry]
    found = found or [name for name in known if name.endswith(("/" + entry, "." + entry))]
    if len(found) == 1:
        return found[0]
    rule = f"has {len(found)} arrays {entry}"
    remedy = f"give all of the name: {', '.join(found[:4])}" if found else nearest(entry, known)
    fault = Fault(place=f"{place}.entry", value=entry, rule=f"{path} {rule}", remedy=remedy)
    raise SpecError([fault])


def _numpy(path: Path, entry: str | None, place: str) -> tuple[str, Array]:
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            return "", np.asarray(file)
        with file:
            name = _chosen(file.files, entry, path, place)
            return name, np.asarray(file[name])
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, SpecError):
            raise
        remedy = "write one with numpy.savez(FILE, NAME=...)"
        raise _error(path, place, f"is not a NumPy file of numbers ({error})", remedy) from error


def _safetensors(path: Path, entry: str | None, place: str) -> tuple[str, Array]:
    try:
        import safetensors
    except ImportError as error:
        rule = "needs the package safetensors, which is not installed"
        raise _error(path, place, rule, _EXTRA) from error
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            name = _chosen(file.keys(), entry, path, place)
            if file.get_slice(name).get_dtype() != "BF16":
                return name, np.asarray(file.get_tensor(name))
        return name, _short_floats(path, name)
    except (safetensors.SafetensorError, TypeError) as error:
        raise _error(path, place, f"is not a .safetensors file of numbers ({error})") from error


def _short_floats(path: Path, name: str) -> Array:
    """The bfloat16 numbers of a sound file, which NumPy lacks: upper halves of float32's."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(length))[name]
        first, end = entry["data_offsets"]
        file.seek(8 + length + first)
        upper = np.frombuffer(file.read(end - first), dtype="<u2").astype(np.uint32) << 16
    return upper.view(np.float32).reshape(entry["shape"])


def _keras(path: Path, entry: str | None, place: str) -> tuple[str, Array]:
    try:
        import h5py
    except ImportError as error:
        rule = "needs the package h5py, which is not installed"
        raise _error(path, place, rule, _EXTRA) from error
    opened: Path | io.BytesIO = path
    if path.suffix.lower() == ".keras":
        try:
            with zipfile.ZipFile(path) as archive:
                opened = io.BytesIO(archive.read(_KERAS_INSIDE))
        except (KeyError, zipfile.BadZipFile) as error:
            raise _error(path, place, f"is no archive with {_KERAS_INSIDE}") from error
    names: list[str] = []
    try:
        with h5py.File(opened, "r") as file:
            file.visititems(
                lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
            )
            name = _chosen(names, entry, path, place)
            return name, np.asarray(file[name])
    except OSError as error:
        if error.errno is not None:
            raise
        raise _error(path, place, f"is not an HDF5 file ({error})") from error


_Reader = Callable[[Path, str | None, str], tuple[str, Array]]
_KINDS: dict[str, tuple[_Reader, str]] = {
    ".npz": (_numpy, OWN), ".npy": (_numpy, OWN), ".safetensors": (_safetensors, "torch"),
    ".h5": (_keras, "keras"), ".hdf5": (_keras, "keras"), ".keras": (_keras, "keras"),
}  # fmt: skip
