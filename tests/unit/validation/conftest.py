"""The project's own copy of Timeloop cases, unpacked once."""

from __future__ import annotations

import pytest

from stallscope.validation.timeloop_cases import own_cases


@pytest.fixture(scope="session")
def references():
    """Reference cases by name."""
    with own_cases() as cases:
        yield {case.name: case for case in cases}
