"""A case small enough to follow by hand, as one native file, and the folders of recorded runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

import stallscope as ss
from stallscope.catalog import preset
from stallscope.hw.simulate import Tracing, simulate
from stallscope.report.document import result_document
from stallscope.report.outputs import json_text

TINY = """\
stallscope: 1
name: tiny
problem:
  dimensions: {M: 4, C: 4, P: 8}
  tensors: {Weights: [M, C], Inputs: [C, P], Outputs: [M, P]}
  output: Outputs
architecture:
  clock: 100 MHz
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2, write_bandwidth: 2, read_latency: 10}
    - {name: GLB, capacity: 64, read_bandwidth: 4, write_bandwidth: 4}
  compute: {name: MAC, instances: 4}
mapping:
  DRAM: {temporal: [P=8]}
  GLB: {temporal: [C=4], spatial_x: [M=4]}
energy:
  source: made up
  components:
    DRAM: {read: 100, write: 100}
    GLB: {read: 6, write: 7, area: 1000}
    MAC: {compute: 1}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of the small case, in a folder of its own."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def _record(folder: Path, *files: Path, name: str | None = None, level: str = "full",
           window: tuple[int, int] | None = None) -> dict:  # fmt: skip
    """Simulate a case into a run's folder, as ``--out`` and ``--trace`` do; its document."""
    case = ss.load(*files, name=name)
    folder.mkdir(parents=True, exist_ok=True)
    tracing = Tracing(level=level, window=window, folder=folder / "trace")
    document = result_document(simulate(case, trace=tracing), case)
    (folder / "result.json").write_text(json_text(document))
    return document


@pytest.fixture
def record() -> Callable[..., dict]:
    """Simulates a case into a run's folder."""
    return _record


@pytest.fixture
def run(tmp_path: Path, tiny: Path) -> Path:
    """The folder of a traced run of the small case."""
    _record(tmp_path / "run", tiny)
    return tmp_path / "run"


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a traced run of AlexNet's CONV3 on the Eyeriss-like preset."""
    folder = tmp_path_factory.mktemp("layer")
    conv3 = preset("alexnet-conv").path.parent / "alexnet" / "conv3.yaml"
    _record(folder, preset("eyeriss-168").path, conv3, name="conv3")
    return folder
