"""What the command line says about zeros, as `NetworkZeros`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from stallscope.mappings.case import InputFile
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.native_header import take_version
from stallscope.mappings.reading import read_file, read_plain
from stallscope.mappings.sparsity.operands import Distribution
from stallscope.simcore.errors import Fault, SpecError
from stallscope.zeros import NetworkZeros, Scatter

__all__ = ["network_zeros", "read_densities", "read_scatter"]

_KINDS = "uniform, per_channel:SPREAD, N:M (as 2:4), or block:AxBx... (words per rank)"


def network_zeros(
    *,
    density: Sequence[str] = (),
    distribution: Sequence[str] = (),
    seed: int = 0,
    weights: Path | None = None,
    prune: float | None = None,
    densities: Path | None = None,
) -> NetworkZeros | None:
    """Gather the options about zeros; None if there is none.

    Args:
        density: ``TENSOR=SHARE``, several.
        distribution: ``TENSOR=KIND``, or ``KIND`` of all tensors (`read_scatter`).
        seed: Seed of all drawing.
        weights: File of weights.
        prune: Share of them to make zero.
        densities: File of densities by layer (`read_densities`).

    Raises:
        SpecError: If one cannot be read, or says something of zeros that nobody asked for.
    """
    faults: list[Fault] = []
    shares: dict[str, float] = {}
    for text in density:
        tensor, _, share = text.partition("=")
        try:
            shares[tensor.strip()] = float(share)
        except ValueError:
            faults.append(Fault(place="--density", value=text, rule="is not TENSOR=SHARE",
                                remedy="as in --density Weights=0.2"))  # fmt: skip
    scatters: dict[str, Scatter] = {}
    for text in distribution:
        tensor, _, kind = text.rpartition("=")
        try:
            scatters[tensor.strip()] = read_scatter(kind)
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)
    # Structured zeros have the density that their name says.
    structured = {tensor: scatter.n / scatter.m for tensor, scatter in scatters.items()
                  if scatter.n is not None and scatter.m is not None and tensor}  # fmt: skip
    shares = structured | shares
    if not shares and weights is None and densities is None and prune is None:
        if scatters:
            raise SpecError([Fault(place="--distribution", value=", ".join(distribution),
                                   rule="says how zeros are drawn, and no density is given",
                                   remedy="give --density TENSOR=SHARE, too")])  # fmt: skip
        return None
    layers, files = ({}, ()) if densities is None else read_densities(densities)
    return NetworkZeros(
        densities=shares, scatters=scatters, seed=seed, weights=weights, prune=prune,
        layers=layers, files=files,
    )  # fmt: skip


def read_scatter(text: str) -> Scatter:
    """Read how zeros are drawn: ``uniform``, ``per_channel:0.1``, ``2:4``, ``block:4x4x1x1``."""
    kind, _, figure = text.strip().partition(":")
    if kind == Distribution.UNIFORM and not figure:
        return Scatter()
    if kind.isdecimal() and figure.isdecimal() and int(kind) <= int(figure) and int(figure):
        return Scatter(distribution=Distribution.STRUCTURED, n=int(kind), m=int(figure))
    if kind == Distribution.BLOCK and re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", figure):
        block = tuple(int(words) for words in figure.split("x"))
        return Scatter(distribution=Distribution.BLOCK, block=block)
    if kind == Distribution.PER_CHANNEL:
        try:
            spread = float(figure)
        except ValueError:
            spread = -1.0
        if 0 <= spread <= 1:
            return Scatter(distribution=Distribution.PER_CHANNEL, spread=spread)
    raise SpecError([Fault(place="--distribution", value=text, rule=f"is none of {_KINDS}",
                           remedy="as in --distribution Weights=2:4")])  # fmt: skip


def read_densities(path: Path) -> tuple[dict[str, dict[str, float]], tuple[InputFile, ...]]:
    """Read densities by layer and tensor.

    Args:
        path: A table (``.csv``) with the columns ``layer`` and one per tensor, where an empty cell
            says nothing; or a native file with a section ``densities:``, by layer and tensor:
            ``conv1: {Weights: 0.2, Inputs: 0.5}``.

    Raises:
        SpecError: Every fault, with its line.
    """
    if path.suffix.lower() == ".csv":
        return _of_table(path)
    findings = Findings()
    document = read_file(path)
    top = Fields(document.root, "file", findings)
    take_version(top)
    section = top.required("densities")
    top.close()
    found: dict[str, dict[str, float]] = {}
    if section is not None:
        for layer, node in Fields(section, "densities", findings).rest().items():
            fields = Fields(node, f"densities.{layer}", findings)
            tensors = tuple(node.value) if isinstance(node.value, dict) else ()
            shares = {tensor: fields.number(tensor) for tensor in tensors}
            found[layer] = {tensor: share for tensor, share in shares.items() if share is not None}
    findings.check()
    return found, (InputFile(path=document.path, sha256=document.sha256),)


def _of_table(path: Path) -> tuple[dict[str, dict[str, float]], tuple[InputFile, ...]]:
    plain = read_plain(path)
    rows = csv.DictReader(io.StringIO(plain.text), skipinitialspace=True)
    if "layer" not in (rows.fieldnames or ()):
        raise SpecError([Fault(place="densities", value=", ".join(rows.fieldnames or ()),
                               rule="has no column layer", remedy="as in layer,Weights,Inputs",
                               source=str(path))])  # fmt: skip
    found: dict[str, dict[str, float]] = {}
    faults: list[Fault] = []
    for row in rows:
        layer = (row.pop("layer") or "").strip()
        shares = found.setdefault(layer, {})
        for tensor, text in row.items():
            cells = text if isinstance(text, str) else ""
            try:
                if cells.strip():
                    shares[tensor] = float(cells)
            except ValueError:
                faults.append(Fault(place=f"densities.{layer}.{tensor}", value=cells,
                                    rule="is no share of the words", remedy="a number, 0 to 1",
                                    source=f"{path}:{rows.line_num}"))  # fmt: skip
    if faults:
        raise SpecError(faults)
    return found, (InputFile(path=plain.path, sha256=plain.sha256),)
