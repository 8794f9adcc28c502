"""Files of integer tensors that the command line takes: NumPy's .npz, arrays by name."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from stallscope.simcore.errors import Fault, SpecError

__all__ = ["read_tensors", "read_weights"]


def read_tensors(path: Path) -> dict[str, Any]:
    """Read the arrays of a NumPy file; objects in it are refused.

    Raises:
        SpecError: If it is no .npz file, or holds objects.
        OSError: If it cannot be opened.
    """
    import numpy as np

    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.lib.npyio.NpzFile):
            with file:
                return {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        rule = f"is not a NumPy .npz file of integers ({error})"
        raise SpecError([_no_tensors(path, rule)]) from error
    raise SpecError([_no_tensors(path, "holds one array, not arrays by name")])


def read_weights(path: Path) -> Any:
    """Read the array ``Weights`` of a file that may also hold ``Inputs``, as `verify` takes it.

    Raises:
        SpecError: As `read_tensors`; if there are no weights, or an array of another name.
        OSError: If it cannot be opened.
    """
    tensors = read_tensors(path)
    remedy = "give Weights"
    faults = [
        Fault(place="--tensors", value=name, rule="is no operand", remedy=remedy)
        for name in tensors if name not in ("Weights", "Inputs")
    ]  # fmt: skip
    if "Weights" not in tensors:
        faults.append(Fault(place="--tensors", value="Weights", rule="is missing", remedy=remedy))
    if faults:
        raise SpecError(faults)
    return tensors["Weights"]


def _no_tensors(path: Path, rule: str) -> Fault:
    remedy = "write one with numpy.savez(FILE, Weights=..., Inputs=...)"
    return Fault(place="--tensors", value=str(path), rule=rule, remedy=remedy)
