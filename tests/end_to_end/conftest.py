"""Files of a small case for the command line, split as a user would split them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stallscope.cli import app

PROBLEM = """\
stallscope: 1
problem:
  dimensions: {M: 4, C: 4, P: 8}
  tensors: {Weights: [M, C], Inputs: [C, P], Outputs: [M, P]}
  output: Outputs
"""
ARCHITECTURE = """\
stallscope: 1
architecture:
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2, write_bandwidth: 2, read_latency: 10}
    - {name: GLB, capacity: 64, read_bandwidth: 4, write_bandwidth: 4}
  compute: {name: MAC, instances: 4}
"""
MAPPING = """\
stallscope: 1
mapping:
  DRAM: {temporal: [P=8]}
  GLB: {temporal: [C=4], spatial_x: [M=4]}
"""
ENERGY = """\
stallscope: 1
energy:
  source: made up
  components:
    DRAM: {read: 100, write: 100}
    GLB: {read: 6, write: 7}
    MAC: {compute: 1}
"""


@dataclass(frozen=True)
class Ran:
    """What one command gave."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Desk:
    """A folder with a case, and the command line."""

    folder: Path

    @property
    def files(self) -> list[str]:
        return [str(self.folder / f"{part}.yaml")
                for part in ("architecture", "problem", "mapping", "energy")]  # fmt: skip

    def write(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def run(self, *arguments: str | Path) -> Ran:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
        return Ran(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def preset_run(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """What the main job prints: AlexNet CONV1-5 on the Eyeriss-like preset."""
    desk = Desk(tmp_path_factory.mktemp("preset"))
    return desk.run("run", "--accelerator", "eyeriss-168")


@pytest.fixture(scope="session")
def preset_traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The same as one JSON document, without its twin; and the folder of its traces."""
    desk = Desk(tmp_path_factory.mktemp("preset"))
    out = desk.folder / "run"
    return out, desk.run("run", "--accelerator", "eyeriss-168", "--beside", "none", "--json",
                         "--out", out, "--trace", "full")  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder with the four files of a small case."""
    made = Desk(tmp_path)
    parts = {"problem": PROBLEM, "architecture": ARCHITECTURE, "mapping": MAPPING, "energy": ENERGY}
    for part, text in parts.items():
        made.write(f"{part}.yaml", text)
    return made
