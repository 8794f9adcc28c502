"""The package list, the package's data and the import cost are what pyproject.toml says."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import stallscope
from stallscope.catalog import ACCELERATORS, NETWORKS

ROOT = Path(__file__).parents[2]
FOLDERS = ("simcore", "hw", "mappings", "traces", "validation")


def project() -> dict:
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("no checkout around the tests")
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages_of(folder: Path, name: str) -> list[str]:
    """Every folder with an __init__.py, links (the five folders, for checkers) aside."""
    found = [name]
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.is_symlink() and (child / "__init__.py").exists():
            found += packages_of(child, f"{name}.{child.name}")
    return found


def test_the_package_list_is_the_folders() -> None:
    expected = packages_of(ROOT / "stallscope", "stallscope")
    for folder in FOLDERS:
        expected += packages_of(ROOT / folder, f"stallscope.{folder}")
    listed = project()["tool"]["setuptools"]["packages"]
    assert sorted(expected) == sorted(listed)


def test_every_folder_is_mapped_and_linked() -> None:
    mapped = project()["tool"]["setuptools"]["package-dir"]
    assert {f"stallscope.{folder}": folder for folder in FOLDERS} == mapped
    for folder in FOLDERS:
        link = ROOT / "stallscope" / folder
        assert link.is_symlink()
        assert link.resolve() == (ROOT / folder).resolve()


def test_every_data_file_is_in_the_package_data() -> None:
    patterns = project()["tool"]["setuptools"]["package-data"]
    packages = {
        "stallscope": ROOT / "stallscope",
        "stallscope.mappings": ROOT / "mappings",
        "stallscope.validation": ROOT / "validation",
    }
    for package, folder in packages.items():
        listed = {path for pattern in patterns.get(package, []) for path in folder.glob(pattern)}
        data = {
            path
            for path in folder.rglob("*")
            if path.suffix in (".yaml", ".json", ".typed", ".html", ".css", ".js")
            and not any(parent.is_symlink() for parent in path.parents)
        }
        assert data <= listed, f"{package}: {sorted(map(str, data - listed))}"


def test_every_preset_is_there() -> None:
    for preset in (*ACCELERATORS, *NETWORKS):
        assert preset.path.is_file()


def test_the_version_is_the_projects() -> None:
    assert project()["project"]["version"] == stallscope.__version__


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, stallscope, stallscope.simcore.errors; "
        "print([m for m in ('numpy','pandas','pyarrow','numba','simpy','pydantic') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
