"""A library that nobody asked for must not take the GPU away."""

import os
import re
import subprocess
import sys
from pathlib import Path

from lessonlib.common import paths

SOURCES = sorted((paths.PROJECT / "notebooks" / "source").glob("*.py"))


def preallocation(**environment: str) -> str:
    code = ("import os, lessonlib; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])")
    given = {key: value for key, value in os.environ.items() if not key.startswith("XLA_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=given | environment, capture_output=True, text=True,
        cwd=paths.PROJECT, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_jax_does_not_take_most_of_the_card():
    """bm25s loads JAX where it is installed (Colab has it), and JAX took 105 GB of a card of 140
    at that moment: LoRA on a model of seven billion weights ran out of memory, and so would
    anything on a T4."""
    assert preallocation() == "false"
    assert preallocation(XLA_PYTHON_CLIENT_PREALLOCATE="true") == "true", "the user's wish counts"


def test_notebooks_load_lessonlib_before_bm25s():
    """Notebook 02 imported bm25s first, when nothing had been said to JAX yet."""
    loading = [one for one in SOURCES if re.search(r"(?m)^import bm25s", one.read_text("utf-8"))]
    assert loading, "else this test looks at nothing"
    for source in loading:
        text = source.read_text("utf-8")
        assert text.index("import lessonlib") < text.index("import bm25s"), Path(source).name
