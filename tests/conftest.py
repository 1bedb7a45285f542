"""What several test files use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
# start.py and tools/ stand beside lessonlib; pytest alone would put only tests/ on the path.
sys.path.insert(0, str(PROJECT))


@pytest.fixture(scope="session")
def project() -> Path:
    """The repository's root."""
    return PROJECT
