"""Every test of this folder runs the kernel."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _kernel(dram_kernel):
    """Compiled already."""
