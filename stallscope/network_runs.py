"""A network on an accelerator from Python: layer by layer, with zeros where they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.result import Result
from stallscope.mappings.fields import nearest
from stallscope.mappings.layers import LayerNetwork
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.templates.planning import asked_dataflow
from stallscope.report.document import Document
from stallscope.run import LayerRun, LoadOptions, load_layers, network_document, simulate_layers
from stallscope.simcore.errors import Fault, SpecError
from stallscope.zeros import NetworkZeros

__all__ = ["NetworkRun", "run_network", "selected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRun:
    """The layers of a network and what was found of them.

    Attributes:
        network: Name of the network.
        runs: Its layers, in order.
    """

    network: str
    runs: tuple[LayerRun, ...]

    @property
    def layers(self) -> dict[str, Result]:
        """Result of every layer by its name; one that is repeated is there once."""
        return {run.layer.name: run.result for run in self.runs}

    @property
    def cycles(self) -> int:
        """Cycles of all layers, each as often as it stands in the network."""
        return sum(run.result.cycles * run.layer.repeat for run in self.runs)

    @property
    def energy_pj(self) -> float | None:
        """Energy likewise, pJ; None without an energy table."""
        total: float | None = self.document()["total"]["energy_pj"]
        return total

    def document(self) -> Document:
        """The document that ``stallscope run --json`` prints: ``layers`` and ``total``."""
        return network_document(self.runs)


def run_network(
    network: str,
    accelerator: str | Sequence[str],
    *,
    sparsity: NetworkZeros | Mapping[str, Sparsity] | None = None,
    layers: Sequence[str] = (),
    dataflow: str | None = None,
    settings: Sequence[str] = (),
    fast_forward: bool = True,
    jobs: int = 1,
) -> NetworkRun:
    """Run the layers of a network in series, buffers empty at each start.

    Args:
        network: Name of a preset, or a file.
        accelerator: The same; or several files.
        sparsity: What the layers get their zeros from, or the zeros of some by their names.
        layers: Patterns of the names of layers, as in a shell; none: all layers.
        dataflow: ``os``, ``ws`` or ``is`` where a template makes the mapping; None: it chooses.
        settings: ``path=value`` as for ``--set``.
        fast_forward: See `simulate`.
        jobs: Processes; the results are the same.

    Raises:
        SpecError: Every fault of network, accelerator and zeros.
    """
    names = [accelerator] if isinstance(accelerator, (str, os.PathLike)) else list(accelerator)
    whole = load_network(network_of(network))
    zeros = sparsity
    if zeros is not None and not isinstance(zeros, NetworkZeros):
        zeros = NetworkZeros(given=zeros)
    if zeros is not None:
        zeros.check(whole)
    flow = None if dataflow is None else asked_dataflow(dataflow)
    options = LoadOptions(overrides=tuple(settings), zeros=zeros, dataflow=flow)
    chosen = selected(whole, layers)
    cases = load_layers(chosen, [accelerator_of(name).path for name in names], options)
    runs = simulate_layers(cases, fast_forward=fast_forward, jobs=jobs)
    order = {case.name: number for number, case in enumerate(cases)}
    done = sorted(runs, key=lambda run: order[run.layer.name])
    return NetworkRun(network=whole.name, runs=tuple(done))


def selected(network: LayerNetwork, patterns: Sequence[str]) -> LayerNetwork:
    """Return the network with the layers whose names match one of the patterns, if any is given."""
    if not patterns:
        return network
    names = [layer.name for layer in network.layers]
    faults = [
        Fault(place="--layers", value=pattern, rule=f"matches no layer of {network.name}",
              remedy=nearest(pattern, names))
        for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)
    ]  # fmt: skip
    if faults:
        raise SpecError(faults)
    layers = tuple(layer for layer in network.layers
                   if any(fnmatchcase(layer.name, pattern) for pattern in patterns))  # fmt: skip
    return network.model_copy(update={"layers": layers})
