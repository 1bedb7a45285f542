"""Imports in lessonlib go one way: each room may use the rooms below it, and no file is in a
circle.

Once there were 117 modules in one folder, and seven circles among them: the ruler knew what it
measured, and a base model knew of tuning. CONTRIBUTING.md shows the rooms as a table.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
#: From the ground up: which rooms a room may import from, besides itself.
MAY_IMPORT = {
    "common": (),
    "show": ("common",),
    "models": ("common", "show"),
    "costs": ("common", "show"),
    "setup": ("common", "models"),
    "measure": ("common", "show", "models", "costs"),
    "chat_files": ("common", "show", "models", "costs"),
    "lora": ("common", "show", "models", "measure", "chat_files"),
    "tasks": ("common", "models", "measure"),
    "autotrain": ("common", "show", "models", "setup", "lora"),
    "practice": ("common", "models", "costs", "chat_files", "lora"),
    "services": ("common", "show", "costs", "chat_files", "practice"),
    "lessons": ("common", "show", "models", "setup", "measure", "lora", "tasks", "services"),
    "exercises": ("common", "show", "models", "costs", "measure", "chat_files", "lora", "tasks",
                  "autotrain", "services"),
    "decision": ("common", "show", "models", "costs", "measure", "lora", "tasks", "exercises"),
    "assignment": ("common", "models", "costs", "measure", "chat_files", "lora", "tasks",
                   "services", "decision"),
}
#: The floors of the practice service, likewise. Its three files at the top are what a client
#: needs to find or start it; they are below all floors, but for the command line.
FLOORS = {
    "store": (),
    "protocol": ("store",),
    "answers": ("store", "protocol"),
    "trainer": ("store", "protocol"),
    "web": ("store", "protocol", "answers", "trainer"),
}
#: lessonlib/__init__.py hands these on, so a face may name them; it is not a way round the ladder.
FACE = {"connect": "services", "evaluate": "measure", "Method": "measure", "compare": "measure",
        "Scoreboard": "measure"}


def files(package: str) -> dict[str, Path]:
    """{dotted name: file} of a package, for example ``lessonlib.lora.loop``."""
    found = {}
    for path in sorted((PROJECT / package).rglob("*.py")):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path], lazy: bool = True) -> set[str]:
    """The modules among ``known`` that a file imports, wherever in it, also by their names as
    text (``importlib.import_module("lessonlib.x")``) and through the face of lessonlib.

    Args:
        lazy: with those that are imported for an annotation only, or inside a function.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if lazy else _at_once(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are written whole"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found |= {name for name in (inner, node.module) if name in known}
                if node.module == "lessonlib" and alias.name in FACE:
                    found.add(f"lessonlib.{FACE[alias.name]}")
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            found |= {text.value for text in node.args
                      if isinstance(text, ast.Constant) and text.value in known}
    return found - {"lessonlib"}


def _at_once(tree: ast.Module):
    """The nodes that run when a file is imported."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from ast.walk(node)


def room_of(name: str) -> str:
    return (name.split(".") + [""])[1]


LESSONLIB = files("lessonlib")


def test_each_room_is_on_the_ladder():
    folders = {path.name for path in (PROJECT / "lessonlib").iterdir()
               if path.is_dir() and path.name not in ("__pycache__", "locale")}
    assert folders == set(MAY_IMPORT)
    loose = [path.name for path in (PROJECT / "lessonlib").glob("*.py")]
    assert loose == ["__init__.py"], "each module lies in a room"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_from_rooms_below(room):
    seen = 0
    for name, path in LESSONLIB.items():
        if room_of(name) == room:
            seen += 1
            used = {room_of(other) for other in imports(path, LESSONLIB)}
            wrong = used - {room, *MAY_IMPORT[room]}
            assert not wrong, f"{name} imports from {', '.join(sorted(wrong))}"
    assert seen, f"no file in {room}: the test would pass whatever they import"


def test_the_table_itself_runs_one_way():
    order = list(MAY_IMPORT)
    for room, below in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(room) for other in below), room


@pytest.mark.parametrize("floor", FLOORS)
def test_the_floors_of_the_practice_service(floor):
    names = [name for name in LESSONLIB if name.startswith(f"lessonlib.practice.{floor}")]
    assert names
    for name in names:
        used = {other.split(".")[2] for other in imports(LESSONLIB[name], LESSONLIB)
                if other.startswith("lessonlib.practice.")} & set(FLOORS)
        assert not used - {floor, *FLOORS[floor]}, name


@pytest.mark.parametrize("package", ["lessonlib", "tools", "factory", "benchmarks"])
def test_no_file_is_in_an_import_circle(package):
    """Faces stand aside: they load a name when it is asked for, and import nothing themselves."""
    known = files(package)
    graph = {name: imports(path, known) - {name} for name, path in known.items()
             if path.name != "__init__.py"}
    graph = {name: {to for to in others if to in graph} for name, others in graph.items()}
    assert sum(map(len, graph.values())) > 3, "the reader of imports finds none"
    assert not circles(graph)


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of files that reach each other (strongly connected, by reachability)."""
    def reached(start: str) -> set[str]:
        seen, rest = set(), [start]
        while rest:
            new = graph[rest.pop()] - seen
            seen |= new
            rest += new
        return seen

    reach = {name: reached(name) for name in graph}
    return [{name} | {other for other in reach[name] if name in reach[other]}
            for name in graph if name in reach[name]]


def test_a_circle_would_be_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert not circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_an_import_inside_a_function_is_seen(tmp_path):
    code = ("def f():\n    from lessonlib.lora import loop\n"
            "import importlib\nimportlib.import_module('lessonlib.tasks.recipes')\n"
            "from lessonlib import connect\n")
    path = tmp_path / "one.py"
    path.write_text(code, encoding="utf-8")
    assert imports(path, LESSONLIB) == {"lessonlib.lora", "lessonlib.lora.loop",
                                        "lessonlib.tasks.recipes", "lessonlib.services"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_says_what_it_is_and_who_should_read_it(room):
    text = (PROJECT / "lessonlib" / room / "__init__.py").read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) or ""
    assert re.search(r"\b[Rr]ead\b|need not read|never needs", said), f"{room}: {said}"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_face_names_what_is_there_and_no_file_bears_its_name(room):
    """``lora.tune`` is the function: a file ``lora/tune.py`` would take its place once imported."""
    package = __import__(f"lessonlib.{room}", fromlist=["*"])
    for name in getattr(package, "__all__", []):
        assert callable(getattr(package, name)), name
        assert f"lessonlib.{room}.{name}" not in LESSONLIB, name


def test_contributing_shows_the_rooms_in_their_order():
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `lessonlib/(\w+)/` \|", text, re.MULTILINE)
    assert shown == list(MAY_IMPORT)
