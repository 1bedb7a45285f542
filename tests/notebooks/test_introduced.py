"""What a lesson is about stands in its cells first; of each helper of ours that a notebook calls,
the docstring says which notebook introduces it, so that a reader of the code finds the lesson.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted((PROJECT / "notebooks" / "source").glob("*.py"))
ORDER = [path.name[:2] for path in SOURCES]


def bindings(tree: ast.Module) -> dict[str, object]:
    """{name in the notebook: module, class or function of lessonlib}."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "lessonlib":
            for alias in node.names:
                found[alias.asname or alias.name] = _load(node.module, alias.name)
    return found


def _load(module: str, name: str) -> object:
    try:
        return importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return getattr(importlib.import_module(module), name)


def called(path: Path) -> dict[str, object]:
    """{qualified name: function or class of lessonlib} that a notebook calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known, found = bindings(tree), {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        what = node.func
        if isinstance(what, ast.Name):
            thing = known.get(what.id)
        elif isinstance(what, ast.Attribute) and isinstance(what.value, ast.Name):
            owner = known.get(what.value.id)
            thing = getattr(owner, what.attr, None) if inspect.ismodule(owner) else None
        else:
            continue
        if (inspect.isfunction(thing) or inspect.isclass(thing)) and (
                thing.__module__.startswith("lessonlib")):
            found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def first_calls() -> dict[str, tuple[object, str]]:
    """{qualified name: (function or class, number of the notebook that calls it first)}."""
    found: dict[str, tuple[object, str]] = {}
    for path in SOURCES:
        for name, thing in called(path).items():
            found.setdefault(name, (thing, path.name[:2]))
    return found


CALLS = first_calls()


def test_the_notebooks_call_helpers_at_all():
    assert len(CALLS) > 60 and ORDER[0] == "00" and ORDER[-1] == "A1"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_helper_says_which_notebook_introduces_it(name):
    thing, number = CALLS[name]
    said = re.findall(r"Introduced in (?:notebook|appendix) (\w\w)\.", inspect.getdoc(thing) or "")
    assert said == [number], f"{name} is first called in {number}; its docstring says {said}"
