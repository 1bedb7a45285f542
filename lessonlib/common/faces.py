"""A room's face: the few names that others use, each loaded only when it is first asked for.

So ``import lessonlib`` takes no time, and a notebook that only counts tokens does not load a
neural network.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def face(
    package: str, homes: dict[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for a package (PEP 562).

    Args:
        package: its ``__name__``.
        homes: the module of the package that holds each name.

    Raises:
        AttributeError: by the first of the two, where a name is not in ``homes``.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
