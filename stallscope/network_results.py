"""What a run of a network found so far: its documents and rows, in the network's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import stallscope
from stallscope.report.document import SCHEMA_VERSION, Document
from stallscope.report.outputs import OutputFolder, Row
from stallscope.run import LayerCase, LayerRun, layer_document, layer_row, total

__all__ = ["NetworkResults", "Part"]


@dataclass(slots=True)
class Part:
    """The layers on one accelerator, and those that are done."""

    accelerator: str
    layers: Sequence[LayerCase]
    _done: dict[str, LayerRun] = field(default_factory=dict)
    _documents: dict[str, Document] = field(default_factory=dict)
    _rows: dict[str, Row] = field(default_factory=dict)

    def add(self, run: LayerRun) -> None:
        """Take a layer that is done; the one that was simulated for it comes before."""
        name, same = run.layer.name, run.same_as
        like = self._documents[same] if same is not None else None
        document = layer_document(run, like)
        self._done[name] = run
        self._documents[name] = document
        self._rows[name] = layer_row(run, self.accelerator)

    @property
    def runs(self) -> list[LayerRun]:
        """The layers that are done, in the network's order."""
        return [self._done[name] for name in self._names]

    @property
    def rows(self) -> list[Row]:
        """Their lines of ``layers.csv``."""
        return [self._rows[name] for name in self._names]

    @property
    def is_complete(self) -> bool:
        """Whether all layers are done."""
        return len(self._done) == len(self.layers)

    def document(self) -> Document:
        """Return the document of the layers that are done, and their total."""
        layers = [self._documents[name] for name in self._names]
        return {"layers": layers, "total": total(self.runs)}

    @property
    def _names(self) -> list[str]:
        return [layer.name for layer in self.layers if layer.name in self._done]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkResults:
    """A network on an accelerator, and on those beside it.

    Attributes:
        network: Name of the network.
        layers: How many layers the network has; a run may be of some.
        parts: The accelerator asked for, then those beside it.
    """

    network: str
    layers: int
    parts: Sequence[Part]

    @property
    def done(self) -> int:
        """How many layers are done, on all accelerators."""
        return sum(len(part.runs) for part in self.parts)

    @property
    def asked(self) -> int:
        """How many layers are to be done, on all accelerators."""
        return sum(len(part.layers) for part in self.parts)

    def rows(self) -> list[Row]:
        """Return the lines of ``layers.csv``."""
        return [row for part in self.parts for row in part.rows]

    def document(self) -> Document:
        """Return the document; ``beside`` lists the other accelerators."""
        first = self.parts[0]
        return {
            "schema": SCHEMA_VERSION,
            "stallscope": stallscope.__version__,
            "network": self.network,
            "network_layers": self.layers,
            "accelerator": first.accelerator,
            "complete": all(part.is_complete for part in self.parts),
            **first.document(),
            "beside": [{"accelerator": part.accelerator, **part.document()}
                       for part in self.parts[1:]],
        }  # fmt: skip

    def write(self, folder: OutputFolder) -> None:
        """Write what is done."""
        folder.write_table("layers", self.rows())
        folder.write_json("result.json", self.document())
